"""Mixtures of templates; the drawn galaxies, their sizes, shapes and motions: reproducible, and like DESI's and nearby ones."""

import runpy

import numpy as np
import pytest
from scipy.stats import ks_2samp

from bookmaking.presets import ROOT
from mock_survey import population, sed, structure
from real_sky import sky


@pytest.fixture(scope="module")
def galaxies():
    return population.draw_population(12000, 0, 19.5)


@pytest.fixture(scope="module")
def nearby():
    """Galaxies within 260 Mpc, as those of RESOLVE."""
    drawn = population.draw_population(12000, 1, 17.0)
    return {name: values[drawn["redshift"] < 0.06] for name, values in drawn.items()}


@pytest.fixture(scope="module")
def resolve(realdata):
    rows = np.genfromtxt(realdata / "resolve_galaxies.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    return rows[rows["logmstar"] > 0]


def mixtures(n: int) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(5), n)


def test_photometry_is_that_of_kcorrect():
    coefficients, redshift = mixtures(30), np.linspace(0.01, sed.REDSHIFT_MAX, 30)
    mass, bands = np.full(30, 1e10), list(sed.BANDS)
    exact = sed.kcorrect.apparent_magnitudes(coefficients, redshift, bands, sed.COSMOLOGY, stellar_mass=mass)
    assert np.abs(sed.photometry(1e10 * coefficients, redshift) - exact).max() < 0.01


def test_what_the_stars_are_is_per_galaxy():
    each = np.eye(5)
    assert np.allclose(sed.surviving(each), [sed.kcorrect.mremain, sed.kcorrect.mets])
    assert np.allclose(sed.age(each, np.full(5, 0.01)), sed.template_ages())
    assert sed.template_ages().argmax() == 3 and 7 < sed.template_ages()[3] < 8


def test_same_seed_same_galaxies_and_global_state_untouched():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    first, second = population.draw_population(100, 3, 19.5), population.draw_population(100, 3, 19.5)
    other = population.draw_population(100, 4, 19.5)
    assert all((first[name] == second[name]).all() for name in first)
    assert (first["redshift"] != other["redshift"]).all()
    assert (np.random.get_state()[1] == before).all()


def test_magnitude_limits_of_the_target_classes(galaxies):
    r = galaxies["magnitudes"][:, 1]
    bright, faint, lrg = (galaxies["target"] == k for k in range(3))
    assert r[bright].max() < 19.5 <= r[faint].min() < r[faint].max() < 20.175 <= r[lrg].min()
    shares = np.bincount(population.STRATA, population.SHARES)
    assert np.allclose(np.bincount(galaxies["target"]) / r.size, shares, atol=1e-3)
    assert np.mean(r < 17.77) == pytest.approx(0.16, abs=2e-3)
    assert galaxies["redshift"].max() <= population.REDSHIFT_MAX


def test_masses_follow_luminosity(galaxies):
    # A galaxy at the knee of the luminosity function has some 10^10.4 solar masses; mass to light is 0.2 to 5 in r.
    knee = np.abs(galaxies["absolute_r"] + 21.3) < 0.2
    assert 10.1 < np.median(galaxies["log_mstar"][knee]) < 10.7
    mass_to_light = galaxies["log_mstar"] + 0.4 * (galaxies["absolute_r"] - 4.65)
    assert np.percentile(mass_to_light, 1) > -0.9 and np.percentile(mass_to_light, 99) < 0.7
    assert np.corrcoef(mass_to_light, sed.colour(galaxies["coefficients"]))[0, 1] > 0.88


def test_main_sequence_and_quiescent_galaxies(galaxies):
    quiescent, mass = galaxies["quiescent"], galaxies["log_mstar"]
    specific = galaxies["log_sfr"] - mass
    # Renzini & Peng (2015), equation 1, rising as (1 + z)^2.8 (Sargent et al. 2012).
    above = galaxies["log_sfr"] - (0.76 * mass - 7.64 + 2.8 * np.log10((1 + galaxies["redshift"]) / 1.05))
    # Rates follow from the widths of H-alpha in DESI: that they lie near the sequence is no input.
    assert abs(np.median(above[~quiescent])) < 0.3 and 0.2 < above[~quiescent].std() < 0.5
    assert np.median(specific[quiescent]) < -11.8 and (specific[~quiescent] > -11).mean() > 0.97
    share = [quiescent[(mass > low) & (mass < low + 0.5)].mean() for low in (9.0, 9.5, 10.0, 10.5, 11.0)]
    assert (np.diff(share) > 0).all() and share[0] < 0.15 and share[-1] > 0.4
    blueness = -sed.colour(galaxies["coefficients"][~quiescent])
    assert np.corrcoef(blueness, specific[~quiescent])[0, 1] > 0.5


