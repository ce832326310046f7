"""Spectral energy distributions: mixtures of the five kcorrect templates, their light and their stars."""

import functools
from importlib import resources

import numpy as np
from astropy.io import fits
from skypy.galaxies.spectrum import kcorrect

from astroclip_book.data.catalog import COSMOLOGY

BANDS = ("decamDR1-g", "decamDR1-r", "decamDR1-z")
REST_BAND = "decamDR1-r"  # of absolute magnitudes
REDSHIFT_MAX = 0.8
OLD = np.array([True, False, False, True, False])  # reddened, and 7 Gyr old; the other three are young or metal-poor
SOLAR_METALLICITY = 0.02  # of the Padova 1994 tracks behind the templates


@functools.cache
def rest_flux(band: str = REST_BAND) -> np.ndarray:
    """Flux (5,) of each template at 10 pc through a band in its rest frame, 1 for AB magnitude zero."""
    return 10 ** (-0.4 * kcorrect.absolute_magnitudes(np.eye(5), band))


def absolute_magnitude(coefficients: np.ndarray, band: str) -> np.ndarray:
    """Absolute AB magnitude (n,) of ``coefficients`` (n, 5) in solar masses formed."""
    return -2.5 * np.log10(coefficients @ rest_flux(band))


def colour(coefficients: np.ndarray) -> np.ndarray:
    """Rest-frame SDSS g - r (n,)."""
    return absolute_magnitude(coefficients, "sdss2010-g") - absolute_magnitude(coefficients, "sdss2010-r")


@functools.cache
def _flux_table() -> tuple[np.ndarray, np.ndarray]:
    redshift = np.linspace(0.004, REDSHIFT_MAX, 200)
    each = np.tile(np.eye(5), (redshift.size, 1))
    magnitude = kcorrect.apparent_magnitudes(each, np.repeat(redshift, 5), list(BANDS), COSMOLOGY, resolution=200)
    # Without the steep distance, the rest is smooth enough to interpolate.
    magnitude = magnitude.reshape(-1, 5, 3) - COSMOLOGY.distmod(redshift).value[:, None, None]
    return redshift, 10 ** (-0.4 * magnitude)


def band_flux(redshift: np.ndarray) -> np.ndarray:
    """Flux (n, 5, 3) of each template in DECam g, r, z as redshifted, but at 10 pc; 1 for AB magnitude zero."""
    grid, table = _flux_table()
    where = np.interp(redshift, grid, np.arange(grid.size))
    row = np.minimum(where.astype(int), grid.size - 2)
    part = (where - row)[:, None, None]
    return table[row] * (1 - part) + table[row + 1] * part


def photometry(coefficients: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """Apparent AB magnitudes (n, 3) in DECam g, r, z of ``coefficients`` (n, 5) in solar masses formed."""
    flux = np.einsum("nk,nkb->nb", coefficients, band_flux(redshift))
    return COSMOLOGY.distmod(redshift).value[:, None] - 2.5 * np.log10(flux)


def surviving(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share (n,) of the stellar mass ever formed that is still in stars, and metal mass fraction (n,) of these."""
    left = coefficients @ kcorrect.mremain  # SkyPy's own helpers sum over the galaxies too
    return left / coefficients.sum(axis=1), coefficients @ (kcorrect.mremain * kcorrect.mets) / left


@functools.cache
def template_ages() -> np.ndarray:
    """Mass-weighted age (5,) of each template in Gyr, from the star formation histories in SkyPy's copy of kcorrect."""
    with fits.open(resources.files("skypy") / "data/kcorrect/k_nmf_derived.default.fits") as file:
        rate, age, width = (file[hdu].data.astype(float) for hdu in (12, 14, 15))
    return rate @ (width * age) / (rate @ width) / 1e9


def age(coefficients: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """Mass-weighted age in Gyr, (n,), of the stars that make the spectrum; at most the age of the Universe then."""
    return np.minimum(coefficients @ template_ages() / coefficients.sum(axis=1), COSMOLOGY.age(redshift).value)
