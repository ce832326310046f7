"""Frozen features of every object, computed once: what an alignment is trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import h5py
import numpy as np
import torch

from astroclip_book.config import Features
from astroclip_book.data.files import progress, sha256
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
            clean, views = (
                {name: torch.from_numpy(file[name][kind][:]).to(device) for name in MODALITIES}
                for kind in ("clean", "views")
            )
            return cls(clean, views, file["split"][:])

    def with_views(self, which: slice) -> Self:
        """With some of the views; the first is the clean one."""
        return replace(self, views={name: values[:, which] for name, values in self.views.items()})


def extract_features(
    pairs: Pairs, image_encoder: Path, spectrum_encoder: Path, config: Features, device: str, seed: int, directory: Path
) -> dict:
    """Write ``directory/features.h5``: for both modalities, ``clean`` (N, D) float16 of every object, and ``views``
    (n_train, 1 + K, D) float16 of the training split: the clean view and K augmented ones.

    Blocks of objects are written as they come, by several processes each into a file of its own. A killed call, of however many
    processes, goes on with the blocks that are missing; each draws its views from a seed of its own. The file also has the
    SHA-256 of both checkpoints, as heads trained on it belong to these encoders. Returns the lengths of the feature vectors.
    """
    device, rank = make_fabric(device).device, processes.rank()
    image, spectrum = ImageFeatures.load(image_encoder), SpectrumFeatures.load(spectrum_encoder)
    encoders = {"image": image.to(device), "spectrum": spectrum.to(device)}
    read = {"image": pairs.images, "spectrum": pairs.spectra}
    n, train, whole = len(pairs.index), pairs.index.where("train"), directory / "features.h5"
    blocks = [slice(start, min(start + config.batch_size, n)) for start in range(0, n, config.batch_size)]
    trained = [slice(*np.searchsorted(train, (block.start, block.stop))) for block in blocks]

    def opened(path: Path) -> h5py.File:
        file = h5py.File(path, "a")
        file.require_dataset("done", (len(blocks),), bool)
        for name, encoder in encoders.items():
            file.require_dataset(f"{name}/clean", (n, encoder.n_features), np.float16)
            file.require_dataset(f"{name}/views", (len(train), 1 + config.views, encoder.n_features), np.float16)
        return file

    def missing() -> np.ndarray:
        """Blocks that nobody has written; what others have goes into the first process's file."""
        with opened(whole) as file:
            for path in sorted(directory.glob("features.*.h5")):
                with h5py.File(path) as other:
                    for block in np.flatnonzero(other["done"][:]):
                        for name in encoders:
                            file[f"{name}/clean"][blocks[block]] = other[f"{name}/clean"][blocks[block]]
                            file[f"{name}/views"][trained[block]] = other[f"{name}/views"][trained[block]]
                        file["done"][block] = True
                path.unlink()
            return np.flatnonzero(~file["done"][:])

    mine = np.array_split(processes.agree(missing() if rank == 0 else None), processes.count())[rank]
    with opened(directory / f"features.{rank}.h5" if rank else whole) as file:
        for block in progress(mine, "frozen features", disable=rank > 0):
            positions = np.arange(n)[blocks[block]]
            training = torch.from_numpy(np.isin(positions, train)).to(device)
            generator = torch.Generator(device).manual_seed(seed + int(positions[0]))
            for name, encoder in encoders.items():
                data = torch.from_numpy(read[name](positions)).to(device)
                with torch.inference_mode(), autocast(device):
                    clean = encoder(data)
                    file[f"{name}/clean"][blocks[block]] = half(clean).cpu().numpy()
                    if training.any():
                        views = [clean[training], *(encoder(data[training], generator) for _ in range(config.views))]
                        file[f"{name}/views"][trained[block]] = half(torch.stack(views, 1)).cpu().numpy()
            file.flush()
            file["done"][block] = True
            file.flush()
    processes.agree()
    if rank == 0:
        missing()
        with h5py.File(whole, "a") as file:
            del file["done"]
            for name in ("targetid", "redshift", "split"):
                file[name] = getattr(pairs.index, name)
            file.attrs.update({encoder.name: sha256(encoder) for encoder in (image_encoder, spectrum_encoder)})
    return {"features": {f"{name}_length": encoder.n_features for name, encoder in encoders.items()}}


def half(features: torch.Tensor) -> torch.Tensor:
    """In half precision, which ends soon after 6e4."""
    return features.clamp(-6e4, 6e4).half()
