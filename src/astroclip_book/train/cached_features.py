"""Frozen features of all objects, in their file or on a GPU: what an alignment is trained on."""

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

    Attributes
    ----------
    clean : dict of (N, D) tensors
        Of every object, unaugmented.
    views : dict of (n_train, 1 + K, D) tensors
        Of each training object, in the order of their rows in ``clean``: the clean view and K augmented ones.
    split : (N,) uint8 array
        Position in ``SPLITS``.
    """

    clean: dict[str, torch.Tensor]
    views: dict[str, torch.Tensor]
    split: np.ndarray

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> CachedFeatures:
        """Open ``features.h5``, its features copied to a GPU, or mapped into memory: those of all real pairs are more than
        a laptop has."""
        with h5py.File(path) as file:
            clean, views = (
                {name: _mapped(path, file[name][kind]).to(device) for name in MODALITIES} for kind in ("clean", "views")
            )
            return cls(clean, views, file["split"][:])

    def where(self, split: str) -> np.ndarray:
        """Rows of the objects of a split, ascending."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def with_views(self, which: slice) -> CachedFeatures:
        """With some of the views; the first is the clean one."""
        return dataclasses.replace(self, views={name: values[:, which] for name, values in self.views.items()})


def _mapped(path: Path, dataset: h5py.Dataset) -> torch.Tensor:
    # Copied where written to, which nobody does: torch complains of what cannot be written.
    return torch.from_numpy(np.memmap(path, dataset.dtype, "c", dataset.id.get_offset(), dataset.shape))
