"""Frozen features of all objects, wholly in memory: what an alignment is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch

from astroclip_book.heads import MODALITIES
from astroclip_book.pairs import SPLITS


@dataclass(frozen=True)
class CachedFeatures:
    """Features by modality, in half precision as they are stored.

    Attributes
    ----------
    clean : dict of (N, D) tensors
        Of every object, unaugmented.
    views : dict of (n_train, K, D) tensors
        Of K augmented views of each training object, in the order of their rows in ``clean``.
    split : (N,) uint8 array
        Position in ``SPLITS``.
    """

    clean: dict[str, torch.Tensor]
    views: dict[str, torch.Tensor]
    split: np.ndarray

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> CachedFeatures:
        """Read ``features.h5``."""
        with h5py.File(path) as file:
            clean, views = (
                {name: torch.from_numpy(file[name][kind][:]).to(device) for name in MODALITIES}
                for kind in ("clean", "views")
            )
            return cls(clean, views, file["split"][:])

    def where(self, split: str) -> np.ndarray:
        """Rows of the objects of a split, ascending."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def with_views(self, n: int) -> CachedFeatures:
        """With the first n views of each training object, or none but the clean one for n = 0."""
        train = self.where("train")
        views = {name: self.views[name][:, :n] if n else self.clean[name][train][:, None] for name in MODALITIES}
        return CachedFeatures(self.clean, views, self.split)
