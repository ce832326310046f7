"""Artefacts that do what they say, as often as asked."""

import numpy as np
import pytest
from scipy import ndimage

from mock_survey.images import artefacts

SEEDS = pytest.mark.parametrize("seed", range(6))


def made(kind, seed):
    """A defect on an empty sky of one nanomaggie."""
    return artefacts.ARTEFACTS[kind](np.ones((152, 152, 3), np.float32), np.random.default_rng(seed)) - 1


@SEEDS
def test_satellite_trail_crosses_one_band(seed):
    trail = made("satellite_trail", seed)
    assert (trail != 0).any(axis=(0, 1)).sum() == 1
    light = trail.max(axis=2)
    rows, columns = np.nonzero(light > 0.5 * np.median(light[light > 0.01]))
    assert max(np.ptp(rows), np.ptp(columns)) > 60
    long, wide = np.linalg.svd(np.cov(rows, columns))[1]
    assert long > 20 * wide


def test_every_third_trail_is_an_aircrafts():
    trails = [made("satellite_trail", seed).max(axis=2) for seed in range(60)]
    # A row of flashes falls apart where a line does not.
    pieces = np.array([ndimage.label(trail > 0.6 * trail.max(), np.ones((3, 3)))[1] for trail in trails])
    assert 0.15 < (pieces > 1).mean() < 0.5


@SEEDS
def test_saturated_star_bleeds_along_rows(seed):
    star = made("saturated_bleed", seed)
    assert (star >= 0).all() and star.max() > 10
    for band in range(3):
        rows, columns = np.nonzero(star[..., band] > 0.05 * artefacts.SATURATED)
        assert np.ptp(columns[rows == np.bincount(rows).argmax()]) >= np.bincount(columns).max() - 2


@SEEDS
def test_bright_star_glares_everywhere_from_beyond_the_border(seed):
    glare = made("bright_star", seed)
    edge = np.concatenate([glare[0], glare[-1], glare[:, 0], glare[:, -1]])
    assert (glare > 0).all() and np.isclose(edge[:, 1].max(), glare[..., 1].max(), rtol=0.3)


@SEEDS
def test_missing_band_is_zero(seed):
    lost = made("missing_band", seed) == -1
    assert sorted(lost.all(axis=(0, 1))) == [False, False, True] and lost.sum() == 152**2


def test_chip_edge_is_straight_and_spares_the_centre():
    bands = set()
    for seed in range(30):
        lost = made("chip_edge", seed) == -1
        assert not lost[74:78, 74:78].any()
        touched = lost.any(axis=(0, 1))
        bands.add(touched.sum())
        beyond = lost[..., touched.argmax()]
        assert 0.05 < beyond.mean() < 0.5 and (beyond.all(axis=0).any() or beyond.all(axis=1).any())
    assert bands == {1, 3}


@SEEDS
def test_cosmic_rays_are_sharper_than_stars(seed):
    hit = made("cosmic_ray", seed)
    assert (np.abs(hit).max(axis=(0, 1)) > 0.05).sum() == 1
    band = np.pad(hit[..., hit.max(axis=(0, 1)).argmax()], 2)
    y, x = np.unravel_index(band.argmax(), band.shape)
    assert min(band[y - 2, x], band[y + 2, x], band[y, x - 2], band[y, x + 2]) < 0.05 * band.max()


@pytest.mark.parametrize("fraction", [0.0, 0.1, 1.0])
def test_artefact_fraction(fraction):
    kinds = ["cosmic_ray", "missing_band"]
    drawn = artefacts.draw_artefacts(4000, fraction, kinds, np.random.default_rng(0))
    assert abs((drawn > 0).mean() - fraction) < 0.02
    assert {artefacts.NAMES[i] for i in drawn[drawn > 0]} == (set(kinds) if fraction else set())
