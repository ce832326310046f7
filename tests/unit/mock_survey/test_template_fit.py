"""Redshifts by a fit of templates: right for the mock's own spectra, whatever their scale, level and gaps."""

import numpy as np
import pytest
from small import small_survey

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey import survey
from mock_survey.spectra import light, spectrograph
from mock_survey.template_fit import fit_redshift


@pytest.fixture(scope="module")
def observed():
    """True redshifts, spectra and inverse variances of mock galaxies."""
    galaxies = survey.truth(small_survey(100), 2)
    flux = light.observed_spectra(galaxies, galaxies["aperture"])
    generators = [np.random.default_rng([7, i]) for i in range(len(flux))]
    seen, sigma = spectrograph.expose(flux, galaxies, generators)
    return galaxies["redshift"], seen, np.where(seen == 0, 0, sigma**-2.0)


def test_most_redshifts_of_mock_spectra_are_found_to_a_few_ten_thousandths(observed):
    truth, flux, ivar = observed
    fits = [fit_redshift(*one) for one in zip(flux, ivar, strict=True)]
    error = np.abs(np.array([fit.redshift for fit in fits]) - truth) / (1 + truth)
    assert (error > 0.05).mean() <= 0.05 and np.median(error) < 3e-4
    assert 0.8 < np.median([fit.chi2 for fit in fits]) < 1.2
    secure = np.array([fit.delta_chi2 for fit in fits]) > 30
    assert secure.mean() > 0.6 and (error[secure] < 0.01).all()


def test_scale_level_and_what_stands_in_gaps_do_not_count(observed):
    _, flux, ivar = observed
    bright = np.argsort(-(np.abs(flux) * np.sqrt(ivar)).mean(axis=1))[:3]
    for one, weight in zip(flux[bright], ivar[bright], strict=True):
        gap = (WAVELENGTH > 5000) & (WAVELENGTH < 5100)
        weight = np.where(gap, 0, weight)
        first, other = fit_redshift(one, weight), fit_redshift(1e-17 * (np.where(gap, 1e3, one) - 5), 1e34 * weight)
        assert abs(first.redshift - other.redshift) < 1e-5
        np.testing.assert_allclose(other.chi2, first.chi2, rtol=1e-3)
        np.testing.assert_allclose(1e17 * other.model + 5, first.model, atol=0.01 * np.abs(first.model).max())
