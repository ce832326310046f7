"""Frozen features of every object, computed once and streamed from HDF5 to HDF5."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import torch

from astroclip_book.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.engine import make_fabric
from astroclip_book.pairs import Pairs
from astroclip_book.presets import Features
from astroclip_book.progress import progress


def extract_features(
    pairs: Pairs, image_encoder: Path, spectrum_encoder: Path, config: Features, device: str, seed: int, directory: Path
) -> dict:
    """Write ``directory/features.h5``: for both modalities, ``clean`` (N, D) float16 of every object, and ``views``
    (n_train, 1 + K, D) float16 of the training split: the clean view and K augmented ones.

    A killed call goes on at the block it was in; each block draws its views from its own seed.

    Parameters
    ----------
    pairs : Pairs
    image_encoder, spectrum_encoder : Path
        Checkpoints of the pre-training steps.
    config : Features
    device : str
    seed : int
    directory : Path

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
    path, mark = directory / "features.h5", directory / "features.done"
    if not mark.exists():
        _create(path, pairs, length, len(train), config.views)
        _write(mark, 0)
    done = int(mark.read_text())
    starts = range(done, len(pairs.index), config.batch_size)
    with h5py.File(path, "r+") as file, torch.inference_mode(), fabric.autocast():
        for start in progress(starts, "frozen features"):
            block = np.arange(start, min(start + config.batch_size, len(pairs.index)))
            training = np.isin(block, train)
            rows = np.searchsorted(train, block[training])
            generator = torch.Generator(fabric.device).manual_seed(seed + start)
            images, flux, redshift = (torch.from_numpy(values).to(fabric.device) for values in (
                pairs.images(block), pairs.spectra(block), pairs.index.redshift[block]))
            for name, encoder, data in (("image", image, (images,)), ("spectrum", spectrum, (flux, redshift))):
                clean = encoder(*data)
                file[name]["clean"][block[0] : block[-1] + 1] = _stored(clean)
                if len(rows):
                    known = torch.from_numpy(training).to(fabric.device)
                    some = [values[known] for values in data]
                    views = [clean[known], *(encoder.augmented(*some, generator) for _ in range(config.views))]
                    file[name]["views"][rows[0] : rows[-1] + 1] = _stored(torch.stack(views, 1))
            file.flush()
            _write(mark, int(block[-1]) + 1)
    return {"features": {f"{name}_length": int(n) for name, n in length.items()}}


def _stored(features: torch.Tensor) -> np.ndarray:
    return features.clamp(-6e4, 6e4).half().cpu().numpy()  # half precision ends soon after


def _create(path: Path, pairs: Pairs, length: dict[str, int], n_train: int, n_views: int) -> None:
    with h5py.File(path, "w") as file:
        for name, n in length.items():
            file.create_dataset(f"{name}/clean", (len(pairs.index), n), np.float16, fillvalue=0)
            file.create_dataset(f"{name}/views", (n_train, 1 + n_views, n), np.float16, fillvalue=0)
        for name in ("targetid", "redshift", "split"):
            file[name] = getattr(pairs.index, name)


def _write(mark: Path, done: int) -> None:
    partial = mark.with_suffix(".partial")
    partial.write_text(str(done))
    os.replace(partial, mark)
