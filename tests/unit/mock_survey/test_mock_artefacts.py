"""Artefacts that do what they say, as often as asked."""

import numpy as np
import pytest
from scipy import ndimage

from mock_survey.images import artefacts

SEEDS = range(6)


def made(kind, seed):
    """A defect on an empty sky of one nanomaggie."""
    clean = np.ones((152, 152, 3), np.float32)
    return artefacts.ARTEFACTS[kind](clean, np.random.default_rng(seed)) - 1


@pytest.mark.parametrize("seed", SEEDS)
def test_satellite_trail_crosses_one_band(seed):
    trail = made("satellite_trail", seed)
    assert ((trail != 0).any(axis=(0, 1))).sum() == 1
    rows, columns = np.nonzero(trail.max(axis=2) > 0.5 * np.median(trail.max(axis=2)[trail.max(axis=2) > 0.01]))
    assert max(np.ptp(rows), np.ptp(columns)) > 60
    line = np.linalg.svd(np.cov(rows, columns))[1]
    assert line[0] > 20 * line[1]  # long and thin


def test_every_third_trail_is_an_aircrafts():
    def pieces(seed):  # a row of flashes falls apart where a line does not
        trail = made("satellite_trail", seed).max(axis=2)
        return ndimage.label(trail > 0.6 * trail.max(), np.ones((3, 3)))[1]

    assert 0.15 < np.mean([pieces(seed) > 1 for seed in range(60)]) < 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_saturated_star_bleeds_along_rows(seed):
    star = made("saturated_bleed", seed)
    assert (star >= 0).all() and star.max() > 10
    for band in range(3):
        rows, columns = np.nonzero(star[..., band] > 0.05 * artefacts.SATURATED)
        bright_row = np.bincount(rows).argmax()
        assert np.ptp(columns[rows == bright_row]) >= np.bincount(columns).max() - 2


@pytest.mark.parametrize("seed", SEEDS)
def test_bright_star_glares_everywhere_with_spikes(seed):
    glare = made("bright_star", seed)
    assert (glare > 0).all()
    edge = np.concatenate([glare[0], glare[-1], glare[:, 0], glare[:, -1]])
    assert np.isclose(edge[:, 1].max(), glare[..., 1].max(), rtol=0.3)  # the star lies beyond the border


@pytest.mark.parametrize("seed", SEEDS)
def test_missing_band_is_zero(seed):
    lost = made("missing_band", seed) == -1
    assert sorted(lost.all(axis=(0, 1))) == [False, False, True] and lost.sum() == 152**2


def test_chip_edge_is_straight_and_spares_the_centre():
    bands = []
    for seed in range(30):
        lost = made("chip_edge", seed) == -1
        assert not lost[74:78, 74:78].any()
        touched = lost.any(axis=(0, 1))
        bands.append(touched.sum())
        beyond = lost[..., touched.argmax()]
        assert 0.05 < beyond.mean() < 0.5
        assert beyond.all(axis=0).any() or beyond.all(axis=1).any()
    assert set(bands) == {1, 3}


@pytest.mark.parametrize("seed", SEEDS)
def test_cosmic_rays_are_sharper_than_stars(seed):
    hit = made("cosmic_ray", seed)
    assert (np.abs(hit).max(axis=(0, 1)) > 0.05).sum() == 1
    band = hit[..., hit.max(axis=(0, 1)).argmax()]
    y, x = np.unravel_index(band.argmax(), band.shape)
    around = [band[max(y - 2, 0), x], band[min(y + 2, 151), x], band[y, max(x - 2, 0)], band[y, min(x + 2, 151)]]
    assert min(around) < 0.05 * band.max()


@pytest.mark.parametrize("fraction", [0.0, 0.1, 1.0])
def test_artefact_fraction(fraction):
    kinds = ["cosmic_ray", "missing_band"]
    drawn = artefacts.draw_artefacts(4000, fraction, kinds, np.random.default_rng(0))
    assert abs((drawn > 0).mean() - fraction) < 0.02
    assert {artefacts.NAMES[i] for i in drawn[drawn > 0]} == (set(kinds) if fraction else set())
