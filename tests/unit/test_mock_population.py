"""The drawn galaxies: reproducible, and like DESI's."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from astroclip_book.errors import BookError
from astroclip_book.mock import population


@pytest.fixture(scope="module")
def galaxies():
    return population.draw_population(6000, 0, 19.5)


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
    shares = np.bincount(galaxies["target"]) / galaxies["target"].size
    assert np.allclose(shares, population.SHARES, atol=1e-3)
    assert galaxies["redshift"].max() <= population.REDSHIFT_MAX


@pytest.mark.parametrize("limit", [-5.0, 10.0, 26.0])
def test_impossible_limit_is_refused(limit):
    with pytest.raises(BookError, match="magnitude_limit"):
        population.draw_population(100, 0, limit)


def test_masses_follow_luminosity(galaxies):
    # A galaxy at the knee of the luminosity function has some 10^10.5 solar masses; mass to light is 0.3 to 5 in r.
    knee = np.abs(galaxies["absolute_r"] + 21.3) < 0.2
    assert 10.3 < np.median(galaxies["log_mstar"][knee]) < 10.8
    mass_to_light = galaxies["log_mstar"] + 0.4 * (galaxies["absolute_r"] - 4.65)
    assert np.percentile(mass_to_light, 1) > -0.7 and np.percentile(mass_to_light, 99) < 0.7
    redness = galaxies["magnitudes"][:, 0] - galaxies["magnitudes"][:, 1]
    assert np.corrcoef(mass_to_light, redness)[0, 1] > 0.5


def test_surviving_mass_is_per_galaxy():
    coefficients = np.eye(5)
    assert np.allclose(population.surviving_fraction(coefficients), population.kcorrect.mremain)


def test_disc_radius_makes_the_half_light_radius():
    assert np.isclose(population.disc_radius(2.0, 0.0), 2.0, rtol=0.01)
    assert population.disc_radius(2.0, 0.5) > 2.5


def test_redshifts_like_the_release(galaxies, realdata):
    real = np.load(realdata / "astroclip_redshifts.npy")
    assert ks_2samp(galaxies["redshift"], real[(real > 0) & (real < 0.8)]).statistic < 0.07


def test_colours_near_desi_targets(galaxies, realdata):
    from astropy.table import Table

    table = Table.read(realdata / "bgs_bright_photometry.fits")
    g, r, z = (22.5 - 2.5 * np.log10(np.clip(table[f"FLUX_{band}"], 1e-3, None)) for band in "GRZ")
    mock_g, mock_r, mock_z = galaxies["magnitudes"].T
    for low, high in [(16, 17.5), (17.5, 18.5), (18.5, 19.5)]:
        real, mock = (r > low) & (r < high), (mock_r > low) & (mock_r < high)
        assert abs(np.median((g - r)[real]) - np.median((mock_g - mock_r)[mock])) < 0.25
        assert abs(np.median((r - z)[real]) - np.median((mock_r - mock_z)[mock])) < 0.12


def test_sizes_of_nearby_galaxies(galaxies, realdata):
    rows = np.genfromtxt(realdata / "resolve_galaxies.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    circular = rows["r50"] * np.sqrt(np.clip(rows["b_a"], 0.01, 1)) / 206265 * rows["cz"] / 70 * 1e3  # kpc
    distance = population.COSMOLOGY.angular_diameter_distance(galaxies["redshift"]).to_value("kpc")
    mock = galaxies["radius"] / 206265 * distance
    for low in (-22.0, -21.0, -20.0):
        real = (rows["absrmag"] > low) & (rows["absrmag"] < low + 1) & (circular > 0)
        same = (galaxies["absolute_r"] > low) & (galaxies["absolute_r"] < low + 1)
        assert 0.7 < np.median(mock[same]) / np.median(circular[real]) < 1.4
