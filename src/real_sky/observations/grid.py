"""Spectra on other grids, and with gaps, brought onto the grid of the pairs, with noise as the encoders know it."""

import zlib

import numpy as np

from astroclip_book.data.pairs import WAVELENGTH

STEP = WAVELENGTH[1] - WAVELENGTH[0]
GRID = np.append(WAVELENGTH - STEP / 2, WAVELENGTH[-1] + STEP / 2)  # its pixels' edges
SLIVER = 1e-6  # of a pixel: less of it than this, seen, is what rounding left
EDGE = 60  # observed pixels whose median continues a spectrum beyond its end


def rebin(flux: np.ndarray, ivar: np.ndarray, wavelength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A spectrum on any increasing grid to ``WAVELENGTH``; light and information are conserved.

    A new pixel has the mean flux density of what was seen of the old pixels under it. An old pixel's inverse variance is
    shared among new ones by how much of it each covers: a mean over many pixels is known as well after as before.

    Where old pixels are wider than new ones, their neighbours would differ less than their noise says, and an encoder that
    learned from white noise takes the spectrum for a much brighter one. So noise is added that averages to zero over each old
    pixel: the result, averaged over the old pixels, is what was observed, and its scatter is that of pixels of this width.
    On a grid that is a part of ``WAVELENGTH``, every value stays what it was.

    ``flux`` and ``ivar`` are (p,), pixels with ``ivar`` 0 were not seen, whatever their flux; ``wavelength`` (p,) are the centres
    of the pixels, in Å and vacuum. Returns both as (7781,) float64, 0 where nothing was seen.
    """
    old, seen = edges(wavelength), ivar > 0
    result, there = mean_over(np.where(seen, flux, 0), seen, old, GRID)
    information = np.where(there, _shared(np.where(seen, ivar, 0), old, GRID), 0)
    noise = _generator(flux).normal(size=len(WAVELENGTH)) / np.sqrt(np.where(there, information, np.inf))
    smooth, _ = mean_over(mean_over(noise, there, GRID, old)[0], seen, old, GRID)
    return np.where(there, result + noise - smooth, 0), information


def complete(flux: np.ndarray, ivar: np.ndarray) -> np.ndarray:
    """Spectra (n, 7781) with something in the place of pixels that were not seen (``ivar`` 0).

    No encoder here takes weights: each scales a spectrum by its own mean and scatter. A gap is bridged linearly, an end goes
    on at the level it had, and both get noise as their surroundings have it: without noise, an end looks like an observation
    of infinite depth.
    """
    result = np.array(flux, float)
    for one, weight in zip(result, ivar, strict=True):
        seen = weight > 0
        noise = _generator(one).normal(size=len(WAVELENGTH)) * _bridged(1 / np.sqrt(weight[seen]), seen)
        one[~seen] = (_bridged(one[seen], seen) + noise)[~seen]
    return result


def edges(wavelength: np.ndarray) -> np.ndarray:
    """Edges (p + 1,) of pixels with these centres (p,), half-way between them."""
    between = (wavelength[1:] + wavelength[:-1]) / 2
    return np.concatenate([[2 * wavelength[0] - between[0]], between, [2 * wavelength[-1] - between[-1]]])


def mean_over(values: np.ndarray, seen: np.ndarray, old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (q,) over new pixels of what was ``seen`` of the old ones' values (p,), and where anything was; pixels by their edges."""
    width = np.where(seen, np.diff(old), 0)
    share = _shared(width, old, new)
    there = share > SLIVER * STEP
    return np.where(there, _shared(values * width, old, new) / np.where(there, share, 1), 0), there


def _shared(amount: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """What falls into new pixels of amounts that are spread evenly over old ones."""
    return np.diff(np.interp(new, old, np.concatenate([[0], np.cumsum(amount)])))


def _bridged(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    ends = np.median(values[:EDGE]), np.median(values[-EDGE:])
    return np.interp(WAVELENGTH, WAVELENGTH[seen], values, *ends)


def _generator(flux: np.ndarray) -> np.random.Generator:
    """Random numbers that belong to a spectrum: whatever else is read, it is completed alike."""
    return np.random.default_rng(zlib.crc32(np.ascontiguousarray(flux, np.float32).tobytes()))
