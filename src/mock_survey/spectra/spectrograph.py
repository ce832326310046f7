"""The spectrograph: resolution, noise of the sky and of the object, residuals of the sky lines, calibration, dead pixels."""

from __future__ import annotations

import functools

import numpy as np

from astroclip_book.data.pairs import WAVELENGTH

# Arms b, r, z: where each gives way to the next, and resolving power at wavelengths (DESI Collaboration 2022, figure 34).
CROSSOVERS = (5790.0, 7570.0)
_RESOLVING = (((3600, 2050), (5800, 3250)), ((5760, 3300), (7620, 4200)), ((7520, 4000), (9824, 5100)))

# Standard deviation per pixel relative to 7000 angstrom: read off DESI EDR inverse variances, smoothed by eye.
SKY_LINE_SIGMA = 1.0  # angstrom, of the excess variance
SKY_FLUX = 6.0  # 1e-17 erg/s/cm²/Å in a fibre: a dark to moonlit sky of some 21 mag per square arcsec
MASKED_RUNS = 1.5  # mean number of runs of masked pixels; the native spectra at hand have 0 to 35 masked pixels
_NOISE_WAVELENGTH = (
    3600,
    3640,
    3700,
    3800,
    3900,
    4000,
    4300,
    4380,
    4400,
    4420,
    4500,
    4800,
    5100,
    5500,
    5640,
    5760,
    5805,
    5900,
    6100,
    6500,
    7000,
    7585,
    7604,
    7645,
    7665,
    7700,
    8000,
    8500,
    9200,
    9420,
    9600,
    9830,
)
_NOISE_LEVEL = (
    13.0,
    10.5,
    7.7,
    5.1,
    4.0,
    3.35,
    2.5,
    2.5,
    3.0,
    2.5,
    2.3,
    1.88,
    1.69,
    1.63,
    1.68,
    1.95,
    1.75,
    1.5,
    1.32,
    1.11,
    1.0,
    0.98,
    2.7,
    1.7,
    0.95,
    0.86,
    0.78,
    0.645,
    0.65,
    0.75,
    0.8,
    0.95,
)
# Night-sky lines (angstrom to the nearest pixel or two) and by how much they raise the noise.
_SKY_LINES = {
    5579: 6.5,
    5892: 3,
    5898: 2.5,
    6238: 1.5,
    6259: 1.5,
    6290: 1.5,
    6302: 4,
    6309: 1.5,
    6332: 1.5,
    6366: 2.5,
    6501: 2,
    6535: 2,
    6556: 2,
    6579: 1.5,
    6831: 2,
    6836: 2,
    6866: 2.5,
    6873: 1.5,
    6891: 2,
    6902: 1.5,
    6914: 1.5,
    6926: 2,
    6942: 1.5,
    6951: 2,
    6981: 2,
    7242: 3,
    7247: 3,
    7255: 2,
    7278: 4.5,
    7286: 2.5,
    7298: 1.5,
    7306: 2,
    7318: 3.5,
    7331: 2.5,
    7343: 3.5,
    7361: 2.5,
    7371: 3,
    7394: 2,
    7404: 2.5,
    7431: 1.5,
    7441: 2,
    7476: 1.5,
    7482: 2,
    7486: 2,
    7519: 1.5,
    7526: 2.5,
    7533: 1.5,
    7630: 1.5,
    7714: 3.5,
    7719: 3.5,
    7728: 2,
    7753: 4.5,
    7762: 2.5,
    7776: 1.5,
    7782: 2,
    7796: 4,
    7810: 2,
    7824: 4,
    7844: 2,
    7855: 4,
    7863: 2.5,
    7873: 2.5,
    7881: 2,
    7892: 3,
    7916: 5,
    7923: 3,
    7934: 2.5,
    7951: 2,
    7967: 4,
    7982: 2.5,
    7995: 4.5,
    8017: 2,
    8028: 3.5,
    8054: 2,
    8065: 2.5,
    8105: 2,
    8285: 4,
    8291: 4.5,
    8301: 4,
    8314: 2.5,
    8347: 7.5,
    8355: 4,
    8367: 2.5,
    8385: 3.5,
    8402: 6.5,
    8418: 3.5,
    8433: 7,
    8454: 3.5,
    8468: 5.5,
    8496: 3,
    8507: 4,
    8542: 2,
    8551: 2.5,
    8590: 1.5,
    8599: 1.5,
    8630: 3,
    8653: 3,
    8658: 3,
    8662: 3,
    8667: 3,
    8672: 2.5,
    8678: 2,
    8683: 2,
    8689: 1.5,
    8764: 5,
    8770: 6,
    8781: 6.5,
    8794: 3.5,
    8829: 11.5,
    8838: 5.5,
    8853: 3,
    8870: 4.5,
    8890: 8.5,
    8906: 5,
    8922: 9.5,
    8946: 4,
    8961: 8,
    8983: 1.5,
    8990: 4.5,
    9003: 7,
    9041: 2.5,
    9052: 3.5,
    9095: 2,
    9106: 2.5,
    9155: 2,
    9164: 2,
    9219: 1.5,
    9227: 1.5,
    9289: 1.5,
    9297: 1.5,
    9310: 8.5,
    9316: 10,
    9327: 14.5,
    9334: 2,
    9341: 5.5,
    9346: 3.5,
    9357: 3,
    9361: 3,
    9380: 15,
    9384: 3.5,
    9390: 3,
    9405: 5,
    9422: 5.5,
    9430: 3,
    9443: 15,
    9451: 2,
    9462: 12.5,
    9472: 1.5,
    9479: 14.5,
    9484: 3,
    9497: 2.5,
    9505: 13.5,
    9522: 8,
    9532: 2,
    9539: 2.5,
    9547: 1.5,
    9556: 7,
    9570: 10.5,
    9583: 1.5,
    9594: 2,
    9610: 3.5,
    9623: 4,
    9662: 1.5,
    9671: 3,
    9684: 4.5,
    9694: 2.5,
    9702: 5,
    9714: 3,
    9722: 5,
    9741: 3.5,
    9749: 2.5,
    9794: 9.5,
    9802: 4,
    9810: 2,
    9815: 2.5,
    9820: 2,
}


