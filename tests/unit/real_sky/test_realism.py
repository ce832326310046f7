"""Distances from the sky: nothing for the sky itself, the right size for a known difference."""

import numpy as np
import pytest
from small import write_pairs

from astroclip_book.data.imaging import SKY_NOISE
from astroclip_book.data.pairs import N_WAVELENGTH, WAVELENGTH, Pairs, index_pairs
from real_sky.sky import distances as realism
from real_sky.sky import hosts
from real_sky.sky import stored as sky
from real_sky.sky.texture import STATISTICS, WINDOWS, texture, z_scored


def test_ks_distance_to_percentiles():
    rng = np.random.default_rng(0)
    real = rng.gamma(4, 0.06, 20_000)
    percentiles = np.percentile(real, np.arange(101)).tolist()
    assert realism.redshift_ks(real, percentiles) < 0.01
    same = rng.gamma(4, 0.06, 5000)
    assert realism.redshift_ks(same, percentiles) < 0.03
    from scipy.stats import ks_2samp

    other = rng.gamma(4, 0.08, 5000)
    inside = other[(other > real.min()) & (other < real.max())]
    assert realism.redshift_ks(other, percentiles) == pytest.approx(ks_2samp(inside, real).statistic, abs=0.01)
    assert realism.redshift_ks(other, percentiles) > 0.2


def galaxies(n, seed, shift=0.0, stretch=1.0):
    rng = np.random.default_rng(seed)
    r = rng.uniform(16, 19.5, n)
    g_r, r_z = 0.7 + shift + 0.2 * stretch * rng.standard_normal(n), 0.5 + 0.1 * rng.standard_normal(n)
    return np.stack([r + g_r, r, r - r_z], axis=1)


def test_colours_at_fixed_magnitude():
    bins = sky.colour_percentiles(galaxies(20_000, 0))
    assert [one["r"] for one in bins] == [[16, 17], [17, 18], [18, 19], [19, 19.5]]
    found = realism.colour_distances(galaxies(20_000, 1, shift=0.1, stretch=1.5), bins)
    for edge in ("16", "17", "18", "19"):
        assert found["g_r"][edge]["median_difference"] == pytest.approx(0.1, abs=0.025)
        assert found["g_r"][edge]["width_ratio"] == pytest.approx(1.5, rel=0.06)
        assert found["r_z"][edge]["median_difference"] == pytest.approx(0, abs=0.015)
        assert found["r_z"][edge]["width_ratio"] == pytest.approx(1, rel=0.06)


def test_colours_without_galaxies_or_columns():
    bins = sky.colour_percentiles(galaxies(1000, 0))
    few = galaxies(1000, 1)
    found = realism.colour_distances(few[few[:, 1] < 17], bins)
    assert list(found["g_r"]) == ["16"]
    assert realism.colour_distances(realism.observed_magnitudes({"MAG_G": np.ones(3)}, 3), bins) == {
        "g_r": {},
        "r_z": {},
    }


def test_magnitudes_are_compared_behind_the_dust():
    free = {"MAG_G": np.array([18.0]), "MAG_R": np.array([17.0]), "MAG_Z": np.array([16.5])}
    np.testing.assert_array_equal(realism.observed_magnitudes(free, 1), [[18.0, 17.0, 16.5]])
    dust = {f"MW_TRANSMISSION_{band}": np.array([share]) for band, share in zip("GRZ", (0.5, 0.6, 0.8), strict=True)}
    np.testing.assert_allclose(realism.observed_magnitudes(free | dust, 1), [[18.753, 17.555, 16.742]], atol=1e-3)


def test_hosts_are_near_and_form_stars():
    n, rng = 20_000, np.random.default_rng(0)
    r, z = rng.uniform(14, 20.5, n), rng.uniform(0.01, 0.3, n)
    catalog = {"LOG_MSTAR": rng.uniform(9, 11, n), "LOG_SFR": rng.uniform(-2, 1, n)}
    weight = hosts.host_weight(r, z, catalog)
    assert weight.sum() == pytest.approx(1) and (weight[(r < 15) | (r > 19.5)] == 0).all()
    near = weight[z < 0.08].sum()
    expected = 0.14 * np.mean(z < 0.08) + 0.86  # but for the few beyond the reach
    assert expected - 0.3 < near < expected
    forming = catalog["LOG_SFR"] > 0.5
    assert weight[forming].sum() > 1.7 * forming.mean()
    assert (hosts.host_weight(r, z, {"LOG_MSTAR": catalog["LOG_MSTAR"]}) == 0).all()
    some = catalog | {"LOG_SFR": np.where(np.arange(n) < 100, np.nan, catalog["LOG_SFR"])}
    assert hosts.host_weight(r, z, some).sum() == pytest.approx(1)


