"""Aligned embeddings as the later steps read them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from astroclip_book.data.pairs import SPLITS


@dataclass(frozen=True)
class Embeddings:
    """Both modalities' embeddings and what identifies their rows."""

    image: np.ndarray  # (N, d) float32, unit length
    spectrum: np.ndarray  # (N, d) float32, unit length
    targetid: np.ndarray  # (N,) int64
    redshift: np.ndarray  # (N,) float32
    split: np.ndarray  # (N,) uint8, position in ``SPLITS``

    @classmethod
    def load(cls, path: Path) -> Embeddings:
        """Read ``embeddings.h5``."""
        with h5py.File(path, "r") as file:
            return cls(**{name: file[name][:] for name in cls.__dataclass_fields__})

    def where(self, *splits: str) -> np.ndarray:
        """Positions of the objects of the named splits, ascending."""
        return np.flatnonzero(np.isin(self.split, [SPLITS.index(s) for s in splits]))


def other_seeds(path: Path) -> list[Embeddings]:
    """Embeddings of the same objects by heads trained from other seeds; none where ``embeddings.h5`` holds no ``others``."""
    with h5py.File(path, "r") as file:
        if "others" not in file:
            return []
        others = [file["others"][name][:] for name in ("image", "spectrum")]
    first = Embeddings.load(path)
    return [replace(first, image=image, spectrum=spectrum) for image, spectrum in zip(*others, strict=True)]
