"""Frozen features of every object, computed once: what an alignment is trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import h5py
import numpy as np
import torch

from astroclip_book.config import Features
from astroclip_book.data.files import progress, sha256, write_hdf5
from astroclip_book.data.pairs import Pairs, Split
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.models.heads import MODALITIES
from astroclip_book.train import processes
from astroclip_book.train.loop import autocast, make_fabric


@dataclass(frozen=True)
class CachedFeatures(Split):
    """Features by modality, in half precision as they are stored, in memory or on a GPU.

    ``clean`` (N, D) are of every object, unaugmented; ``views`` (n_train, 1 + K, D) of the training objects, in the order of
    their rows in ``clean``: the clean view and K augmented ones.
    """

    clean: dict[str, torch.Tensor]
    views: dict[str, torch.Tensor]
    split: np.ndarray

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Self:
        """Read ``features.h5``."""
        with h5py.File(path) as file:
            clean = {name: torch.from_numpy(file[name]["clean"][:]).to(device) for name in MODALITIES}
            views = {name: torch.from_numpy(file[name]["views"][:]).to(device) for name in MODALITIES}
            return cls(clean, views, file["split"][:])

    def with_views(self, which: slice) -> Self:
        """With some of the views; the first is the clean one."""
        return replace(self, views={name: values[:, which] for name, values in self.views.items()})


def extract_features(
    pairs: Pairs, image_encoder: Path, spectrum_encoder: Path, config: Features, device: str, seed: int, directory: Path
) -> dict:
    """Write ``directory/features.h5``: for both modalities, ``clean`` (N, D) float16 of every object, and ``views``
    (n_train, 1 + K, D) float16 of the training split: the clean view and K augmented ones.

    Each block of objects is a file of its own until all blocks are there: several processes share them, and a killed call, of
    however many processes, goes on with those that are missing. Each block draws its views from a seed of its own. The file also
    has the SHA-256 of both checkpoints, as heads trained on it belong to these encoders. Returns the lengths of the feature vectors.
    """
    device, rank = make_fabric(device).device, processes.rank()
    image, spectrum = ImageFeatures.load(image_encoder), SpectrumFeatures.load(spectrum_encoder)
    encoders = {"image": image.to(device), "spectrum": spectrum.to(device)}
    read = {"image": pairs.images, "spectrum": pairs.spectra}
    n = len(pairs.index)
    is_train = np.isin(np.arange(n), pairs.index.where("train"))
    files = {start: directory / f"block.{start}.npz" for start in range(0, n, config.batch_size)}
    missing = processes.agree([start for start, file in files.items() if not file.exists()])
    for start in progress(missing[rank :: processes.count()], "frozen features", disable=rank > 0):
        positions = np.arange(start, min(start + config.batch_size, n))
        training = torch.from_numpy(is_train[positions]).to(device)
        generator = torch.Generator(device).manual_seed(seed + start)
        arrays = {}
        for name, encoder in encoders.items():
            data = torch.from_numpy(read[name](positions)).to(device)
            with torch.inference_mode(), autocast(device):
                clean = encoder(data)
                arrays[f"{name}/clean"] = half(clean).cpu().numpy()
                if training.any():
                    views = [clean[training], *(encoder(data[training], generator) for _ in range(config.views))]
                    arrays[f"{name}/views"] = half(torch.stack(views, 1)).cpu().numpy()
        partial = files[start].with_suffix(".partial.npz")
        np.savez(partial, **arrays)
        partial.replace(files[start])
    processes.agree()
    if rank == 0:
        identity = {name: getattr(pairs.index, name) for name in ("targetid", "redshift", "split")}
        write_hdf5(directory / "features.h5", _joined(files.values()) | identity)
        with h5py.File(directory / "features.h5", "a") as file:
            file.attrs.update({encoder.name: sha256(encoder) for encoder in (image_encoder, spectrum_encoder)})
        for file in files.values():
            file.unlink()
    return {"features": {f"{name}_length": encoder.n_features for name, encoder in encoders.items()}}


def _joined(files: Iterable[Path]) -> dict[str, np.ndarray]:
    """The arrays of all files by name, one after the other; those without training objects have no views."""
    parts = defaultdict(list)
    for path in files:
        with np.load(path) as block:
            for name, values in block.items():
                parts[name].append(values)
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def half(features: torch.Tensor) -> torch.Tensor:
    """In half precision, which ends soon after 6e4."""
    return features.clamp(-6e4, 6e4).half()
