"""Image defects with labels, as the real survey has them; the spectrum of such a galaxy is unharmed."""

from __future__ import annotations

import numpy as np

from astroclip_book.pairs import IMAGE_SIZE


def satellite_trail(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A straight bright streak in one band, one exposure of one filter."""
    y, x = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE] - IMAGE_SIZE / 2
    angle, offset, width = rng.uniform(0, np.pi), rng.uniform(-50, 50), rng.uniform(1.5, 4)
    distance = x * np.sin(angle) - y * np.cos(angle) - offset
    image[..., rng.integers(3)] += rng.uniform(0.05, 0.6) * np.exp(-0.5 * (distance / width) ** 2)
    return image


def missing_band(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One band was never observed: zeros."""
    image[..., rng.integers(3)] = 0
    return image


def chip_edge(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The detector ends inside the stamp, along rows or columns: zeros in all bands beyond."""
    image = np.rot90(image, rng.integers(4)).copy()
    image[: rng.integers(15, 70)] = 0
    return image


def bright_star(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Halo of a saturated star near or beyond the border, with its bleed trail along the columns."""
    y, x = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE] - IMAGE_SIZE / 2
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(55, 100)
    cx, cy = distance * np.cos(angle), distance * np.sin(angle)
    halo = (1 + np.hypot(x - cx, y - cy) / 4) ** -2.0
    bleed = np.exp(-0.5 * ((x - cx) / 1.5) ** 2) * np.exp(-np.abs(y - cy) / 40)
    flux = 10 ** rng.uniform(0.5, 1.7)
    image += (flux * (halo + bleed))[..., None] * np.array([0.7, 1.0, 1.2])
    return image


ARTEFACTS = {function.__name__: function for function in (satellite_trail, missing_band, chip_edge, bright_star)}
NAMES = ("none", *ARTEFACTS)


def draw_artefacts(n: int, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Position in `NAMES` for each of ``n`` images; ``fraction`` of them are not clean."""
    return np.where(rng.random(n) < fraction, rng.integers(1, len(NAMES), n), 0)
