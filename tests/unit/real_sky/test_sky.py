"""Statistics of the sky: well formed, what the files of observations give, and nothing for what is alike."""

import runpy

import numpy as np
import pytest

from astroclip_book.data.pairs import N_WAVELENGTH, SKY_NOISE, WAVELENGTH
from bookmaking.presets import ROOT
from real_sky import sky
from real_sky.sky import STATISTICS, WINDOWS, probe, texture


def test_stored_statistics_are_whole():
    real = sky.reference()
    assert set(real) == {"redshift", "colours", "spectra_std", "spectra_snr", "image_noise", "nearby"}
    assert all(part["source"] for part in real.values())
    percentiles = np.array(real["redshift"]["percentiles"])
    assert percentiles.shape == (101,) and (np.diff(percentiles) >= 0).all() and 0.2 < percentiles[50] < 0.3
    assert len(real["spectra_std"]["std"]) == len(sky.binned(WAVELENGTH)) == 251
    for one in real["colours"]["bins"].values():
        assert one["n"] > 150 and all(one[name] == sorted(one[name]) for name in sky.COLOURS)


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


def assert_same(made, stored):
    if isinstance(stored, (dict, list)):
        assert len(made) == len(stored)
        for key in stored if isinstance(stored, dict) else range(len(stored)):
            assert_same(made[key], stored[key])
    else:
        assert made == (stored if isinstance(stored, str) else pytest.approx(stored, rel=1e-3, abs=1e-6))


def test_stored_statistics_are_those_of_the_files(realdata):
    measure = runpy.run_path(str(ROOT / "datasets" / "measure_sky.py"))["measure"]
    assert_same(measure(realdata), sky.reference())


def galaxies(n, seed, shift=0.0, stretch=1.0):
    rng = np.random.default_rng(seed)
    r = rng.uniform(16, 19.5, n)
    g_r, r_z = 0.7 + shift + 0.2 * stretch * rng.standard_normal(n), 0.5 + 0.1 * rng.standard_normal(n)
    return np.stack([r + g_r, r, r - r_z], axis=1)


def test_colours_at_fixed_redshift_and_magnitude():
    z = np.random.default_rng(2).uniform(0.04, 0.26, 20_000)
    theirs = sky.colour_percentiles(galaxies(20_000, 0), z)
    assert list(theirs) == [f"z{near}_r{r}" for near in ("04", "10", "18") for r in (16, 17, 18)]
    found = sky.colour_distances(sky.colour_percentiles(galaxies(20_000, 1, shift=0.1, stretch=1.5), z), theirs)
    for name in theirs:
        assert found["g_r"][name]["median_difference"] == pytest.approx(0.1, abs=0.03)
        assert found["g_r"][name]["width_ratio"] == pytest.approx(1.5, rel=0.08)
        assert found["r_z"][name]["median_difference"] == pytest.approx(0, abs=0.02)
    few = galaxies(20_000, 1)
    few[few[:, 1] > 17] = np.nan  # objects without a magnitude have no colour
    compared = sky.colour_distances(sky.colour_percentiles(few, z), theirs)["g_r"]
    assert list(compared) == ["z04_r16", "z10_r16", "z18_r16"]
    assert sky.colour_percentiles(np.full((3, 3), np.nan), z[:3]) == {}


def test_sky_noise_ignores_the_galaxy_and_few_neighbours():
    images = 0.02 * np.random.default_rng(0).standard_normal((20, 152, 152, 3)) + 0.01
    images[:, 60:90, 60:90] += 10
    images[:, :6, 20:30] += 10
    assert np.median(sky.sky_noise(images), axis=0) == pytest.approx([0.02] * 3, rel=0.03)


def spectra(n, seed, correlated=False):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n, N_WAVELENGTH + 1))
    noise = (noise[:, 1:] + noise[:, :-1]) / np.sqrt(2) if correlated else noise[:, 1:]
    shape = 5 + rng.uniform(-2, 2, (n, 1)) * (WAVELENGTH - 6000) / 3000
    return shape + noise * np.exp(rng.normal(0, 0.2, (n, 1)))


def test_texture_ignores_scale_and_level():
    flux = spectra(5, 0)
    features = texture(flux)
    assert features.shape == (5, len(STATISTICS) * WINDOWS) and np.isfinite(features).all()
    np.testing.assert_allclose(texture(3 * flux + 100), features, rtol=1e-6, atol=1e-8)
    which = STATISTICS.index("correlation, 1 pixel")
    both = [texture(spectra(50, 1, correlated)) for correlated in (False, True)]
    white, correlated = (one.reshape(50, len(STATISTICS), WINDOWS)[:, which] for one in both)
    assert np.abs(white.mean()) < 0.02 and correlated.mean() == pytest.approx(0.5, abs=0.03)


def test_probe_tells_what_differs_and_nothing_else():
    mock = texture(spectra(120, 0))
    same = probe(mock, texture(spectra(25, 1)), 200, 0)
    other = probe(mock, texture(spectra(25, 2, correlated=True)), 200, 0)
    assert same["auc_ci95"][0] < 0.5 < same["auc_ci95"][1]
    assert other["auc"] > 0.98 and (other["n_mock"], other["n_real"]) == (120, 25)
