"""Fibre spectra on the DESI grid: template mixtures, scaled to the light in the fibre, with DESI-like noise."""

from __future__ import annotations

import functools

import numpy as np
from scipy.special import j1
from skypy.galaxies.spectrum import kcorrect

import galsim
from astroclip_book.pairs import WAVELENGTH

LIGHT_SPEED = 2.99792458e18  # angstrom per second
FIBRE_RADIUS = 0.75  # arcsec: DESI fibres see 1.5 arcsec on the sky (DESI Collaboration 2022)
FIBRE_SEEING = 1.0  # arcsec FWHM, the convention of the Legacy Surveys' fibre fluxes

# Standard deviation per pixel relative to 7000 angstrom: read off DESI EDR inverse variances, smoothed by eye.
_NOISE_WAVELENGTH = (3600, 3640, 3700, 3800, 4000, 4300, 4800, 5400, 5650, 5760, 5800, 5900, 6500, 7000, 7500,
                     7580, 7680, 7720, 8000, 8400, 8900, 9300, 9600, 9750, 9830)
_NOISE_LEVEL = (11.5, 8.0, 5.3, 3.9, 2.75, 2.0, 1.65, 1.5, 1.6, 1.9, 1.75, 1.45, 1.12, 1.0, 1.08,
                1.6, 1.45, 0.9, 0.82, 0.72, 0.78, 0.82, 0.9, 1.2, 1.7)
# Night-sky lines (angstrom, vacuum to a pixel or two; Osterbrock et al. 1996) and how much they raise the noise.
_SKY_LINES = {5578.9: 3.0, 5891.6: 1.3, 5897.6: 1.2, 6302.0: 2.0, 6365.5: 1.4, 6865.0: 1.4, 6925.0: 1.3, 7246.6: 1.3,
              7278.3: 1.7, 7318.3: 1.8, 7342.9: 1.7, 7371.5: 1.5, 7403.8: 1.3, 7526.1: 1.3, 7573.8: 1.3, 7718.8: 1.3,
              7753.0: 2.0, 7796.3: 2.2, 7823.5: 2.0, 7855.4: 1.5, 7880.8: 1.3, 7916.0: 2.0, 7951.5: 1.7, 7966.8: 1.8,
              7995.6: 2.0, 8028.0: 1.7, 8064.3: 1.4, 8290.6: 1.5, 8301.1: 1.6, 8313.1: 1.4, 8346.9: 2.3, 8355.1: 1.5,
              8384.7: 1.7, 8401.8: 2.3, 8417.9: 1.9, 8432.5: 2.3, 8454.7: 2.0, 8467.7: 2.3, 8495.7: 1.8, 8507.2: 2.2,
              8541.0: 1.5, 8551.1: 1.4, 8763.1: 1.6, 8770.2: 1.8, 8780.3: 2.3, 8793.5: 1.9, 8812.6: 2.0, 8829.5: 2.4,
              8838.7: 1.9, 8852.2: 2.3, 8870.1: 2.5, 8888.3: 2.4, 8905.6: 2.2, 8922.0: 2.3, 8945.7: 2.1, 8960.6: 2.4,
              8990.8: 2.2, 9003.4: 2.2, 9040.6: 2.0, 9051.9: 1.9, 9104.3: 1.6, 9219.4: 1.6, 9227.4: 1.5, 9309.0: 2.0,
              9315.8: 2.1, 9325.8: 2.2, 9340.5: 2.2, 9354.2: 1.8, 9378.5: 2.4, 9399.3: 2.2, 9422.2: 2.4, 9442.1: 2.5,
              9461.3: 2.2, 9479.7: 2.5, 9505.4: 2.6, 9522.4: 2.6, 9539.9: 2.4, 9555.1: 2.2, 9570.0: 2.6, 9610.8: 2.2,
              9623.0: 2.2, 9658.6: 2.0, 9672.4: 2.0, 9703.0: 2.0, 9722.4: 1.9, 9794.6: 2.2, 9802.6: 2.0}


@functools.cache
def noise_shape() -> np.ndarray:
    """Standard deviation of the noise on `WAVELENGTH`, (7781,), 1 near 7000 angstrom."""
    smooth = np.exp(np.interp(WAVELENGTH, _NOISE_WAVELENGTH, np.log(_NOISE_LEVEL)))
    excess = np.zeros_like(smooth)
    for line, factor in _SKY_LINES.items():
        near = np.abs(WAVELENGTH - line) < 8
        excess[near] += (factor**2 - 1) * np.exp(-0.5 * ((WAVELENGTH[near] - line) / 1.1) ** 2)
    return smooth * np.sqrt(1 + excess)


@functools.cache
def _aperture_table(spheroid: bool) -> tuple[np.ndarray, np.ndarray]:
    radius = np.geomspace(0.02, 40, 60)
    k = np.geomspace(1e-3, 40, 6000)
    seeing = galsim.Gaussian(fwhm=FIBRE_SEEING)
    profile = galsim.DeVaucouleurs(half_light_radius=1) if spheroid else galsim.Exponential(half_light_radius=1)
    unit = np.array([profile.kValue(x, 0).real for x in np.geomspace(1e-5, 2000, 3000)])
    blur = np.array([seeing.kValue(x, 0).real for x in k])
    window = FIBRE_RADIUS * j1(k * FIBRE_RADIUS) * blur
    curve = [np.trapezoid(window * np.interp(k * r, np.geomspace(1e-5, 2000, 3000), unit), k) for r in radius]
    return np.log(radius), np.array(curve)


def fibre_fraction(radius: np.ndarray, bulge_to_total: np.ndarray) -> np.ndarray:
    """Share of a galaxy's light inside a centred fibre.

    Circular bulge (de Vaucouleurs) and disc (exponential) with half-light radius ``radius`` (arcsec), 1 arcsec seeing.
    """
    spheroid, disc = (np.interp(np.log(radius), *_aperture_table(kind)) for kind in (True, False))
    return bulge_to_total * spheroid + (1 - bulge_to_total) * disc


@functools.cache
def _templates() -> tuple[np.ndarray, np.ndarray]:
    wavelength = kcorrect.wavelength.value.astype(float)
    keep = (wavelength > 1900) & (wavelength < 10000)
    return wavelength[keep], kcorrect.templates.value.astype(float)[:, keep]


def observed_spectra(coefficients: np.ndarray, redshift: np.ndarray, formed_mass: np.ndarray, distance_modulus: np.ndarray) -> np.ndarray:
    """Noiseless flux of whole galaxies on `WAVELENGTH`.

    Parameters
    ----------
    coefficients : (n, 5) mixing fractions of the kcorrect templates
    redshift, formed_mass, distance_modulus : (n,)
        Mass ever formed in solar masses.

    Returns
    -------
    (n, 7781) float64 array in 1e-17 erg/s/cm²/Å
    """
    rest, templates = _templates()
    # Templates are the flux of one solar mass at 10 pc.
    scale = 1e17 * formed_mass * 10 ** (-0.4 * distance_modulus) / (1 + redshift)
    seds = (coefficients * scale[:, None]) @ templates
    return np.stack([np.interp(WAVELENGTH / (1 + z), rest, sed) for z, sed in zip(redshift, seds, strict=True)])


def noise_level(target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise at 7000 angstrom per object (1e-17 erg/s/cm²/Å): bright-time exposures of galaxies, dark-time of LRGs."""
    return np.where(target == 2, 0.22, 0.45) * rng.lognormal(0.0, 0.3, target.size)