def test_stars_of_quiescent_galaxies_are_older_and_richer_in_metals(galaxies):
    quiescent = galaxies["quiescent"]
    assert np.median(galaxies["age"][quiescent]) > np.median(galaxies["age"][~quiescent]) + 0.8
    assert np.median(galaxies["log_z"][quiescent]) > np.median(galaxies["log_z"][~quiescent]) - 0.02
    assert (galaxies["age"] <= population.COSMOLOGY.age(galaxies["redshift"]).value).all()
    dwarf, giant = galaxies["log_mstar"] < 9.3, galaxies["log_mstar"] > 10.8
    assert np.median(galaxies["log_z"][giant]) > np.median(galaxies["log_z"][dwarf]) + 0.03


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
    assert 0.04 < np.median(colour[edge_on]) - np.median(colour[face_on]) < 0.25
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


def test_redshifts_like_the_release(galaxies, realdata):
    real = np.load(realdata / "astroclip_redshifts.npy")
    assert ks_2samp(galaxies["redshift"], real[(real > 0) & (real < 0.8)]).statistic < 0.07


def test_the_luminosity_function_gives_the_counts_on_the_sky():
    with population.legacy_seed(0):
        pool = population._draw_pool(19.5, 20.0, np.random.default_rng(0))
    # Strauss et al. (2002) and Hahn et al. (2023).
    for limit, expected in ((17.77, 92), (19.5, 864)):
        assert (pool["magnitudes"][:, 1] < limit).sum() / 20 == pytest.approx(expected, rel=0.15)


def test_colours_at_given_redshift_and_magnitude_like_gama(galaxies):
    ours = sky.colour_percentiles(galaxies["magnitudes"], galaxies["redshift"])
    for colour, bins in sky.colour_distances(ours, sky.reference()["colours"]["bins"]).items():
        assert len(bins) == 9
        for name, one in bins.items():
            assert abs(one["median_difference"]) < 0.08 and 0.7 < one["width_ratio"] < 1.35, (colour, name, one)


def test_the_fitted_population_is_that_of_the_files(realdata):
    fit = runpy.run_path(str(ROOT / "datasets" / "fit_population.py"))["_galaxies"]
    file = np.load(realdata / "mock_targets" / "kcorrect5_coefficients.npz", allow_pickle=False)
    z, magnitude, coefficients, _ = fit(file, "gama")
    drawn = population.template_mix(z, magnitude, np.random.default_rng(0))
    # Mass to light in r: the same mixtures, so the same masses at given redshift and luminosity.
    ratios = [np.log10((c @ sed.kcorrect.mremain) / (c @ sed.rest_flux(sed.REST_BAND))) for c in (coefficients, drawn)]
    for low in (-23, -22, -21, -20, -19):
        inside = (magnitude > low) & (magnitude < low + 1)
        medians = [np.percentile(ratio[inside], [16, 50, 84]) for ratio in ratios]
        assert np.abs(medians[0] - medians[1]).max() < 0.1


def test_apparent_sizes_and_shapes_like_desi_targets(galaxies, realdata):
    cells = runpy.run_path(str(ROOT / "datasets" / "fit_images.py"))["cells"]
    size, ratio = galaxies["radius"] / np.sqrt(galaxies["axis_ratio"]), galaxies["axis_ratio"]
    compared = cells(realdata / "mock_targets/desitarget_dr9_gmm", galaxies)
    off = [np.quantile(np.log10(size[rows]), (0.16, 0.5, 0.84)) - real for real, _, rows, _ in compared]
    assert len(off) > 15 and (np.sqrt(np.square(off).mean(axis=0)) < 0.08).all()
    off = [np.log10(np.median(ratio[rows]) / np.median(real)) for _, real, rows, _ in compared]
    assert np.sqrt(np.square(off).mean()) < 0.08


def test_colour_mass_and_size_like_nearby_galaxies(nearby, resolve):
    real_size = resolve["r50"] * np.sqrt(np.clip(resolve["b_a"], 0.01, 1)) / 206265 * resolve["cz"] / 70 * 1e3  # kpc
    distance = population.COSMOLOGY.angular_diameter_distance(nearby["redshift"]).to_value("kpc")
    size = nearby["radius"] / 206265 * distance

    def medians(mock, real, by, low):
        """Of a property, of mock and of real galaxies that another one puts into a bin of half a unit."""
        both = zip((mock, real), by, strict=True)
        return [np.median(values[(other > low) & (other < low + 0.5)]) for values, other in both]

    luminosity, mass = (nearby["absolute_r"], resolve["absrmag"]), (nearby["log_mstar"], resolve["logmstar"])
    colour = sed.colour(nearby["coefficients"]), resolve["modelg_r"]
    for low in (-22.5, -22.0, -21.5, -21.0, -20.5, -20.0, -19.5):
        assert abs(np.subtract(*medians(*mass, luminosity, low))) < 0.15
        assert abs(np.subtract(*medians(*colour, luminosity, low))) < 0.12
    for low in (9.0, 9.5, 10.0, 10.5):
        assert 0.8 < np.divide(*medians(size, real_size, mass, low)) < 1.25
        assert abs(np.subtract(*medians(nearby["axis_ratio"], resolve["b_a"], mass, low))) < 0.16  # of bulge and disc
