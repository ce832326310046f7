"""The spectrograph: resolution, noise of the sky and of the object, residuals of the sky lines, calibration, dead pixels."""

import functools
from pathlib import Path

import numpy as np

from astroclip_book.data.pairs import WAVELENGTH

HERE = Path(__file__).parent
# Arms b, r, z: where each gives way to the next, and resolving power at wavelengths (DESI Collaboration 2022, figure 34).
CROSSOVERS = (5790.0, 7570.0)
_RESOLVING = (((3600, 2050), (5800, 3250)), ((5760, 3300), (7620, 4200)), ((7520, 4000), (9824, 5100)))

SKY_LINE_SIGMA = 1.0  # angstrom, of the excess variance
SKY_FLUX = 6.0  # 1e-17 erg/s/cm²/Å in a fibre: a dark to moonlit sky of some 21 mag per square arcsec
MASKED_RUNS = 1.5  # mean number of runs of masked pixels; the native spectra at hand have 0 to 35 masked pixels


def resolution_sigma(wavelength: np.ndarray) -> np.ndarray:
    """Standard deviation in angstrom of an unresolved line at observed wavelengths, by the arm that sees it."""
    arms = [np.interp(wavelength, *np.array(points).T) for points in _RESOLVING]
    power = np.select([wavelength < CROSSOVERS[0], wavelength < CROSSOVERS[1]], arms[:2], arms[2])
    return wavelength / power / 2.3548


@functools.cache
def smooth_shape() -> np.ndarray:
    """Noise (7781,) between the sky lines relative to 7000 angstrom: read off DESI EDR inverse variances by eye."""
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
        # Standard deviation at 7000 Å in 1e-17 erg/s/cm²/Å, widely spread: the early data hold one to many exposures of a target.
        "spectrum_noise": np.where(target == 2, 0.25, 0.7) * rng.lognormal(0, 0.55, n),
        # How much steeper it rises to the blue than in dark time, as the moon is blue: set by the release's spread per pixel.
        "noise_tilt": rng.normal(np.where(target == 2, 0.0, 0.5), 0.3, n),
        "sky_residual": rng.normal(0, 0.3, n),  # error of the sky lines in units of their noise in dark time
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
    return dark * np.sqrt(1 + sky_lines() + np.maximum(flux, 0) / SKY_FLUX)


def sky_line_sigma(level: np.ndarray) -> np.ndarray:
    """Noise of the sky lines alone, (n, 7781), in dark time; ``level`` (n,) is that between them at 7000 angstrom."""
    return level[:, None] * smooth_shape() * np.sqrt(sky_lines())


def expose(flux: np.ndarray, exposure: dict, rng: list[np.random.Generator]) -> tuple[np.ndarray, np.ndarray]:
    """Spectra as the pipeline would give them, and their standard deviations, both (n, 7781), from noiseless ``flux``."""
    sigma = noise_sigma(flux, exposure["spectrum_noise"], exposure["noise_tilt"])
    residual = exposure["sky_residual"][:, None] * sky_line_sigma(exposure["spectrum_noise"])
    observed = flux * calibration_error(exposure["calibration"]) + residual
    for i, generator in enumerate(rng):  # each object has its own; masked pixels are 0, as in DESI's coadds
        observed[i] += sigma[i] * generator.standard_normal(WAVELENGTH.size, np.float32)
        for start in generator.integers(WAVELENGTH.size, size=generator.poisson(MASKED_RUNS)):
            observed[i, start : start + generator.integers(1, 8)] = 0
    return observed, sigma
