"""The oracle: it knows all that there is to know, and where noise drowns that, what was expected beforehand."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import r2_score
from small import small_survey

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey import oracle
from mock_survey.measurements import (
    flux_covariance,
    image_measurements,
    line_fluxes,
    spectrum_measurements,
    star_light,
)
from mock_survey.spectra import light as spectra
from mock_survey.spectra import spectrograph
from mock_survey.survey import truth

SURVEY = small_survey(256)


@pytest.fixture(scope="module")
def galaxies():
    return truth(SURVEY, 3)


@pytest.fixture(scope="module")
def drawn():
    return oracle.draw(SURVEY, 3)


def some(galaxies, rows, noise=1.0):
    """Some of the galaxies, with another level of noise in their spectra and images."""
    chosen = {name: values[rows] for name, values in galaxies.items()}
    return chosen | {name: noise * chosen[name] for name in ("spectrum_noise", "sky_noise")}


def exposed(galaxies, seed=3):
    flux = spectra.observed_spectra(galaxies, galaxies["aperture"])
    return spectrograph.expose(flux, galaxies, [np.random.default_rng([seed, 4, i]) for i in galaxies["index"]])[0]


def found(galaxies, drawn):
    return oracle.redshift_predictions(galaxies, exposed(galaxies), drawn)


def test_redshift_is_found_to_a_step_with_little_noise(galaxies, drawn):
    asked = some(galaxies, slice(60), noise=0.1)
    error = (found(asked, drawn) - asked["redshift"]) / (1 + asked["redshift"])
    assert np.abs(error).max() < 2 * oracle.STEP
    assert np.abs(error.mean()) < 0.1 * oracle.STEP


def test_redshift_is_the_expected_one_where_noise_drowns_all(galaxies, drawn):
    asked = some(galaxies, slice(60), noise=1e5)
    weight = np.exp(oracle.log_prior(drawn["redshift"]))
    mean = weight @ oracle.GRID / weight.sum()
    assert np.allclose(found(asked, drawn), mean, atol=1e-3)
    assert np.isclose(mean, drawn["redshift"].mean(), atol=2e-3)


def test_likelihood_is_that_of_the_pixels(galaxies):
    """Against the residuals' own, on galaxies without lines, which look the same with any resolution."""
    asked = some(galaxies, np.flatnonzero(galaxies["ionisation"] == 0)[:3], noise=0.3)
    flux = exposed(asked)
    asked["line_luminosity"], asked["nuclear_width"] = 0 * asked["line_luminosity"], 0 * asked["nuclear_width"]
    places = np.linspace(0, oracle.LAGS - 1, 7).astype(int)
    for i in range(3):
        one = {name: values[i : i + 1] for name, values in asked.items()}
        clean = spectra.observed_spectra(one, one["aperture"])
        sigma = spectrograph.noise_sigma(clean, one["spectrum_noise"], one["noise_tilt"])[0]
        sky = spectrograph.BACKGROUND[one["target"][0]] * spectrograph.background_shape()
        masked = np.where(np.arange(WAVELENGTH.size) % 8, 0, flux[i])
        seen = masked != 0
        inverse = np.linalg.inv(np.diag(sigma[seen] ** 2) + np.outer(sky[seen], sky[seen]))
        expected = clean[0, seen] @ inverse @ clean[0, seen]
        wanted = []
        for k in places:
            there = {"redshift": oracle.GRID[k : k + 1]}
            light = spectra.observed_spectra(one | there, one["aperture"])[0, seen]
            left = masked[seen] - light * np.sqrt(expected / (light @ inverse @ light))
            wanted.append(-0.5 * left @ inverse @ left)
        got = oracle.log_likelihood(one, masked[None])[0, places]
        assert np.allclose(got - got[0], np.array(wanted) - wanted[0], rtol=0.01, atol=0.005 * np.ptp(wanted))


