"""Fibre spectra: calibrated against the images' magnitudes, with lines where they belong and DESI's noise."""

import numpy as np
import pytest
from small import small_survey
from speclite.filters import load_filter

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey import survey
from mock_survey.images.camera import galactic_transmission
from mock_survey.spectra import light as spectra
from mock_survey.spectra import lines, spectrograph


@pytest.fixture(scope="module")
def galaxies():
    return survey.truth(small_survey(1000), 2)


@pytest.fixture(scope="module")
def flux(galaxies):
    """Of whole galaxies, without dust of the Milky Way."""
    return spectra.observed_spectra(galaxies | {"ebv": np.zeros(1000)}, np.ones((1000, 2)))


def expose(galaxies, flux):
    return spectrograph.expose(flux, galaxies, [np.random.default_rng([7, i]) for i in range(len(flux))])


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
    lines.add_lines(spectrum, 0.2, np.array([7.0 * (name == "Ha") for name in lines.LINES]), 120.0)
    assert np.isclose(spectrum.sum() * 0.8, 7.0, rtol=1e-3)
    assert abs(WAVELENGTH[spectrum.argmax()] - 1.2 * lines.LINES["Ha"]) < 0.5


def width_of(galaxies, name):
    """Equivalent width in angstrom of a line of whole galaxies, (n,)."""
    rest, templates = spectra.rest_templates()
    light = galaxies["coefficients"] * galaxies["formed_mass"][:, None] @ templates
    level = light[:, np.abs(rest - lines.LINES["Ha"]) < 60].mean(axis=1)
    line = list(lines.LINES).index(name)
    stars = galaxies["line_luminosity"][:, line] / (4 * np.pi * (10 * spectra.PARSEC) ** 2) / level
    return stars + galaxies["nuclear_width"] * galaxies["nuclear_ratio"][:, line]


def test_widths_of_halpha(galaxies):
    width, mass = width_of(galaxies, "Ha"), galaxies["log_mstar"]
    forming = ~galaxies["quiescent"]
    # Star-forming galaxies of DESI have some 20 angstrom at 3e10 solar masses, 40 at 1e9; retired ones stay below 3.
    assert 10 < np.median(width[forming & (mass > 10.2) & (mass < 10.8)]) < 35
    assert 25 < np.median(width[forming & (mass < 9.5)]) < 65
    assert np.median(width[galaxies["quiescent"]]) < 1.5
    assert (width[galaxies["quiescent"] & (galaxies["ionisation"] != 3)] < 5).mean() > 0.95


def test_line_ratios_divide_stars_from_nuclei(galaxies):
    oxygen = np.log10(width_of(galaxies, "OIII_5008") / width_of(galaxies, "Hb"))
    nitrogen = np.log10(width_of(galaxies, "NII_6585") / width_of(galaxies, "Ha"))
    # The line of Kauffmann et al. (2003), equation 1.
    below = (nitrogen < 0.05) & (oxygen < 0.61 / (np.minimum(nitrogen, 0.04) - 0.05) + 1.3)
    assert below[galaxies["ionisation"] == 1].mean() > 0.8
    assert below[galaxies["ionisation"] == 3].mean() < 0.2
    dwarfs = (galaxies["ionisation"] == 1) & (galaxies["log_mstar"] < 9)
    assert np.median(oxygen[dwarfs]) > 0.3 and np.median(nitrogen[dwarfs]) < -0.8


def test_balmer_decrement_is_case_b_behind_dust():
    plain, dusty = lines.line_ratios(*np.zeros((4, 2)), np.array([0.0, 0.5]))
    ha, hb, hg = (list(lines.LINES).index(name) for name in ("Ha", "Hb", "Hg"))
    assert np.isclose(plain[ha] / plain[hb], 2.86) and np.isclose(plain[hg] / plain[hb], 0.468)
    assert np.isclose(dusty[ha] / dusty[hb], 2.86 * 10 ** (0.4 * 0.5 * (4.598 - 3.325)), rtol=0.01)
    assert np.allclose(lines.calzetti(np.array([6563.0, 5500.0, 4861.0])), [3.33, 4.05, 4.60], atol=0.03)  # published


