"""Fibre spectra on the DESI grid: template mixtures, scaled to the light in the fibre, with DESI-like noise."""

from __future__ import annotations

import functools

import galsim
import numpy as np
from scipy.special import j1
from skypy.galaxies.spectrum import KCorrectTemplates

from astroclip_book.mock.lines import add_lines, halpha_of_templates
from astroclip_book.mock.population import bulge_share
from astroclip_book.pairs import WAVELENGTH

FIBRE_RADIUS = 0.75  # arcsec: DESI fibres see 1.5 arcsec on the sky (DESI Collaboration 2022)
BAND_CENTRES = (4800.0, 6400.0, 9200.0)  # angstrom, of DECam g, r, z
FIBRE_SEEING = 1.0  # arcsec FWHM, the convention of the Legacy Surveys' fibre fluxes

# Standard deviation per pixel relative to 7000 angstrom: read off DESI EDR inverse variances, smoothed by eye.
SKY_LINE_SIGMA = 1.0  # angstrom, of the excess variance
_NOISE_WAVELENGTH = (
    3600, 3640, 3700, 3800, 3900, 4000, 4300, 4380, 4400, 4420, 4500, 4800, 5100, 5500, 5640, 5760, 5805, 5900,
    6100, 6500, 7000, 7585, 7604, 7645, 7665, 7700, 8000, 8500, 9200, 9420, 9600, 9830)
_NOISE_LEVEL = (
    13.0, 10.5, 7.7, 5.1, 4.0, 3.35, 2.5, 2.5, 3.0, 2.5, 2.3, 1.88, 1.69, 1.63, 1.68, 1.95, 1.75, 1.5, 1.32,
    1.11, 1.0, 0.98, 2.7, 1.7, 0.95, 0.86, 0.78, 0.645, 0.65, 0.75, 0.8, 0.95)
# Night-sky lines (angstrom to the nearest pixel or two) and by how much they raise the noise.
_SKY_LINES = {
    5579: 6.5, 5892: 3, 5898: 2.5, 6238: 1.5, 6259: 1.5, 6290: 1.5, 6302: 4, 6309: 1.5, 6332: 1.5, 6366: 2.5,
    6501: 2, 6535: 2, 6556: 2, 6579: 1.5, 6831: 2, 6836: 2, 6866: 2.5, 6873: 1.5, 6891: 2, 6902: 1.5, 6914: 1.5,
    6926: 2, 6942: 1.5, 6951: 2, 6981: 2, 7242: 3, 7247: 3, 7255: 2, 7278: 4.5, 7286: 2.5, 7298: 1.5, 7306: 2,
    7318: 3.5, 7331: 2.5, 7343: 3.5, 7361: 2.5, 7371: 3, 7394: 2, 7404: 2.5, 7431: 1.5, 7441: 2, 7476: 1.5,
    7482: 2, 7486: 2, 7519: 1.5, 7526: 2.5, 7533: 1.5, 7630: 1.5, 7714: 3.5, 7719: 3.5, 7728: 2, 7753: 4.5,
    7762: 2.5, 7776: 1.5, 7782: 2, 7796: 4, 7810: 2, 7824: 4, 7844: 2, 7855: 4, 7863: 2.5, 7873: 2.5, 7881: 2,
    7892: 3, 7916: 5, 7923: 3, 7934: 2.5, 7951: 2, 7967: 4, 7982: 2.5, 7995: 4.5, 8017: 2, 8028: 3.5, 8054: 2,
    8065: 2.5, 8105: 2, 8285: 4, 8291: 4.5, 8301: 4, 8314: 2.5, 8347: 7.5, 8355: 4, 8367: 2.5, 8385: 3.5, 8402:
    6.5, 8418: 3.5, 8433: 7, 8454: 3.5, 8468: 5.5, 8496: 3, 8507: 4, 8542: 2, 8551: 2.5, 8590: 1.5, 8599: 1.5,
    8630: 3, 8653: 3, 8658: 3, 8662: 3, 8667: 3, 8672: 2.5, 8678: 2, 8683: 2, 8689: 1.5, 8764: 5, 8770: 6, 8781:
    6.5, 8794: 3.5, 8829: 11.5, 8838: 5.5, 8853: 3, 8870: 4.5, 8890: 8.5, 8906: 5, 8922: 9.5, 8946: 4, 8961: 8,
    8983: 1.5, 8990: 4.5, 9003: 7, 9041: 2.5, 9052: 3.5, 9095: 2, 9106: 2.5, 9155: 2, 9164: 2, 9219: 1.5, 9227:
    1.5, 9289: 1.5, 9297: 1.5, 9310: 8.5, 9316: 10, 9327: 14.5, 9334: 2, 9341: 5.5, 9346: 3.5, 9357: 3, 9361: 3,
    9380: 15, 9384: 3.5, 9390: 3, 9405: 5, 9422: 5.5, 9430: 3, 9443: 15, 9451: 2, 9462: 12.5, 9472: 1.5, 9479:
    14.5, 9484: 3, 9497: 2.5, 9505: 13.5, 9522: 8, 9532: 2, 9539: 2.5, 9547: 1.5, 9556: 7, 9570: 10.5, 9583:
    1.5, 9594: 2, 9610: 3.5, 9623: 4, 9662: 1.5, 9671: 3, 9684: 4.5, 9694: 2.5, 9702: 5, 9714: 3, 9722: 5, 9741:
    3.5, 9749: 2.5, 9794: 9.5, 9802: 4, 9810: 2, 9815: 2.5, 9820: 2}