def resolution_sigma(wavelength: np.ndarray) -> np.ndarray:
    """Standard deviation in angstrom of an unresolved line at observed wavelengths, by the arm that sees it."""
    arms = [np.interp(wavelength, *np.array(points).T) for points in _RESOLVING]
    power = np.select([wavelength < CROSSOVERS[0], wavelength < CROSSOVERS[1]], arms[:2], arms[2])
    return wavelength / power / 2.3548


@functools.cache
def _smooth_shape() -> np.ndarray:
    return np.exp(np.interp(WAVELENGTH, _NOISE_WAVELENGTH, np.log(_NOISE_LEVEL)))


@functools.cache
def _sky_lines() -> np.ndarray:
    """Excess variance of the night-sky lines over that between them, (7781,)."""
    excess = np.zeros_like(WAVELENGTH)
    for line, factor in _SKY_LINES.items():
        near = np.abs(WAVELENGTH - line) < 8
        excess[near] += (factor**2 - 1) * np.exp(-0.5 * ((WAVELENGTH[near] - line) / SKY_LINE_SIGMA) ** 2)
    return excess


@functools.cache
def noise_shape() -> np.ndarray:
    """Standard deviation of the noise on `WAVELENGTH`, (7781,), 1 near 7000 angstrom."""
    return _smooth_shape() * np.sqrt(1 + _sky_lines())


