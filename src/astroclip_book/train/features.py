"""Frozen features of every object, computed once."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch

from astroclip_book.config import Features
from astroclip_book.data.files import sha256
from astroclip_book.data.pairs import Pairs
from astroclip_book.data.progress import progress
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.train import processes
from astroclip_book.train.loop import autocast, make_fabric


def extract_features(
    pairs: Pairs, image_encoder: Path, spectrum_encoder: Path, config: Features, device: str, seed: int, directory: Path
) -> dict:
    """Write ``directory/features.h5``: for both modalities, ``clean`` (N, D) float16 of every object, and ``views``
    (n_train, 1 + K, D) float16 of the training split: the clean view and K augmented ones.

    Blocks of objects are written as they come, by several processes each into a file of its own. A killed call, of however many
    processes, goes on with the blocks that are missing; each draws its views from a seed of its own. The file also has the
    SHA-256 of both checkpoints, as heads trained on it belong to these encoders. Returns the lengths of the feature vectors.
    """
    device, first = make_fabric(device).device, processes.rank() == 0
    image = ImageFeatures.load(image_encoder).to(device)
    spectrum = SpectrumFeatures.load(spectrum_encoder).to(device)
    n, train = len(pairs.index), pairs.index.where("train")
    blocks = [slice(start, min(start + config.batch_size, n)) for start in range(0, n, config.batch_size)]
    trained = [slice(*np.searchsorted(train, (block.start, block.stop))) for block in blocks]
    shapes = {"done": (len(blocks),)}
    for name, length in (("image", image.n_features), ("spectrum", spectrum.n_features)):
        shapes |= {f"{name}/clean": (n, length), f"{name}/views": (len(train), 1 + config.views, length)}

    def opened(path: Path) -> h5py.File:
        file = h5py.File(path, "a")
        for name, shape in shapes.items():
            file.require_dataset(name, shape, bool if name == "done" else np.float16)
        return file

    def missing() -> np.ndarray:
        """Blocks that nobody has written; what others have goes into the first process's file."""
        with opened(directory / "features.h5") as file:
            for path in sorted(directory.glob("features.*.h5")):
                with h5py.File(path) as other:
                    for block in np.flatnonzero(other["done"][:]):
                        for kind, rows in (("clean", blocks[block]), ("views", trained[block])):
                            for name in ("image", "spectrum"):
                                file[name][kind][rows] = other[name][kind][rows]
                        file["done"][block] = True
                path.unlink()
            return np.flatnonzero(~file["done"][:])

    mine = processes.agree(missing() if first else None)
    mine = mine[processes.part(len(mine))]
    with opened(directory / ("features.h5" if first else f"features.{processes.rank()}.h5")) as file:
        for block in progress(mine, "frozen features", disable=not first):
            positions = np.arange(n)[blocks[block]]
            training = torch.from_numpy(np.isin(positions, train)).to(device)
            generator = torch.Generator(device).manual_seed(seed + int(positions[0]))
            flux, redshift = pairs.spectra(positions), pairs.index.redshift[positions]
            given = ("image", image, [pairs.images(positions)]), ("spectrum", spectrum, [flux, redshift])
            for name, encoder, arrays in given:
                data = [torch.from_numpy(values).to(device) for values in arrays]
                with torch.inference_mode(), autocast(device):
                    clean = encoder(*data)
                    file[f"{name}/clean"][blocks[block]] = _stored(clean)
                    if training.any():
                        some = [values[training] for values in data]
                        views = [clean[training], *(encoder.augmented(*some, generator) for _ in range(config.views))]
                        file[f"{name}/views"][trained[block]] = _stored(torch.stack(views, 1))
            file.flush()
            file["done"][block] = True
            file.flush()
    processes.agree()
    if first:
        missing()
        with h5py.File(directory / "features.h5", "a") as file:
            del file["done"]
            for name in ("targetid", "redshift", "split"):
                file[name] = getattr(pairs.index, name)
            file.attrs.update({encoder.name: sha256(encoder) for encoder in (image_encoder, spectrum_encoder)})
    return {"features": {"image_length": image.n_features, "spectrum_length": spectrum.n_features}}


def _stored(features: torch.Tensor) -> np.ndarray:
    return features.clamp(-6e4, 6e4).half().cpu().numpy()  # half precision ends soon after
