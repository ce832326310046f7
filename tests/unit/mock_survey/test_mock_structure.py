"""Sizes, shapes, bulges, bars and motions of the drawn galaxies."""

import numpy as np
import pytest

from mock_survey import population, sed, structure


@pytest.fixture(scope="module")
def galaxies():
    return population.draw_population(8000, 5, 19.5)


def test_bulge_and_disc_add_up(galaxies):
    bulge, disc, light = galaxies["bulge_coefficients"], galaxies["disc_coefficients"], galaxies["bulge_share"]
    assert (bulge >= 0).all() and (disc >= 0).all()
    assert np.allclose(bulge + disc, galaxies["coefficients"])
    assert np.allclose(light[:, 1], galaxies["bulge_to_total"], atol=1e-6)
    own, all_of_it = (sed.photometry(part, galaxies["redshift"]) for part in (bulge, galaxies["coefficients"]))
    assert np.allclose(10 ** (-0.4 * (own - all_of_it)), light)


def test_bulges_are_redder_than_their_discs(galaxies):
    both = (galaxies["bulge_to_total"] > 0.05) & (galaxies["bulge_to_total"] < 0.95)
    gradient = sed.colour(galaxies["bulge_coefficients"][both]) - sed.colour(galaxies["disc_coefficients"][both])
    assert (gradient > -1e-6).all()
    spiral, quiescent = galaxies["morphology"][both] == 2, galaxies["quiescent"][both]
    assert 0.15 < np.median(gradient[spiral & ~quiescent]) < 0.3  # MacArthur et al. 2004, Vika et al. 2014
    parts = (galaxies[f"{part}_coefficients"][both] for part in ("bulge", "disc"))
    bulge, disc = (sed.age(part, galaxies["redshift"][both]) for part in parts)
    assert (bulge >= disc - 1e-6).mean() > 0.9


def test_inclined_spirals_are_redder(galaxies):
    spiral = (galaxies["morphology"] == 2) & ~galaxies["quiescent"]
    colour = sed.colour(galaxies["coefficients"])
    edge_on, face_on = spiral & (galaxies["inclination"] > 75), spiral & (galaxies["inclination"] < 40)
    assert 0.04 < np.median(colour[edge_on]) - np.median(colour[face_on]) < 0.2
    assert np.allclose(structure.inclination(np.array([0.1, 0.2, 1.0])), [90, 90, 0])


def test_motions(galaxies):
    rng = np.random.default_rng(0)
    # Zahid et al. (2016): 140 km/s at 10^10.5; Reyes et al. (2011): 139 km/s at 10^10.1 solar masses.
    assert abs(np.median(structure.stellar_dispersion(np.full(999, 10.5), rng)) - 139) < 5
    assert abs(np.median(structure.rotation_velocity(np.full(999, 10.1), rng)) - 139) < 5
    disc, tilt = (galaxies["morphology"] == 2) & ~galaxies["quiescent"], galaxies["inclination"]
    massive, gas = disc & (galaxies["log_mstar"] > 10), galaxies["gas_dispersion"]
    assert np.median(gas[massive & (tilt > 60)]) > 1.3 * np.median(gas[massive & (tilt < 35)])
    assert (gas[disc] >= structure.GAS_TURBULENCE).all()


def test_bars_rings_mergers_and_dust_lanes(galaxies):
    kind, colour = galaxies["morphology"], sed.colour(galaxies["coefficients"])
    disc = (kind == 1) | (kind == 2)
    bar, ring, lane = galaxies["bar"], galaxies["ring"], galaxies["dust_lane"]
    assert not bar[~disc].any() and not ring[~disc].any() and not lane[kind != 2].any()
    assert bar[disc & (colour > 0.65)].mean() > 2 * bar[disc & (colour < 0.45)].mean() > 0.15
    assert ring[bar].mean() > 1.5 * ring[disc & ~bar].mean() > 0.15
    assert 0.02 < galaxies["merger"].mean() < 0.05
    assert 0.03 < lane[kind == 2].mean() < 0.2 and galaxies["inclination"][lane].min() > 75
