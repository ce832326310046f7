"""The stored statistics of the sky: well formed, and what the files of observations give."""

import numpy as np
import pytest

from astroclip_book.data.imaging import SKY_NOISE
from astroclip_book.data.pairs import WAVELENGTH
from real_sky.sky import stored as sky


def test_stored_statistics_are_whole():
    real = sky.reference()
    assert set(real) == {"redshift", "colours", "spectra_std", "spectra_snr", "image_noise", "nearby"}
    assert all(part["source"] for part in real.values())
    percentiles = np.array(real["redshift"]["percentiles"])
    assert percentiles.shape == (101,) and (np.diff(percentiles) >= 0).all() and 0.2 < percentiles[50] < 0.3
    assert len(real["spectra_std"]["std"]) == len(sky.binned(WAVELENGTH)) == 251
    for one in real["colours"]["bins"]:
        assert one["n"] > 300 and all(one[name] == sorted(one[name]) for name in sky.COLOURS)


def test_coadds_are_as_deep_as_the_law_of_their_depth():
    noise = np.array(sky.reference()["image_noise"]["noise"])
    law = [location + scale for _, location, scale in SKY_NOISE]
    assert (np.abs(noise.mean(axis=0) / law - 1) < 0.3).all()


def test_percentiles_in_bins():
    x = np.repeat([0.5, 1.5, 2.5], [100, 100, 5])
    y = np.concatenate([np.linspace(0, 1, 100), np.linspace(10, 20, 100), np.zeros(5)])
    low, high = sky.binned_percentiles(x, y, (0, 1, 2, 3))  # the third bin has too few
    assert (low["centre"], high["centre"], low["n"]) == (0.5, 1.5, 100)
    assert low["percentiles"] == pytest.approx([0.16, 0.5, 0.84]) and high["percentiles"][1] == pytest.approx(15)


def test_objects_without_a_magnitude_have_no_colour():
    magnitudes = np.tile([17.5, 16.5, 16.0], (40, 1))
    magnitudes[:10, 0] = np.nan
    (one,) = sky.colour_percentiles(magnitudes)
    assert one["n"] == 30 and one["g_r"] == [1.0, 1.0, 1.0] and one["r_z"] == [0.5, 0.5, 0.5]


def leaves(tree, name=""):
    if isinstance(tree, dict):
        tree = {f"{name}.{key}": value for key, value in tree.items()}
    elif isinstance(tree, list):
        tree = {f"{name}[{place}]": value for place, value in enumerate(tree)}
    else:
        return {name: tree}
    return {key: leaf for place, value in tree.items() for key, leaf in leaves(value, place).items()}


def test_stored_statistics_are_those_of_the_files(realdata):
    from real_sky.sky.measure import measure

    stored, made = leaves(sky.reference()), leaves(measure(realdata))
    assert stored.keys() == made.keys() and len(stored) > 400
    for name, value in stored.items():
        assert made[name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-3, abs=1e-6)), name
