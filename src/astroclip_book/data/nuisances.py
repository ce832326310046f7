"""What instruments and pipelines do to data that says nothing of a galaxy, one thing at a time, weakly and strongly; and how a spectrum
without its level is recognised."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch
from numpy.polynomial.chebyshev import chebval
from scipy.ndimage import gaussian_filter, shift, uniform_filter1d
from scipy.stats import median_abs_deviation

from astroclip_book.data.pairs import N_WAVELENGTH, WAVELENGTH

log = logging.getLogger(__name__)

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

SPARED = 0.2  # of the spectra that `distorted` leaves as they are; each distortion spares half of the others


def distorted(flux: torch.Tensor, sigma: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Spectra (n, 7781) as other instruments and pipelines might give them, for trainings; ``sigma`` is their noise at each pixel.

    Each is distorted in its own way, up to somewhat more than strongly: calibration, noise, resolution, gaps. Left out are the
    level, which encoders subtract, and `arms` and `fringes`, which tell whether robustness reaches what was never drawn.
    """
    n, device = len(flux), flux.device

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, device=device)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device=device)

    strength = (2 * uniform(5, n, 1) - 1).clamp(min=0) * (uniform(n, 1) > SPARED)
    x = torch.linspace(-1, 1, N_WAVELENGTH, device=device)
    chebyshev = torch.cos(torch.arange(6, device=device)[:, None] * x.acos())
    slope = 0.6 * strength[0] * torch.where(uniform(n, 1) < 0.5, -1, 1)
    response = 1 + slope * x + 0.15 * strength[1] * normal(n, 6) @ chebyshev
    flux = flux * response.clamp(min=0.1) + 2 * strength[2] * sigma * normal(*flux.shape)
    for _ in range(2):  # with the neighbours, by shares that change over the spectrum, as if resampled
        share = 0.7 * strength[3] * torch.lerp(uniform(n, 1), uniform(n, 1), (x + 1) / 2)
        beside = torch.nn.functional.pad(flux, (1, 1), mode="replicate")
        flux = torch.lerp(flux, (beside[:, :-2] + beside[:, 2:]) / 2, share)
    return _bridged(flux, strength[4], uniform)


def _bridged(flux: torch.Tensor, strength: torch.Tensor, uniform: Callable) -> torch.Tensor:
    """Spectra (n, 7781) with both ends and up to 16 stretches lost, and filled by straight lines between what is left."""
    n, pixel = len(flux), torch.arange(N_WAVELENGTH, device=flux.device)
    start = N_WAVELENGTH * uniform(n, 16)
    ends = torch.stack([start, start + 200 * strength * uniform(n, 16)]).long().clamp(max=N_WAVELENGTH)
    change = torch.zeros(n, N_WAVELENGTH + 1, device=flux.device).scatter_add_(1, ends[0], torch.ones_like(start))
    lost = change.scatter_add_(1, ends[1], -torch.ones_like(start))[:, :-1].cumsum(1) > 0
    first, last = 400 * strength * uniform(n, 1), N_WAVELENGTH - 1 - 1000 * strength * uniform(n, 1)
    lost |= (pixel < first) | (pixel > last)
    left = torch.where(lost, -1, pixel).cummax(1).values
    right = torch.where(lost, N_WAVELENGTH, pixel).flip(1).cummin(1).values.flip(1)
    left, right = torch.where(left < 0, right, left), torch.where(right == N_WAVELENGTH, left, right)
    share = (pixel - left) / (right - left).clamp(min=1)
    return torch.lerp(flux.gather(1, left), flux.gather(1, right), share)


PARTS = 31  # of a spectrum, whose means show its shape
SHAPE = 2  # times the variance of these means by noise alone: with more, a spectrum has a shape
# Of the shape's scatter: the levels of all but 3 of 2000 mock galaxies were above it, of none when z-scored.
LEVEL = 0.15


def without_level(flux: np.ndarray, seen: np.ndarray, names: np.ndarray, where: str) -> np.ndarray:
    """Which spectra (n, 7781) came with mean or median of what was ``seen`` subtracted, as AstroCLIP prepares them; (n,), with a warning.

    One of the two is zero or below beside the scatter of the spectrum's shape, over pixels of one width in Å or in log Å, on which
    others subtract them. Noise alone has no level either, but no shape.
    """
    even = np.geomspace(WAVELENGTH[0], WAVELENGTH[-1], len(WAVELENGTH))  # in log Å, as places of the nearest pixels:
    even = np.rint((even - WAVELENGTH[0]) / (WAVELENGTH[1] - WAVELENGTH[0])).astype(int)
    found = [_subtracted(one[there], one[even][there[even]]) for one, there in zip(flux, seen, strict=True)]
    relative = np.array(found, bool)
    if relative.any():
        log.warning(
            "%s: %d of %d came without their level, as if their mean or median was subtracted. How bright they are is unknown: "
            "%s …", where, relative.sum(), len(relative), ", ".join(map(str, names[relative][:5])),
        )  # fmt: skip
    return relative


def _subtracted(flux: np.ndarray, even: np.ndarray) -> bool:
    flux = flux.astype(float)
    levels = [flux.mean(), np.median(flux), even.mean(dtype=float), np.median(even)]
    if np.abs(levels[:2]).min() < 1e-5 * flux.std():
        return True
    parts = np.array_split(flux, PARTS)
    means = np.array([part.mean() for part in parts])
    if min(levels) > LEVEL * means.std():
        return False
    # The variance of a mean of white noise, whose differences have twice the variance of a pixel.
    noise = np.array([np.mean(np.diff(part) ** 2) / 2 / len(part) for part in parts])
    with np.errstate(over="ignore"):
        excess = np.mean(np.square(means - np.median(means)) / noise.clip(np.finfo(float).tiny))
    return bool(excess > SHAPE)
