"""Template mixtures: their colours, and what their stars are."""

import numpy as np

from mock_survey import sed


def mixtures(n: int) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(5), n)


def test_photometry_is_that_of_kcorrect():
    coefficients, redshift = 1e10 * mixtures(30), np.linspace(0.01, sed.REDSHIFT_MAX, 30)
    exact = sed.kcorrect.apparent_magnitudes(
        coefficients / 1e10, redshift, list(sed.BANDS), sed.COSMOLOGY, stellar_mass=np.full(30, 1e10)
    )
    assert np.abs(sed.photometry(coefficients, redshift) - exact).max() < 0.01


def test_redden_to_reaches_the_colour_and_keeps_the_young_mixture():
    start = mixtures(200)
    mixed = sed.redden_to(np.full(200, 0.5), start)
    assert np.allclose(mixed.sum(axis=1), 1) and (mixed >= 0).all()
    assert np.percentile(np.abs(sed.colour(mixed) - 0.5), 75) < 1e-6
    young = ~sed.OLD
    assert np.allclose(
        mixed[:, young] / mixed[:, young].sum(axis=1, keepdims=True),
        start[:, young] / start[:, young].sum(axis=1, keepdims=True),
    )
    extreme = sed.redden_to(np.full(200, 5.0), start)
    light = extreme * sed.rest_flux("sdss2010-r")
    assert np.allclose(light[:, sed.OLD].sum(axis=1) / light.sum(axis=1), 0.99, atol=0.01)


def test_what_the_stars_are_is_per_galaxy():
    each = np.eye(5)
    assert np.allclose(sed.surviving_fraction(each), sed.kcorrect.mremain)
    assert np.allclose(sed.metallicity(each), sed.kcorrect.mets)
    assert np.allclose(sed.age(each, np.full(5, 0.01)), sed.template_ages())
    assert sed.template_ages().argmax() == 3 and 7 < sed.template_ages()[3] < 8
