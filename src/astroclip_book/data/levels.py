"""Spectra that come without their level, as AstroCLIP prepares them, and how they are recognised."""

import logging

import numpy as np

from astroclip_book.data.pairs import WAVELENGTH

log = logging.getLogger(__name__)

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
    relative = np.empty(len(flux), bool)
    for i, (spectrum, there) in enumerate(zip(flux, seen, strict=True)):
        relative[i] = _subtracted(spectrum[there], spectrum[even][there[even]])
    if relative.any():
        log.warning(
            "%s: %d of %d came without their level, as if their mean or median was subtracted. How bright they are is unknown: "
            "%s …", where, relative.sum(), len(relative), ", ".join(map(str, names[relative][:5])),
        )  # fmt: skip
    return relative


def _subtracted(flux: np.ndarray, even: np.ndarray) -> bool:
    """Whether a spectrum, given in pixels of one width in Å (p,) and in log Å (q,), has lost its level."""
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
