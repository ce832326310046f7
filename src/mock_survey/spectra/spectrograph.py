"""The spectrograph: resolution, noise of the sky and of the object, errors of the subtracted sky, calibration, dead pixels."""

import functools
from pathlib import Path

import numpy as np

from astroclip_book.data.pairs import WAVELENGTH

HERE = Path(__file__).parent
# Arms b, r, z: where each gives way to the next, and resolving power at wavelengths, of a coadd's resolution matrix
# (DESI EDR; DESI Collaboration 2022, figure 34, has up to 8 per cent less in b, 15 to 20 in r).
CROSSOVERS = (5790.0, 7570.0)
_RESOLVING = (((3600, 2110), (5800, 3520)), ((5760, 3800), (7620, 5050)), ((7520, 4080), (9824, 5100)))

SKY_LINE_SIGMA = 1.0  # angstrom, of the excess variance
SKY_FLUX = 6.0  # 1e-17 erg/s/cm²/Å in a fibre: a moonlit sky of 19.7 mag per square arcsec in r; a dark one has 21
# Noise at 7000 Å in 1e-17 erg/s/cm²/Å by target class, in bright and in dark time, and its scatter: the S/N that FastSpecFit
# gives of DESI galaxies (``datasets/fit_spectra.py``), as of the survey's validation, SV3, which the release is mostly from.
NOISE, NOISE_SCATTER = np.array([0.50, 0.50, 0.22]), np.array([0.25, 0.25, 0.2])
# How much steeper noise rises to the blue in bright time, as the moon is blue: S/N by arm of 184 galaxies gives 0.4, the spread
# of the release's pixels 0.9 or more.
BRIGHT_TILT = 0.8
# Errors of the subtracted sky that do not fall with the noise, from six blank fibres of one deep exposure (the same script):
# of the lines in the z arm, and smooth ones that grow to the blue. In bright time, twice as much is assumed of the latter.
LINE_ERROR = 0.11  # times the lines' noise where `smooth_shape` is 1
BACKGROUND = np.array([0.026, 0.026, 0.013])  # times `background_shape`
MASKED_RUNS = 1.5  # mean number of runs of masked pixels; the native spectra at hand have 0 to 35 masked pixels


def resolution_sigma(wavelength: np.ndarray) -> np.ndarray:
    """Standard deviation in angstrom of an unresolved line at observed wavelengths, by the arm that sees it."""
    arms = [np.interp(wavelength, *np.array(points).T) for points in _RESOLVING]
    power = np.select([wavelength < CROSSOVERS[0], wavelength < CROSSOVERS[1]], arms[:2], arms[2])
    return wavelength / power / 2.3548


@functools.cache
def smooth_shape() -> np.ndarray:
    """Noise (7781,) between the sky lines relative to 7000 angstrom: read off DESI EDR inverse variances."""
    wavelength, level = np.loadtxt(HERE / "spectrograph.noise.csv", delimiter=",", skiprows=1, unpack=True)
    return np.exp(np.interp(WAVELENGTH, wavelength, np.log(level)))


@functools.cache
def sky_lines() -> np.ndarray:
    """Excess variance of the night-sky lines over that between them, (7781,)."""
    # The table has each line's place to the nearest pixel or two, and how much it raises the noise.
    excess = np.zeros_like(WAVELENGTH)
    for line, factor in np.loadtxt(HERE / "spectrograph.sky_lines.csv", delimiter=",", skiprows=1):
        near = np.abs(WAVELENGTH - line) < 8
        excess[near] += (factor**2 - 1) * np.exp(-0.5 * ((WAVELENGTH[near] - line) / SKY_LINE_SIGMA) ** 2)
    return excess


def exposure_truth(target: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What the observation does to the spectra of targets (n,): bright time, but dark time for LRGs (class 2)."""
    n = target.size
    return {
        "spectrum_noise": NOISE[target] * rng.lognormal(0, NOISE_SCATTER[target]),
        "noise_tilt": rng.normal(np.where(target == 2, 0.0, BRIGHT_TILT), 0.3, n),
        "background": rng.normal(0, BACKGROUND[target]),
        # Offset and slope of the flux calibration in each arm: a few per cent between arms, up to 6 per cent at the blue end
        # (Guy et al. 2023, section 4.8).
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
    """Standard deviation per pixel, of sky and of the noiseless ``flux`` (n, 7781); ``level``, ``tilt``: see `exposure_truth`."""
    dark = level[:, None] * smooth_shape() * (WAVELENGTH / 7000.0) ** -tilt[:, None]
    # Between the sky lines, the sky in a fibre is as bright as an object of `SKY_FLUX`: their photons count alike.
    counted = dark * np.sqrt(1 + sky_lines() + np.maximum(flux, 0) / SKY_FLUX)
    # Errors of the lines are independent from pixel to pixel, as DESI's inverse variances and blank fibres show.
    return np.hypot(counted, LINE_ERROR * smooth_shape() * np.sqrt(sky_lines()) * (WAVELENGTH > CROSSOVERS[1]))


@functools.cache
def background_shape() -> np.ndarray:
    """Smooth error of the subtracted sky (7781,) relative to 7000 angstrom, as in blank fibres of DESI."""
    return smooth_shape() * (np.maximum(WAVELENGTH, 4400.0) / 7000.0) ** -3


def expose(flux: np.ndarray, exposure: dict, rng: list[np.random.Generator]) -> tuple[np.ndarray, np.ndarray]:
    """Spectra as the pipeline would give them, and their standard deviations, both (n, 7781), from noiseless ``flux``."""
    sigma = noise_sigma(flux, exposure["spectrum_noise"], exposure["noise_tilt"])
    observed = flux * calibration_error(exposure["calibration"]) + np.outer(exposure["background"], background_shape())
    for i, generator in enumerate(rng):  # each object has its own; masked pixels are 0, as in DESI's coadds
        observed[i] += sigma[i] * generator.standard_normal(WAVELENGTH.size, np.float32)
        for start in generator.integers(WAVELENGTH.size, size=generator.poisson(MASKED_RUNS)):
            observed[i, start : start + generator.integers(1, 8)] = 0
    return observed, sigma
