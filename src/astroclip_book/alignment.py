"""Alignment of the two modalities: small heads on frozen features, trained by contrast."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from astroclip_book.engine import cosine_rate, fit, save, set_rate
from astroclip_book.errors import BookError
from astroclip_book.heads import Head
from astroclip_book.losses import info_nce
from astroclip_book.pairs import SPLITS
from astroclip_book.presets import Alignment

MODALITIES = ("image", "spectrum")


def make_heads(state: dict, config: Alignment) -> nn.ModuleDict:
    """Both heads with the shapes found in a state dict, and its weights."""
    heads = nn.ModuleDict()
    for name in MODALITIES:
        mean, std = state[f"{name}.mean"], state[f"{name}.std"]
        heads[name] = Head(mean, std, config.hidden, config.dimension, config.dropout)
    heads.load_state_dict(state)
    return heads


def align(features: Path, config: Alignment, device: str, seed: int, directory: Path) -> dict:
    """Train both heads on cached features; write ``heads.pt`` and ``embeddings.h5`` of every object.

    The epoch with the least validation loss is kept. Each epoch sees one of the K augmented views of each training
    object, drawn anew and separately for image and spectrum.

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
        Losses (nats) and the epoch kept.

    Raises
    ------
    BookError
        If there are fewer training pairs than a batch.
    """
    with h5py.File(features) as file:
        split, columns = file["split"][:], {name: file[name][:] for name in ("targetid", "redshift", "split")}
        clean = {name: torch.from_numpy(file[name]["clean"][:]).to(device) for name in MODALITIES}
        views = {name: torch.from_numpy(file[name]["views"][:]).to(device) for name in MODALITIES}
    n_train, n_views = views["image"].shape[:2]
    if n_train < config.batch_size:
        raise BookError(
            f"{features} holds {n_train} training pairs, fewer than alignment.batch_size = {config.batch_size}: "
            "lower the batch size or use more pairs."
        )
    torch.manual_seed(seed)
    heads = nn.ModuleDict()
    for name in MODALITIES:
        flat = views[name].flatten(0, 1).float()
        std = flat.std(0)
        heads[name] = Head(flat.mean(0), std.clamp(min=1e-3 * std.max()), config.hidden, config.dimension, config.dropout)
    state = nn.ModuleDict({"now": heads, "best": copy.deepcopy(heads)}).to(device)
    parameters = [
        {"params": [p for p in heads.parameters() if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in heads.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate)
    validation = torch.from_numpy(np.flatnonzero(split == SPLITS.index("validation"))).to(device)
    steps = n_train // config.batch_size
    best = [float("inf")]

    def run_epoch(epoch: int, advance: Callable[[], object]) -> dict[str, float]:
        generator = torch.Generator().manual_seed(seed + 1000 * epoch)
        order = torch.randperm(n_train, generator=generator).to(device)
        choice = {name: torch.randint(n_views, (n_train,), generator=generator).to(device) for name in MODALITIES}
        heads.train()
        total = 0.0
        for step in range(steps):
            set_rate(optimizer, config.learning_rate * cosine_rate(epoch * steps + step, config.epochs * steps))
            rows = order[step * config.batch_size : (step + 1) * config.batch_size]
            embedded = [heads[name](views[name][rows, choice[name][rows]].float()) for name in MODALITIES]
            loss = info_nce(*embedded, config.logit_scale)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
            advance()
        loss = validation_loss()
        if loss < best[0]:
            best[0] = loss
            state["best"].load_state_dict(heads.state_dict())
        return {"train_loss": total / steps, "validation_loss": loss}

    @torch.no_grad()
    def validation_loss() -> float:
        heads.eval()
        losses, sizes = [], []
        for rows in validation.split(config.batch_size):
            embedded = [heads[name](clean[name][rows].float()) for name in MODALITIES]
            losses.append(info_nce(*embedded, config.logit_scale).item())
            sizes.append(len(rows))
        return float(np.average(losses, weights=sizes))

    checkpoint = directory / "checkpoint.pt"
    if checkpoint.exists():
        best[0] = min(torch.load(checkpoint, weights_only=True)["history"]["validation_loss"])
    history = fit("heads", state, optimizer, config.epochs, steps, run_epoch, checkpoint, seed)
    kept = state["best"].eval()
    history["best_epoch"] = int(np.argmin(history["validation_loss"]))
    weights = {name: value.cpu() for name, value in kept.state_dict().items()}
    save({"config": vars(config), "state": weights, "history": history}, directory / "heads.pt")
    with h5py.File(directory / "embeddings.h5", "w") as file, torch.no_grad():
        for name in MODALITIES:
            file[name] = torch.cat([kept[name](part.float()) for part in clean[name].split(4096)]).cpu().numpy()
        for name, values in columns.items():
            file[name] = values
    epoch = history["best_epoch"]
    return {
        "alignment": {
            "best_epoch": epoch + 1,
            "train_loss": history["train_loss"][epoch],
            "validation_loss": history["validation_loss"][epoch],
        }
    }