def exposure_truth(target: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What the observation does to a spectrum, per object.

    Bright-time exposures for the bright galaxy survey, dark-time ones for the LRGs (class 2); the early data hold
    from one to many exposures of a target, hence the wide spread.

    Returns
    -------
    dict
        ``spectrum_noise``, standard deviation at 7000 angstrom in 1e-17 erg/s/cm²/Å; ``noise_tilt``, how much steeper it
        rises to the blue; ``sky_residual``, error of the sky lines in units of their noise in dark time; ``calibration`` (n, 6), offset and
        slope of the flux calibration in each arm.
    """
    n = target.size
    return {
        "spectrum_noise": np.where(target == 2, 0.25, 0.7) * rng.lognormal(0, 0.55, n),
        # The shape is that of dark time; the moon is blue. How much is set by the release's spread per pixel.
        "noise_tilt": rng.normal(np.where(target == 2, 0.0, 0.5), 0.3, n),
        "sky_residual": rng.normal(0, 0.3, n),
        # Guy et al. (2023), section 4.8: a few per cent between arms, up to 6 per cent at the blue end.
        "calibration": rng.normal(0, [0.02, 0.03, 0.01, 0.015, 0.015, 0.015], (n, 6)),
    }


def calibration_error(coefficients: np.ndarray) -> np.ndarray:
    """Factor (n, 7781) from offsets and slopes (n, 6); an arm's slope is what its ends differ from its middle."""
    edges = (WAVELENGTH[0], *CROSSOVERS, WAVELENGTH[-1] + 1)
    factor = np.empty((len(coefficients), WAVELENGTH.size))
    for arm in range(3):
        inside = (WAVELENGTH >= edges[arm]) & (WAVELENGTH < edges[arm + 1])
        position = 2 * (WAVELENGTH[inside] - edges[arm]) / (edges[arm + 1] - edges[arm]) - 1
        factor[:, inside] = 1 + coefficients[:, 2 * arm, None] + coefficients[:, 2 * arm + 1, None] * position
    return factor


def noise_sigma(flux: np.ndarray, level: np.ndarray, tilt: np.ndarray) -> np.ndarray:
    """Standard deviation per pixel (n, 7781): of the sky, and of the object's own photons.

    Parameters
    ----------
    flux : (n, 7781) array
        Noiseless, in 1e-17 erg/s/cm²/Å.
    level, tilt : (n,) arrays
        As `exposure_truth` draws them.
    """
    colour = (WAVELENGTH / 7000.0) ** -tilt[:, None]
    dark = level[:, None] * _smooth_shape() * colour
    # Between the sky lines, the sky in a fibre is as bright as an object of `SKY_FLUX`: their photons count alike.
    return dark * np.sqrt(1 + _sky_lines() + np.maximum(flux, 0) / SKY_FLUX)


def expose(
    flux: np.ndarray, exposure: dict[str, np.ndarray], rng: list[np.random.Generator]
) -> tuple[np.ndarray, np.ndarray]:
    """Spectra as the pipeline would give them, and their standard deviations.

    Parameters
    ----------
    flux : (n, 7781) array
        Noiseless, in 1e-17 erg/s/cm²/Å.
    exposure : dict
        Of `exposure_truth`, (n, ...) each.
    rng : list of n generators
        One per object, so that an object's noise does not depend on which others are drawn.

    Returns
    -------
    flux, sigma : (n, 7781) arrays
        Masked pixels have zero flux, as in DESI's coadds.
    """
    sigma = noise_sigma(flux, exposure["spectrum_noise"], exposure["noise_tilt"])
    lines = exposure["spectrum_noise"][:, None] * _smooth_shape() * np.sqrt(_sky_lines())
    observed = flux * calibration_error(exposure["calibration"]) + exposure["sky_residual"][:, None] * lines
    for i, generator in enumerate(rng):
        observed[i] += sigma[i] * generator.standard_normal(WAVELENGTH.size, np.float32)
        for start in generator.integers(WAVELENGTH.size, size=generator.poisson(MASKED_RUNS)):
            observed[i, start : start + generator.integers(1, 8)] = 0
    return observed, sigma
