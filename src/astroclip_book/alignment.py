"""Alignment of the two modalities: small heads on frozen features, trained by contrast."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from astroclip_book.engine import Descent, check_batch, fit, gather, make_fabric, save, share
from astroclip_book.heads import Head
from astroclip_book.losses import info_nce
from astroclip_book.pairs import SPLITS
from astroclip_book.presets import Alignment

MODALITIES = ("image", "spectrum")


class Heads(nn.ModuleDict):
    """One head for each modality, by its name."""

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Features (n, …) of images and of spectra to embeddings (n, dimension) of unit length."""
        return [self[name](values.float()) for name, values in zip(MODALITIES, features, strict=True)]


def make_heads(state: dict, config: Alignment) -> Heads:
    """Both heads with the shapes found in a state dict, and its weights."""
    heads = Heads()
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
    fabric = make_fabric(device, "32-true")  # heads are small: nothing to gain from fewer bits
    with h5py.File(features) as file:
        split, columns = file["split"][:], {name: file[name][:] for name in ("targetid", "redshift", "split")}
        clean = {name: torch.from_numpy(file[name]["clean"][:]).to(fabric.device) for name in MODALITIES}
        views = {name: torch.from_numpy(file[name]["views"][:]).to(fabric.device) for name in MODALITIES}
    n_train, n_views = views["image"].shape[:2]
    check_batch("alignment", n_train, config.batch_size)
    torch.manual_seed(seed)
    heads = Heads()
    for name in MODALITIES:
        flat = views[name].flatten(0, 1).float()
        std = flat.std(0)
        heads[name] = Head(flat.mean(0), std.clamp(min=1e-3 * std.max()), config.hidden, config.dimension, config.dropout)
    state = nn.ModuleDict({"now": heads, "best": copy.deepcopy(heads)}).to(fabric.device)
    parameters = [
        {"params": [p for p in heads.parameters() if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in heads.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate)
    trained, optimizer = fabric.setup(heads, optimizer)
    validation = torch.from_numpy(np.flatnonzero(split == SPLITS.index("validation"))).to(fabric.device)
    steps = n_train // config.batch_size
    descend = Descent(fabric, trained, optimizer, config.learning_rate, config.epochs * steps)
    best = [float("inf")]

    def run_epoch(epoch: int, advance: Callable[[], object]) -> dict[str, float]:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(n_train)
        choice = {name: rng.integers(n_views, size=n_train) for name in MODALITIES}
        heads.train()
        losses = torch.zeros(steps, device=fabric.device)
        for step in range(steps):
            rows = share(fabric, order[step * config.batch_size : (step + 1) * config.batch_size])
            batch = [views[name][rows, choice[name][rows]] for name in MODALITIES]

            def loss(batch=batch) -> torch.Tensor:
                return info_nce(*(gather(fabric, embedded) for embedded in trained(batch)), config.logit_scale)

            losses[step] = descend(epoch * steps + step, loss)
            advance()
        loss = validation_loss()
        if loss < best[0]:
            best[0] = loss
            state["best"].load_state_dict(heads.state_dict())
        return {"train_loss": losses.mean().item(), "validation_loss": loss}

    @torch.no_grad()
    def validation_loss() -> float:
        heads.eval()
        losses, sizes = [], []
        for rows in validation.split(config.batch_size):
            losses.append(info_nce(*heads([clean[name][rows] for name in MODALITIES]), config.logit_scale).item())
            sizes.append(len(rows))
        return float(np.average(losses, weights=sizes))

    checkpoint = directory / "checkpoint.pt"
    if checkpoint.exists():
        best[0] = min(torch.load(checkpoint, weights_only=True)["history"]["validation_loss"])
    history = fit("heads", fabric, state, optimizer, config.epochs, steps, run_epoch, checkpoint, seed)
    kept = state["best"].eval()
    history["best_epoch"] = int(np.argmin(history["validation_loss"]))
    if fabric.global_rank == 0:
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
