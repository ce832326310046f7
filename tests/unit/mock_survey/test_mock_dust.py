"""Dust of the Milky Way: the published curve, and the same in the bands as along the spectrum."""

import numpy as np
import pytest
from speclite.filters import load_filter

from mock_survey import dust


def test_curve_of_fitzpatrick():
    # Table 3 of the paper; the calibration of Schlafly & Finkbeiner lowers all by one factor, 0.86 to 0.9.
    ratio = dust.extinction(np.array([6000.0, 5470.0, 4670.0, 4110.0])) / np.array([2.688, 3.055, 3.806, 4.315])
    assert np.allclose(ratio, ratio[0]) and 0.86 < ratio[0] < 0.9


@pytest.mark.parametrize("band", range(3))
def test_bands_and_spectrum_are_dimmed_alike(band):
    curve = load_filter(f"decamDR1-{'grz'[band]}")
    star = curve.wavelength**-5 / np.expm1(1.4388e8 / (7000 * curve.wavelength))  # a black body, as they used
    photons = curve.response * curve.wavelength * star
    ebv = np.array([0.0, 0.03, 0.1])
    seen = np.trapezoid(photons * dust.galactic_attenuation(ebv, curve.wavelength), curve.wavelength, axis=1)
    share = seen / np.trapezoid(photons, curve.wavelength)
    assert np.allclose(share, dust.galactic_transmission(ebv)[:, band], rtol=2e-3)


def test_reddening_of_the_footprint():
    ebv = dust.draw_reddening(20000, np.random.default_rng(0))
    assert (ebv > 0).all() and ebv.max() <= 1
    assert 0.030 < np.median(ebv) < 0.038 and 0.09 < np.percentile(ebv, 95) < 0.12
