"""Spectra and images as readers of files return them, checked and ready to be embedded."""

import logging
import re
from dataclasses import dataclass
from typing import Self

import numpy as np

from astroclip_book.data.levels import without_level
from astroclip_book.data.pairs import IMAGE_SIZE, WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.observations.grid import complete

log = logging.getLogger(__name__)

COVERAGE = 0.8  # of the grid: with less, the ends would be more invention than observation
FIELD, SEEN = 64, 0.5  # pixels in the middle of an image, where encoders look, and the share of them that is needed
CORE, CORE_SEEN = 16, 0.9  # the same of the galaxy's centre
NAME = 60  # characters


class _Objects:
    """What spectra and images have in common: arrays with a row for each object, a ``name`` among them."""

    def __len__(self) -> int:
        return len(self.name)

    def __getitem__(self, rows) -> Self:
        return type(self)(*(values[rows] for values in vars(self).values()))


@dataclass(frozen=True)
class Spectra(_Objects):
    """Spectra on the grid of the pairs; ``spectra[rows]`` are some of them."""

    flux: np.ndarray  # (n, 7781) float32, on ``WAVELENGTH``; what was not observed is filled (`grid.complete`)
    ivar: np.ndarray  # (n, 7781) float64, 0 where nothing was observed
    redshift: np.ndarray  # (n,) float64, as the file has it; NaN where unknown
    name: np.ndarray  # (n,) str

    @property
    def observed(self) -> np.ndarray:
        """Share of each spectrum's pixels that were observed, (n,)."""
        return (self.ivar > 0).mean(axis=1)

    @classmethod
    def checked(cls, flux: np.ndarray, ivar: np.ndarray, redshift, name, where: str) -> Self:
        """Spectra (n, 7781) whose gaps are then filled; those that show too little are left out, with a warning.

        BookError if none is left; ``where`` names the file.
        """
        seen, name = ivar > 0, _plain(name)
        share = seen.mean(axis=1)
        enough = share >= COVERAGE
        if not enough.any():
            grid = WAVELENGTH[seen.any(axis=0)]
            between = f"between {grid[0]:.0f} and {grid[-1]:.0f} Å" if len(grid) else "at no wavelength"
            raise BookError(
                f"{where}: at most {max(share, default=0):.0%} of the pixels from {WAVELENGTH[0]:.0f} to {WAVELENGTH[-1]:.0f} Å "
                f"were observed, all {between}; {COVERAGE:.0%} are needed, as an encoder would judge what is filled in."
            )
        if not enough.all():
            lost = where, (~enough).sum(), len(enough), some(name[~enough])
            log.warning("%s: left out %d of %d spectra, observed in part: %s", *lost)
        flux, ivar, name = flux[enough], ivar[enough], name[enough]
        without_level(flux, ivar > 0, name, where)  # warns
        return cls(complete(flux, ivar).astype(np.float32), ivar, np.asarray(redshift, float)[enough], name)


@dataclass(frozen=True)
class Images(_Objects):
    """Images as the pairs have them; ``images[rows]`` are some of them."""

    images: np.ndarray  # (n, 152, 152, 3) float32, nanomaggies in g, r, z at 0.262 arcsec a pixel; 0 where not observed
    redshift: np.ndarray  # (n,) float64, NaN where unknown
    name: np.ndarray  # (n,) str

    @property
    def observed(self) -> np.ndarray:
        """Share of each image's pixels that were observed in every band, (n,)."""
        return _observed(self.images, IMAGE_SIZE)

    @classmethod
    def checked(cls, images: np.ndarray, redshift, name, where: str) -> Self:
        """Images (n, h, w, 3), the galaxy in the centre, cropped to 152 pixels; those that show too little are left out, with a warning.

        BookError if they are too small, or none is left; ``where`` names the file.
        """
        high, wide = images.shape[1:3]
        if min(high, wide) < IMAGE_SIZE:
            raise BookError(
                f"{where}: an image has {high} × {wide} pixels, {IMAGE_SIZE} × {IMAGE_SIZE} are needed (40 arcsec): "
                f"ask the cut-out service for size={IMAGE_SIZE}."
            )
        top, left = (high - IMAGE_SIZE) // 2, (wide - IMAGE_SIZE) // 2
        cropped = np.nan_to_num(images[:, top : top + IMAGE_SIZE, left : left + IMAGE_SIZE], nan=0, posinf=0, neginf=0)
        read = cls(cropped.astype(np.float32), np.asarray(redshift, float), _plain(name))
        field, core = _observed(read.images, FIELD), _observed(read.images, CORE)
        poor = (field < SEEN) | (core < CORE_SEEN)
        if poor.any():
            i = np.argmax(poor)
            words = (
                f"{where}: {some(read.name[poor])}: in all of g, r, z there are values for {field[i]:.0%} of the middle {FIELD} × {FIELD} "
                f"pixels, where encoders look, and for {core[i]:.0%} of the central {CORE} × {CORE}; {SEEN:.0%} and {CORE_SEEN:.0%} "
                "are needed. It lies at the edge of the survey, or a band was not observed."
            )
            if poor.all():
                raise BookError(words)
            log.warning("Left out %d of %d images. %s", poor.sum(), len(poor), words)
        return read[~poor]


def together(parts: list[Spectra] | list[Images]) -> Spectra | Images:
    """The objects of several files, all of a kind."""
    arrays = zip(*(vars(part).values() for part in parts), strict=True)
    return type(parts[0])(*map(np.concatenate, arrays))


def some(names: np.ndarray) -> str:
    """Names of a few objects, for messages."""
    return ", ".join(map(str, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _observed(images: np.ndarray, size: int) -> np.ndarray:
    start = (images.shape[1] - size) // 2
    middle = slice(start, start + size)
    return (images[:, middle, middle] != 0).all(axis=3).mean(axis=(1, 2))


def _plain(names) -> np.ndarray:
    """Names without what a page or a formula would take for more than a name."""
    return np.array([re.sub(r"[^\w .:+()-]", "_", str(name))[:NAME] for name in names])