def test_line_fluxes_are_those_put_in():
    centre, width, put_in = np.array([[5000.0, 7000.3, 20000.0]]), np.array([[1.5, 2.5, 2.0]]), [3, 7, 0]
    gas = norm.pdf(WAVELENGTH, centre.T, width.T).T @ put_in
    flux, error = line_fluxes(gas[None], np.full((1, WAVELENGTH.size), 0.2), centre, width)
    assert np.allclose(flux[0, :2], [3, 7], rtol=1e-3)
    assert np.isnan(flux[0, 2]) and np.isnan(error[0, 2])
    # White noise of 0.2 in pixels of 0.8 angstrom: the integral of the squared profile is 1 / (2 sqrt(pi) width).
    assert np.allclose(error[0, :2], 0.2 * np.sqrt(0.8 * 2 * np.sqrt(np.pi) * width[0, :2]), rtol=1e-3)


def test_measured_spectra_approach_the_truth(galaxies, drawn):
    light, shares = star_light(some(galaxies, slice(100)))
    errors = {}
    for noise in (1e-3, 1, 100):
        measured = spectrum_measurements(some(galaxies, slice(100), noise), drawn, np.random.default_rng(0))
        errors[noise] = np.abs(measured[:, -5:] - shares).mean()
        if noise == 1e-3:
            assert np.allclose(measured[:, 1], np.log10(light), atol=0.05)
    assert errors[1e-3] < 0.2 * errors[1] < 0.2 * errors[100]
    # Where nothing is seen, the shares are the mean ones.
    assert np.isclose(errors[100], np.abs(star_light(drawn)[1].mean(axis=0) - shares).mean(), rtol=0.2)


def test_covariance_of_fluxes_is_that_of_a_fit_to_pixels():
    spread = np.array([6.0, 15.0])
    y, x = np.mgrid[-60:61, -60:61]
    profiles = np.stack([np.exp(-0.5 * (x**2 + y**2) / s) / (2 * np.pi * s) for s in spread]).reshape(2, -1)
    fit = 0.1**2 * np.linalg.inv(profiles @ profiles.T)
    got = flux_covariance(np.zeros((1, 3, 2)), np.tile(spread, (1, 3, 1)), np.full((1, 3), 0.1))
    assert np.allclose(got[0, 0], fit, rtol=1e-3)


def test_magnitudes_are_as_noisy_as_the_pixels(galaxies):
    measured = np.stack([image_measurements(galaxies, np.random.default_rng(i))[:, 2] for i in range(40)])
    seen = galaxies["magnitudes"][:, 1] - 2.5 * np.log10(galaxies["galactic_transmission"][:, 1])
    deviation = measured.std(axis=0)
    assert np.median(np.abs(measured.mean(axis=0) - seen) / deviation) < 0.3
    # A compact galaxy's noise is at least that of the point-spread function's own pixels.
    least = galaxies["sky_noise"][:, 1] * np.sqrt(4 * np.pi) * galaxies["psf_sigma"][:, 1] / 10 ** (0.4 * (22.5 - seen))
    assert np.median(deviation / (1.0857 * least)) > 1 and (deviation < 0.3).all()


def test_expected_value_of_a_known_law():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(20_000)
    x = np.column_stack([y + rng.standard_normal(y.size), np.zeros(y.size)])
    asked = np.array([[-2.0, 0], [0, 0], [1, 0]])
    assert np.allclose(oracle.expected(x, y, asked, 0), [-1, 0, 0.5], atol=0.15)


def test_predictions_for_a_small_survey(galaxies, drawn):
    rows = np.arange(0, 256, 4)
    flux = exposed(some(galaxies, rows))
    first, again = (oracle.oracle_predictions(SURVEY, 3, rows, flux) for _ in range(2))
    score = {}
    for name, both in first.items():
        for modality, values in both.items():
            assert np.array_equal(values, again[name][modality])
            score[name, modality] = r2_score(oracle.PROPERTIES[name](galaxies)[rows], values)
    assert set(score) == {(name, of) for name in oracle.PROPERTIES for of in ("image", "spectrum")}
    assert score["redshift", "spectrum"] > 0.95 and score["log_mstar", "spectrum"] > 0.85
    assert score["redshift", "image"] > 0.6 and score["log_mstar", "image"] > 0.6
    assert not np.isin(galaxies["redshift"], drawn["redshift"]).any()  # they learn from another survey
