"""Frozen features of all objects, in memory or on a GPU: what an alignment is trained on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch

from astroclip_book.data.pairs import SPLITS
from astroclip_book.models.heads import MODALITIES


@dataclass(frozen=True)
class CachedFeatures:
    """Features by modality, in half precision as they are stored.

    ``clean`` (N, D) are of every object, unaugmented; ``views`` (n_train, 1 + K, D) of the training objects, in the order of
    their rows in ``clean``: the clean view and K augmented ones; ``split`` (N,) is the position in ``SPLITS``.
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

    def with_views(self, which: slice) -> CachedFeatures:
        """With some of the views; the first is the clean one."""
        return dataclasses.replace(self, views={name: values[:, which] for name, values in self.views.items()})