def test_aperture_falls_with_size():
    radius = np.array([0.1, 0.5, 1.0, 3.0, 10.0])
    galaxies = {"bulge_radius": radius, "disc_radius": radius, "bulge_share": np.full((5, 3), 0.5)}
    bulge, disc = spectra.fibre_truth(galaxies)["aperture"].T
    assert (np.diff(disc) < 0).all() and 0.9 < disc[0] < 1.03 and disc[-1] < 0.02
    assert (bulge[2:] > disc[2:]).all()  # more concentrated
    # A point loses nothing, as spectra are calibrated with stars.
    assert abs(disc[0] - 1) < 0.04 and 0.78 < spectra.POINT_SOURCE < 0.8


def test_stars_in_motion_widen_lines_and_keep_the_light():
    spike = np.zeros(101)
    spike[50] = 1.0
    wide = spectra.widened(spike, 300.0)
    spread = np.sqrt((wide * (np.arange(101) - 50) ** 2).sum()) * spectra.TEMPLATE_BIN
    assert np.isclose(wide.sum(), 1) and abs(spread / np.sqrt(300**2 - spectra.TEMPLATE_DISPERSION**2) - 1) < 0.1
    assert (spectra.widened(spike, 60.0) == spike).all()


def test_resolution_of_the_arms():
    fwhm = 2.3548 * spectrograph.resolution_sigma(WAVELENGTH)
    assert 1.4 < fwhm.min() and fwhm.max() < 2.1  # angstrom
    just = np.searchsorted(WAVELENGTH, spectrograph.CROSSOVERS[0])
    assert fwhm[just] < fwhm[just - 1]  # the red arm resolves more


def test_calibration_errs_by_a_few_per_cent(galaxies):
    spread = spectrograph.calibration_error(galaxies["calibration"]).std(axis=0)
    assert 0.01 < spread[4000] < 0.04 and spread[0] > spread[4000]


def test_noise_counts_photons_of_sky_and_object():
    flux = np.outer([0, spectrograph.SKY_FLUX], np.ones(WAVELENGTH.size))
    dark, bright = spectrograph.noise_sigma(flux, np.full(2, 0.5), np.zeros(2))
    between = spectrograph.sky_lines() < 1e-6
    assert np.allclose(dark[between], 0.5 * spectrograph.smooth_shape()[between])
    assert np.allclose(bright[between], np.sqrt(2) * dark[between])


def test_masked_pixels_are_zero_and_rare(galaxies, flux):
    masked = (expose(galaxies, flux)[0] == 0).sum(axis=1)
    assert 0 < masked.mean() < 20 and masked.max() < 80


def test_noise_shape_like_desi(realdata):
    real = np.load(realdata / "desi_spectra.npz", allow_pickle=False)
    sigma = np.where(real["ivar"] > 0, real["ivar"], np.nan) ** -0.5
    relative = sigma / np.nanmedian(sigma[:, (WAVELENGTH > 6950) & (WAVELENGTH < 7050)], axis=1)[:, None]
    ratio = spectrograph.smooth_shape() * np.sqrt(1 + spectrograph.sky_lines()) / np.nanmedian(relative, axis=0)
    assert (np.abs(ratio - 1) < 0.2).mean() > 0.85


def test_spread_of_each_pixel_like_the_release(galaxies, realdata):
    observed, _ = expose(galaxies, spectra.observed_spectra(galaxies, galaxies["aperture"]))
    scored = (observed - observed.mean(axis=1, keepdims=True)) / observed.std(axis=1, keepdims=True)
    ratio = scored.std(axis=0) / np.load(realdata / "astroclip_spectra_std.npy")
    assert (np.abs(ratio - 1) < 0.3).mean() > 0.85


def test_curve_of_fitzpatrick():
    # Table 3 of the paper; the calibration of Schlafly & Finkbeiner lowers all by one factor, 0.86 to 0.9.
    ratio = spectra.extinction(np.array([6000.0, 5470.0, 4670.0, 4110.0])) / np.array([2.688, 3.055, 3.806, 4.315])
    assert np.allclose(ratio, ratio[0]) and 0.86 < ratio[0] < 0.9


def test_bands_and_spectrum_are_dimmed_alike():
    ebv = np.array([0.0, 0.03, 0.1])
    for i, band in enumerate("grz"):
        curve = load_filter(f"decamDR1-{band}")
        star = curve.wavelength**-5 / np.expm1(1.4388e8 / (7000 * curve.wavelength))  # a black body, as they used
        photons = curve.response * curve.wavelength * star
        seen = np.trapezoid(photons * spectra.galactic_attenuation(ebv, curve.wavelength), curve.wavelength, axis=1)
        assert np.allclose(seen / np.trapezoid(photons, curve.wavelength), galactic_transmission(ebv)[:, i], rtol=2e-3)
