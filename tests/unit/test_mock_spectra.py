"""Fibre spectra: calibrated against the images' magnitudes, with lines where they belong and DESI's noise."""

import numpy as np
import pytest
from speclite.filters import load_filter

from astroclip_book.mock import lines, spectra, survey
from astroclip_book.pairs import WAVELENGTH
from astroclip_book.presets import Survey


@pytest.fixture(scope="module")
def galaxies():
    return survey.truth(Survey(400, 19.5, 0.0), 2)


@pytest.fixture(scope="module")
def flux(galaxies):
    return spectra.observed_spectra(galaxies)


def test_synthetic_photometry_is_the_catalogue_magnitude(galaxies, flux):
    assert np.isfinite(flux).all() and (flux > 0).all()
    band = load_filter("decamDR1-r")  # the one of the three that lies inside the grid
    weight = np.interp(WAVELENGTH, band.wavelength, band.response) * WAVELENGTH
    reference = 10 ** (-0.4 * 48.6) * 2.99792458e18 / WAVELENGTH**2
    magnitude = -2.5 * np.log10(1e-17 * (flux * weight).sum(axis=1) / (reference * weight).sum())
    difference = magnitude - galaxies["magnitudes"][:, 1]
    assert abs(np.median(difference)) < 0.02
    assert np.percentile(np.abs(difference), 95) < 0.12  # line strengths vary about those of the templates


def test_lines_keep_their_flux_and_place():
    spectrum = np.zeros(WAVELENGTH.size)
    strength = np.zeros(len(lines.LINES))
    halpha = list(lines.LINES).index("Ha")
    strength[halpha] = 7.0
    lines.add_lines(spectrum, 0.2, strength, 120.0)
    assert np.isclose(spectrum.sum() * 0.8, 7.0, rtol=1e-3)
    assert abs(WAVELENGTH[spectrum.argmax()] - 1.2 * lines.LINES["Ha"]) < 0.5


def test_line_beyond_the_grid_is_left_out():
    spectrum = np.zeros(WAVELENGTH.size)
    lines.add_lines(spectrum, 0.79, np.eye(len(lines.LINES))[list(lines.LINES).index("SIII_9533")], 100.0)
    assert (spectrum == 0).all()


def test_star_forming_lines_grow_with_blueness(galaxies):
    ssfr = galaxies["log_sfr"] - galaxies["log_mstar"]
    assert np.median(ssfr[galaxies["blue"]]) > np.median(ssfr[~galaxies["blue"]]) + 0.4
    assert -10.5 < np.median(ssfr[galaxies["blue"]]) < -9


def test_fibre_fraction_falls_with_size():
    radius = np.array([0.1, 0.5, 1.0, 3.0, 10.0])
    fraction = spectra.fibre_fraction({"bulge_radius": radius, "disc_radius": radius, "bulge_to_total": np.zeros(5)})
    assert np.allclose(fraction, fraction[:, :1])  # a disc alone has no gradient
    fraction = fraction[:, 1]
    assert (np.diff(fraction) < 0).all() and 0.7 < fraction[0] < 0.85 and fraction[-1] < 0.02
    # A point seen through a Gaussian of 1 arcsec FWHM: 1 - exp(-r² / 2 sigma²).
    assert abs(fraction[0] - (1 - np.exp(-0.5 * (0.75 / 0.4247) ** 2))) < 0.03


def test_noise_shape_like_desi(realdata):
    real = np.load(realdata / "desi_spectra.npz", allow_pickle=False)
    sigma = np.where(real["ivar"] > 0, real["ivar"], np.nan) ** -0.5
    relative = sigma / np.nanmedian(sigma[:, (WAVELENGTH > 6950) & (WAVELENGTH < 7050)], axis=1)[:, None]
    ratio = spectra.noise_shape() / np.nanmedian(relative, axis=0)
    assert (np.abs(ratio - 1) < 0.2).mean() > 0.85


def test_spread_like_the_release_where_noise_rules(galaxies, flux, realdata):
    rng = np.random.default_rng(0)
    observed = flux * spectra.fibre_transmission(galaxies["fibre_fraction"])
    sigma = spectra.noise_sigma(galaxies["spectrum_noise"], galaxies["noise_tilt"])
    observed += sigma * rng.standard_normal(observed.shape)
    scored = (observed - observed.mean(axis=1, keepdims=True)) / observed.std(axis=1, keepdims=True)
    ratio = scored.std(axis=0) / np.load(realdata / "astroclip_spectra_std.npy")
    assert (np.abs(ratio[WAVELENGTH < 6600] - 1) < 0.3).mean() > 0.85
    assert (ratio < 2.2).mean() > 0.85  # the red still spreads more than the release's
