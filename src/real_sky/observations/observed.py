"""Spectra and images as readers of files return them, checked and ready to be embedded."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, fields

import numpy as np

from astroclip_book.data.pairs import IMAGE_SIZE, WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.observations.grid import complete

log = logging.getLogger(__name__)

COVERAGE = 0.8  # of the grid: with less, the ends would be more invention than observation
SEEN = 0.5  # of an image's pixels, in every band: with less, what is missing is most of what the encoder sees
NAME = 60  # characters


@dataclass(frozen=True)
class Spectra:
    """Spectra on the grid of the pairs."""

    flux: np.ndarray  # (n, 7781) float32, on ``WAVELENGTH``; what was not observed is filled (`grid.complete`)
    ivar: np.ndarray  # (n, 7781) float32, 0 where nothing was observed
    redshift: np.ndarray  # (n,) float64, as the file has it; NaN where unknown
    name: np.ndarray  # (n,) str

    def __len__(self) -> int:
        return len(self.name)

    @property
    def observed(self) -> np.ndarray:
        """Share of each spectrum's pixels that were observed, (n,)."""
        return (self.ivar > 0).mean(axis=1)

    @classmethod
    def checked(cls, flux: np.ndarray, ivar: np.ndarray, redshift, name, where: str) -> Spectra:
        """Spectra (n, 7781) whose gaps are then filled; those that show too little are left out.

        Raises
        ------
        BookError
            If none is left; ``where`` names the file.
        """
        share = (ivar > 0).mean(axis=1)
        enough = share >= COVERAGE
        if not enough.any():
            seen = WAVELENGTH[(ivar > 0).any(axis=0)]
            between = f"between {seen[0]:.0f} and {seen[-1]:.0f} Å" if len(seen) else "at no wavelength"
            raise BookError(
                f"{where}: at most {max(share, default=0):.0%} of the pixels from {WAVELENGTH[0]:.0f} to {WAVELENGTH[-1]:.0f} Å "
                f"were observed, all {between}; {COVERAGE:.0%} are needed, as an encoder would judge what is filled in."
            )
        if not enough.all():
            log.warning("%s: left out %d of %d spectra, observed in part", where, (~enough).sum(), len(enough))
        values = complete(flux[enough], ivar[enough]).astype(np.float32), ivar[enough].astype(np.float32)
        return cls(*values, np.asarray(redshift, float)[enough], _plain(name)[enough])


@dataclass(frozen=True)
class Images:
    """Images as the pairs have them."""

    images: np.ndarray  # (n, 152, 152, 3) float32, nanomaggies in g, r, z at 0.262 arcsec a pixel; 0 where not observed
    redshift: np.ndarray  # (n,) float64, NaN where unknown
    name: np.ndarray  # (n,) str

    def __len__(self) -> int:
        return len(self.name)

    @property
    def observed(self) -> np.ndarray:
        """Share of each image's pixels that were observed in every band, (n,)."""
        return (self.images != 0).all(axis=3).mean(axis=(1, 2))

    @classmethod
    def checked(cls, images: np.ndarray, redshift, name, where: str) -> Images:
        """Images (n, h, w, 3), the galaxy in the centre, cropped to 152 pixels.

        Raises
        ------
        BookError
            If they are too small or show too little; ``where`` names the file.
        """
        high, wide = images.shape[1:3]
        if min(high, wide) < IMAGE_SIZE:
            raise BookError(
                f"{where}: an image has {high} × {wide} pixels, {IMAGE_SIZE} × {IMAGE_SIZE} are needed (40 arcsec): "
                f"ask the cut-out service for size={IMAGE_SIZE}."
            )
        top, left = (high - IMAGE_SIZE) // 2, (wide - IMAGE_SIZE) // 2
        cropped = np.nan_to_num(images[:, top : top + IMAGE_SIZE, left : left + IMAGE_SIZE], nan=0, posinf=0, neginf=0)
        result = cls(cropped.astype(np.float32), np.asarray(redshift, float), _plain(name))
        if (poor := result.observed < SEEN).any():
            raise BookError(
                f"{where}: {result.name[poor][0]} has values in all of g, r, z for {result.observed[poor][0]:.0%} of its "
                f"pixels, {SEEN:.0%} are needed. It lies at the edge of the survey, or a band was not observed."
            )
        return result


def together(parts: list[Spectra] | list[Images]) -> Spectra | Images:
    """The objects of several files, all of a kind."""
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _plain(names) -> np.ndarray:
    """Names without what a page or a formula would take for more than a name."""
    return np.array([re.sub(r"[^\w .:+()-]", "_", str(name))[:NAME] for name in names])
