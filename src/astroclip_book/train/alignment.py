"""Alignment of the two modalities: small heads on frozen features, and everybody's embeddings."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from astroclip_book.config import Alignment
from astroclip_book.models.heads import MODALITIES
from astroclip_book.train.cached_features import CachedFeatures
from astroclip_book.train.heads import embed, fit_heads
from astroclip_book.train.loop import save


def align(features: Path, config: Alignment, device: str, seed: int, directory: Path) -> dict:
    """Train heads from one or more seeds; write ``heads.pt`` of the first and ``embeddings.h5`` of every object.

    ``heads.pt`` has the SHA-256 of both encoders' checkpoints, as ``features.h5`` does. The file of embeddings holds ``image``
    and ``spectrum`` (N, d) of the first heads, under ``others`` the same of the remaining ones, (S - 1, N, d), and ``targetid``,
    ``redshift``, ``split`` (N,). Returns, of the first heads, losses (nats) and the epoch kept; of all, their validation losses.
    """
    cached = CachedFeatures.load(features, device)
    seeds = range(seed, seed + config.seeds)
    trained = [
        fit_heads(cached, config, device, s, directory / f"{s}.checkpoint.pt", f"heads, seed {s}") for s in seeds
    ]
    embeddings = [embed(heads, cached.clean) for heads, _ in trained]
    heads, history = trained[0]
    with h5py.File(features) as source, h5py.File(directory / "embeddings.h5", "w") as file:
        encoders = dict(source.attrs)
        for name in ("targetid", "redshift", "split"):
            file[name] = source[name][:]
        for name in MODALITIES:
            file[name] = embeddings[0][name]
            if embeddings[1:]:
                file[f"others/{name}"] = np.stack([other[name] for other in embeddings[1:]])
    state = {name: value.cpu() for name, value in heads.state_dict().items()}
    save({"config": vars(config), "state": state, "history": history, "encoders": encoders}, directory / "heads.pt")
    epoch = history["best_epoch"]
    scores = {name: history[name][epoch] for name in ("train_loss", "validation_loss", "logit_scale")}
    least = [min(curves["validation_loss"]) for _, curves in trained]
    return {"alignment": {"best_epoch": epoch + 1, **scores, "validation_loss_seeds": least}}
