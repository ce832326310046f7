"""Frozen features of every object, computed once by all processes and streamed from HDF5 to HDF5."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import torch

from astroclip_book.config import Features
from astroclip_book.data.files import sha256
from astroclip_book.data.pairs import Pairs
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.train import processes
from astroclip_book.train.loop import autocast, make_fabric
from astroclip_book.train.parts import make_parts


def extract_features(
    pairs: Pairs, image_encoder: Path, spectrum_encoder: Path, config: Features, device: str, seed: int, directory: Path
) -> dict:
    """Write ``directory/features.h5``: for both modalities, ``clean`` (N, D) float16 of every object, and ``views``
    (n_train, 1 + K, D) float16 of the training split: the clean view and K augmented ones.

    Each process encodes a contiguous share of the objects, block by block; the first joins what all have made. A killed
    call, of however many processes, goes on with the blocks that are missing. A block draws its views from a seed of its
    own, so the features do not depend on who makes it.

    Parameters
    ----------
    pairs : Pairs
    image_encoder, spectrum_encoder : Path
        Checkpoints of the pre-training steps.
    config : Features
    device : str
    seed : int
    directory : Path
        On a disk that all processes share; keeps the blocks in ``features/``.

    Returns
    -------
    dict
        Lengths of the feature vectors.
    """
    fabric = make_fabric(device)
    image = ImageFeatures.load(image_encoder).to(fabric.device)
    spectrum = SpectrumFeatures.load(spectrum_encoder).to(fabric.device)
    length = {"image": image.n_features, "spectrum": spectrum.n_features}
    train = pairs.index.where("train")

    @torch.inference_mode()
    def encode(block: np.ndarray) -> dict[str, np.ndarray]:
        training = torch.from_numpy(np.isin(block, train)).to(fabric.device)
        generator = torch.Generator(fabric.device).manual_seed(seed + int(block[0]))
        images, flux, redshift = (
            torch.from_numpy(values).to(fabric.device)
            for values in (pairs.images(block), pairs.spectra(block), pairs.index.redshift[block])
        )
        made = {}
        with autocast(fabric.device):
            for name, encoder, data in (("image", image, (images,)), ("spectrum", spectrum, (flux, redshift))):
                clean = encoder(*data)
                made[f"{name}/clean"] = _stored(clean)
                if training.any():
                    some = [values[training] for values in data]
                    views = [clean[training], *(encoder.augmented(*some, generator) for _ in range(config.views))]
                    made[f"{name}/views"] = _stored(torch.stack(views, 1))
        return made

    parts = make_parts(directory / "features", len(pairs.index), config.batch_size, encode, "frozen features")
    if processes.rank() == 0:
        _join(parts, directory / "features.h5", pairs, length, len(train), config.views)
        with h5py.File(directory / "features.h5", "a") as file:  # what the heads belong to
            file.attrs.update({path.name: sha256(path) for path in (image_encoder, spectrum_encoder)})
    return {"features": {f"{name}_length": int(n) for name, n in length.items()}}


def _stored(features: torch.Tensor) -> np.ndarray:
    return features.clamp(-6e4, 6e4).half().cpu().numpy()  # half precision ends soon after


def _join(parts: list[Path], path: Path, pairs: Pairs, length: dict[str, int], n_train: int, n_views: int) -> None:
    with h5py.File(path, "w") as file:
        for name, n in length.items():
            file.create_dataset(f"{name}/clean", (len(pairs.index), n), np.float16, fillvalue=0)
            file.create_dataset(f"{name}/views", (n_train, 1 + n_views, n), np.float16, fillvalue=0)
        for name in ("targetid", "redshift", "split"):
            file[name] = getattr(pairs.index, name)
        filled: Counter = Counter()
        for part in parts:
            with np.load(part) as arrays:
                for name, values in arrays.items():
                    file[name][filled[name] : filled[name] + len(values)] = values
                    filled[name] += len(values)