@functools.cache
def noise_shape() -> np.ndarray:
    """Standard deviation of the noise on `WAVELENGTH`, (7781,), 1 near 7000 angstrom."""
    smooth = np.exp(np.interp(WAVELENGTH, _NOISE_WAVELENGTH, np.log(_NOISE_LEVEL)))
    excess = np.zeros_like(smooth)
    for line, factor in _SKY_LINES.items():
        near = np.abs(WAVELENGTH - line) < 8
        excess[near] += (factor**2 - 1) * np.exp(-0.5 * ((WAVELENGTH[near] - line) / SKY_LINE_SIGMA) ** 2)
    return smooth * np.sqrt(1 + excess)


@functools.cache
def _aperture_table(spheroid: bool) -> tuple[np.ndarray, np.ndarray]:
    """Light in the fibre against log half-light radius (arcsec), by Hankel transform of the seen profile."""
    radius = np.geomspace(0.02, 60, 60)
    k = np.geomspace(1e-3, 40, 6000)
    profile = galsim.DeVaucouleurs(half_light_radius=1) if spheroid else galsim.Exponential(half_light_radius=1)
    reach = np.geomspace(1e-5, 2400, 3000)
    unit = np.array([profile.kValue(x, 0).real for x in reach])
    blur = np.exp(-0.5 * (k * FIBRE_SEEING / 2.3548) ** 2)
    window = FIBRE_RADIUS * j1(k * FIBRE_RADIUS) * blur
    return np.log(radius), np.array([np.trapezoid(window * np.interp(k * r, reach, unit), k) for r in radius])


def fibre_fraction(galaxies: dict[str, np.ndarray]) -> np.ndarray:
    """Share of each galaxy's light in a centred fibre in g, r, z, (n, 3): circular bulge and disc, 1 arcsec seeing."""
    bulge = np.interp(np.log(galaxies["bulge_radius"]), *_aperture_table(True))[:, None]
    disc = np.interp(np.log(galaxies["disc_radius"]), *_aperture_table(False))[:, None]
    share = bulge_share(galaxies["bulge_to_total"])
    return share * bulge + (1 - share) * disc


def fibre_transmission(fraction: np.ndarray) -> np.ndarray:
    """Share of the light in the fibre at each wavelength, (n, 7781), through the values (n, 3) in g, r, z."""
    weight = np.stack([np.interp(WAVELENGTH, BAND_CENTRES, one) for one in np.eye(3)])
    return fraction @ weight


@functools.cache
def _continuum() -> tuple[np.ndarray, np.ndarray]:
    bare = KCorrectTemplates(hdu=2)  # the templates without emission lines
    wavelength = bare.wavelength.value.astype(float)
    keep = (wavelength > 1900) & (wavelength < 10000)
    return wavelength[keep], bare.templates.value.astype(float)[:, keep]


def observed_spectra(galaxies: dict[str, np.ndarray]) -> np.ndarray:
    """Noiseless flux of whole galaxies on `WAVELENGTH`.

    Parameters
    ----------
    galaxies : dict
        ``coefficients`` (n, 5), ``line_flux`` (n, 17); ``redshift``, ``formed_mass`` (solar masses),
        ``distance_modulus`` and ``gas_dispersion`` (n,).

    Returns
    -------
    (n, 7781) float64 array in 1e-17 erg/s/cm²/Å
    """
    rest, templates = _continuum()
    # Templates are the flux of one solar mass at 10 pc; a line's flux is not stretched by 1 + z, its density is.
    total = 1e17 * galaxies["formed_mass"] * 10 ** (-0.4 * galaxies["distance_modulus"])
    weight = galaxies["coefficients"] * total[:, None]
    continuum = weight @ templates / (1 + galaxies["redshift"][:, None])
    lines = (weight @ halpha_of_templates())[:, None] * galaxies["line_flux"]
    flux = np.empty((total.size, WAVELENGTH.size))
    for i, z in enumerate(galaxies["redshift"]):
        flux[i] = np.interp(WAVELENGTH / (1 + z), rest, continuum[i])
        add_lines(flux[i], z, lines[i], galaxies["gas_dispersion"][i])
    return flux


def noise_truth(target: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Noise at 7000 angstrom (1e-17 erg/s/cm²/Å) and how much steeper it rises to the blue, per object.

    Bright-time exposures for the bright galaxy survey, dark-time ones for the LRGs (class 2), as in DESI's early data.
    """
    n = target.size
    return {"spectrum_noise": np.where(target == 2, 0.22, 0.55) * rng.lognormal(0, 0.35, n),
            "noise_tilt": rng.normal(0, 0.3, n)}


def noise_sigma(level: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    """Standard deviation per pixel (n, 7781) for levels and tilts (n,)."""
    return level[:, None] * noise_shape() * (WAVELENGTH / 7000.0) ** -tilt[:, None]