def test_weights_undo_a_selection():
    galaxies_ = galaxies(40_000, 0)
    blue = galaxies_[:, 0] - galaxies_[:, 1] < 0.7
    kept = np.random.default_rng(1).random(40_000) < np.where(blue, 0.8, 0.2)
    bins = sky.colour_percentiles(galaxies_[kept])
    direct = realism.colour_distances(galaxies_, bins)["g_r"]["18"]
    weighted = realism.colour_distances(galaxies_, bins, np.where(blue, 0.8, 0.2))["g_r"]["18"]
    assert direct["median_difference"] > 0.05 and abs(weighted["median_difference"]) < 0.02
    assert weighted["width_ratio"] == pytest.approx(1, abs=0.05) and weighted["n"] < direct["n"]


def test_spread_of_pixels(tmp_path):
    path = write_pairs(tmp_path / "pairs.h5")
    pairs = Pairs(path, index_pairs(path, 0.2, 0)[0])
    positions = np.arange(len(pairs.index))
    expected = z_scored(pairs.spectra(positions)).std(axis=0)
    np.testing.assert_allclose(realism.spectra_spread(pairs, positions), expected, rtol=1e-4)


def test_share_of_bins_alike():
    real = np.linspace(0.5, 5, 251)
    spread = np.repeat(real, 31) * np.repeat(np.where(np.arange(251) < 200, 1.25, 1.35), 31)
    assert realism.share_alike(spread, real.tolist()) == pytest.approx(200 / 251)


def test_sky_noise_ignores_the_galaxy_and_few_neighbours():
    rng = np.random.default_rng(0)
    median = np.array([location + scale for _, location, scale in SKY_NOISE])
    images = 1.2 * median * rng.standard_normal((20, 152, 152, 3)) + 0.5 * median
    images[:, 60:90, 60:90] += 10
    images[:, :6, 20:30] += 10
    for ratio in realism.noise_ratio(images).values():
        assert ratio == pytest.approx(1.2, rel=0.03)


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
    white, correlated = (
        texture(spectra(50, 1, correlated=c)).reshape(50, len(STATISTICS), WINDOWS)[
            :, STATISTICS.index("correlation, 1 pixel")
        ]
        for c in (False, True)
    )
    assert np.abs(white.mean()) < 0.02 and correlated.mean() == pytest.approx(0.5, abs=0.03)


def test_probe_tells_what_differs_and_nothing_else():
    mock = texture(spectra(120, 0))
    same = realism.probe(mock, texture(spectra(25, 1)), 200, 0)
    other = realism.probe(mock, texture(spectra(25, 2, correlated=True)), 200, 0)
    assert same["auc_ci95"][0] < 0.5 < same["auc_ci95"][1]
    assert other["auc"] > 0.98 and (other["n_mock"], other["n_real"]) == (120, 25)


def test_companions_are_the_nearest_in_redshift_each_once():
    redshift = np.array([0.5, 0.1, 0.11, 0.3, 0.12, 0.31])
    assert realism.companions(redshift, np.array([0.1, 0.1]), 2).tolist() == [1, 2]
    assert realism.companions(redshift, np.array([0.1, 0.3]), 2).tolist() == [1, 2, 3, 5]


def test_relations_the_catalogue_allows():
    redshift = np.array([0.05, 0.3])
    catalog = {
        "LOG_MSTAR": np.array([10.0, 11.0]),
        "HALF_LIGHT_RADIUS": np.array([1.0, 1.0]),
        "MAG_G": np.array([17.5, 20.0]),
        "MAG_R": np.array([17.0, 19.0]),
    }
    relations = realism.scaling_relations(redshift, catalog)
    assert list(relations) == ["log_radius_of_mass", "mass_to_light_of_colour"]
    # One arcsec is 0.98 kpc at z = 0.05 and 4.45 kpc at 0.3 (H0 = 70, Om = 0.3); the distance modulus is 36.7.
    np.testing.assert_allclose(relations["log_radius_of_mass"][1], np.log10([0.977, 4.454]), atol=2e-3)
    colour, ratio = relations["mass_to_light_of_colour"]
    assert colour == pytest.approx([0.5]) and ratio == pytest.approx([10 + 0.4 * (17 - 36.74 - 4.65)], abs=0.02)
    assert realism.scaling_relations(redshift, {}) == {}
