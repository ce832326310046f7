"""What instruments and pipelines do to data that says nothing of a galaxy, one thing at a time, weakly and strongly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial.chebyshev import chebval
from scipy.ndimage import gaussian_filter, shift, uniform_filter1d
from scipy.stats import median_abs_deviation

from astroclip_book.data.pairs import N_WAVELENGTH, WAVELENGTH

X = np.linspace(-1, 1, N_WAVELENGTH)
WINDOWS = (31, 251)  # stretches of a spectrum whose noise is taken as the same, times their pixels
ARMS = (5790.0, 7570.0)  # Å, where DESI's arms b, r, z meet
FRINGE = 100.0  # Å, the period of a sinusoid
EDGE = 10  # pixels of an image on each side, where its noise is measured
BESIDE = (25, 45)  # pixels between a galaxy and the one that is put beside it

Nuisance = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def level(flux: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Spectra (n, 7781) less a share of their mean."""
    return flux - share * flux.mean(1, keepdims=True)


def tilt(flux: np.ndarray, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Calibration that rises or falls over the spectrum by ``slope`` to either side of its middle."""
    return flux * (1 + slope * rng.choice([-1, 1], (len(flux), 1)) * X)


def polynomial(flux: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Calibration that is wrong by a Chebyshev polynomial of degree 5, its coefficients normal with ``sigma``."""
    return flux * (1 + chebval(X, sigma * rng.standard_normal((6, len(flux)))))


def noise(flux: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    """Noise that is ``factor`` times as strong."""
    difference = np.abs(np.diff(flux, axis=1, append=flux[:, -1:])).reshape(len(flux), *WINDOWS)
    sigma = np.repeat(np.median(difference, axis=2) * 1.4826 / np.sqrt(2), WINDOWS[1], axis=1)
    return flux + np.sqrt(factor**2 - 1) * sigma * rng.standard_normal(flux.shape)


def smoothing(flux: np.ndarray, pixels: float, rng: np.random.Generator) -> np.ndarray:
    """Means of neighbouring pixels."""
    return uniform_filter1d(flux, int(pixels), axis=1, mode="nearest")


def resampling(flux: np.ndarray, pixels: float, rng: np.random.Generator) -> np.ndarray:
    """To a logarithmic grid of so many pixels and back, by straight lines."""
    grid = np.geomspace(WAVELENGTH[0], WAVELENGTH[-1], int(pixels))
    return np.array([np.interp(WAVELENGTH, grid, np.interp(grid, WAVELENGTH, one)) for one in flux])


def masking(flux: np.ndarray, stretches: float, rng: np.random.Generator) -> np.ndarray:
    """Stretches of 100 pixels that were not seen, filled by straight lines."""
    changed = flux.copy()
    for one in changed:
        for start in rng.integers(1, N_WAVELENGTH - 101, int(stretches)):
            one[start : start + 100] = np.linspace(one[start - 1], one[start + 100], 100)
    return changed


def arms(flux: np.ndarray, step: float, rng: np.random.Generator) -> np.ndarray:
    """The arm in the blue or that in the red is too bright or too faint by a ``step``."""
    blue = rng.random((len(flux), 1)) < 0.5
    inside = np.where(blue, WAVELENGTH < ARMS[0], WAVELENGTH > ARMS[1])
    return flux * (1 + step * rng.choice([-1, 1], (len(flux), 1)) * inside)


def fringes(flux: np.ndarray, amplitude: float, rng: np.random.Generator) -> np.ndarray:
    """A sinusoid in the response."""
    return flux * (1 + amplitude * np.sin(2 * np.pi * (WAVELENGTH / FRINGE + rng.random((len(flux), 1)))))


def zero_point(images: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Images (n, h, w, 3) whose bands are each calibrated wrongly, by ``sigma`` magnitudes."""
    return images * 10 ** (-0.4 * sigma * rng.standard_normal((len(images), 1, 1, 3)))


def seeing(images: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """A Gaussian of ``sigma`` pixels more of blur."""
    return gaussian_filter(images, sigma, axes=(1, 2))


def depth(images: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of the sky that is ``factor`` times as strong."""
    border = np.concatenate(
        [images[:, :EDGE].reshape(len(images), -1, 3), images[:, -EDGE:].reshape(len(images), -1, 3)], 1
    )
    sigma = median_abs_deviation(border, axis=1, scale="normal")[:, None, None]
    return images + np.sqrt(factor**2 - 1) * sigma * rng.standard_normal(images.shape, np.float32)


def clipping(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Cores cut off at a share of the brightest pixel in each band, as in images that were JPEGs."""
    return np.minimum(images, share * images.max((1, 2), keepdims=True))


def neighbour(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A share of another galaxy's light beside each."""
    angle, distance = rng.uniform(0, 2 * np.pi, len(images)), rng.uniform(*BESIDE, len(images))
    others = images[rng.permutation(len(images))]
    moves = np.stack([distance * np.sin(angle), distance * np.cos(angle)], 1).round()
    return images + share * np.array([shift(one, (*move, 0), order=0) for one, move in zip(others, moves, strict=True)])


# What each does, weakly and strongly.
SPECTRUM: dict[str, tuple[Nuisance, float, float]] = {
    "level": (level, 0.5, 1.0),
    "tilt": (tilt, 0.2, 0.4),
    "polynomial": (polynomial, 0.05, 0.1),
    "noise": (noise, 1.5, 2.0),
    "smoothing": (smoothing, 2, 3),
    "resampling": (resampling, 10_000, 7081),
    "masking": (masking, 4, 12),
    "arms": (arms, 0.05, 0.1),
    "fringes": (fringes, 0.02, 0.05),
}
IMAGE: dict[str, tuple[Nuisance, float, float]] = {
    "zero_point": (zero_point, 0.02, 0.05),
    "seeing": (seeing, 0.7, 1.4),
    "depth": (depth, 1.5, 2.0),
    "clipping": (clipping, 0.5, 0.25),
    "neighbour": (neighbour, 0.3, 1.0),
}
