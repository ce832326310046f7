"""Alignment of the two modalities: small heads on frozen features, and everybody's embeddings."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from astroclip_book.config import Alignment
from astroclip_book.models.heads import MODALITIES
from astroclip_book.train.cached_features import CachedFeatures
from astroclip_book.train.heads import embed, fit_heads
from astroclip_book.train.loop import make_fabric, save


def align(features: Path, config: Alignment, device: str, seed: int, directory: Path) -> dict:
    """Train heads from one or more seeds; write ``heads.pt`` of the first and ``embeddings.h5`` of every object.

    ``heads.pt`` has the SHA-256 of both encoders' checkpoints.

    The file of embeddings holds ``image`` and ``spectrum`` (N, d) of the first heads, under ``others`` the same of the
    remaining ones, (S - 1, N, d), and ``targetid``, ``redshift``, ``split`` (N,).

    Parameters
    ----------
    features : Path
        Made by `extract_features`.
    config : Alignment
    device : str
        ``cpu`` or ``cuda``.
    seed : int
    directory : Path

    Returns
    -------
    dict
        Of the first heads, losses (nats) and the epoch kept; of all, their validation losses.

    Raises
    ------
    BookError
        If there are fewer training pairs than a batch, or a training diverges.
    """
    fabric = make_fabric(device)
    cached = CachedFeatures.load(features, fabric.device)
    found, histories = [], []
    for number in range(config.seeds):
        checkpoint = directory / f"checkpoint_{number}.pt"
        heads, history = fit_heads(cached, config, fabric, seed + number, checkpoint, f"heads, seed {seed + number}")
        if number == 0:
            weights = {name: value.cpu() for name, value in heads.state_dict().items()}
            with h5py.File(features) as file:
                encoders = dict(file.attrs)
            kept = {"config": vars(config), "state": weights, "history": history, "encoders": encoders}
            save(kept, directory / "heads.pt")
        found.append(embed(heads, cached.clean))
        histories.append(history)
    if fabric.global_rank == 0:
        with h5py.File(features) as source, h5py.File(directory / "embeddings.h5", "w") as file:
            for name in ("targetid", "redshift", "split"):
                file[name] = source[name][:]
            for name in MODALITIES:
                file[name] = found[0][name]
                if found[1:]:
                    file[f"others/{name}"] = np.stack([other[name] for other in found[1:]])
    first, epoch = histories[0], histories[0]["best_epoch"]
    return {
        "alignment": {
            "best_epoch": epoch + 1,
            "train_loss": first["train_loss"][epoch],
            "validation_loss": first["validation_loss"][epoch],
            "logit_scale": first["logit_scale"][epoch],
            "validation_loss_seeds": [min(history["validation_loss"]) for history in histories],
        }
    }
