"""Training of the heads by contrast, on frozen features."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from astroclip_book.config import Alignment
from astroclip_book.models.heads import MODALITIES, Head, Heads
from astroclip_book.models.losses import Contrast
from astroclip_book.train.cached_features import CachedFeatures
from astroclip_book.train.loop import (
    autocast,
    best_epoch,
    check_batch,
    curves,
    epochs,
    gather,
    share,
    warm_up_and_cosine,
)

BLOCK = 4096  # objects whose features are in memory at a time, in single precision
OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}


class Aligner(nn.Module):
    """Heads and the loss that trains them."""

    def __init__(self, heads: Heads, contrast: Contrast):
        super().__init__()
        self.heads, self.contrast = heads, contrast

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """As `Heads`."""
        return self.heads(features)


def fit_heads(
    cached: CachedFeatures,
    config: Alignment,
    fabric: Fabric,
    seed: int,
    checkpoint: Path | None = None,
    label: str = "heads",
) -> tuple[Heads, dict]:
    """Train both heads on frozen features and keep the epoch with the least validation loss.

    Each epoch sees one of the views of each training object, drawn anew and separately for image and spectrum.

    Parameters
    ----------
    cached : CachedFeatures
        On the device of ``fabric``.
    config : Alignment
    fabric : Fabric
        Of one process or several, which share each batch and have each other's embeddings as negatives.
    seed : int
    checkpoint : Path, optional
        Where the state is kept between epochs, so that a killed training goes on.
    label : str
        What the progress bar says.

    Returns
    -------
    heads : Heads
        In evaluation mode.
    history : dict
        Losses (nats) and scale of each epoch, and ``best_epoch``, counted from 0.

    Raises
    ------
    BookError
        If there are fewer training pairs than a batch, or the training diverges.
    """
    n_train, n_views = cached.views["image"].shape[:2]
    check_batch("alignment", n_train, config.batch_size)
    torch.manual_seed(seed)
    heads = Heads({name: Head(*_moments(cached.views[name]), config) for name in MODALITIES})
    aligner = Aligner(heads, Contrast(config.loss, config.logit_scale, config.learn_scale)).to(fabric.device)
    best = copy.deepcopy(aligner)
    learned = [p for p in aligner.parameters() if p.requires_grad]
    parameters = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = OPTIMIZERS[config.optimizer](parameters, config.learning_rate, fused=True)
    steps = n_train // config.batch_size
    rate = warm_up_and_cosine(optimizer, config.epochs * steps)
    trained, optimizer = fabric.setup(aligner, optimizer)
    validation = torch.from_numpy(cached.where("validation")).to(fabric.device)

    @torch.no_grad()
    def validation_loss() -> float:
        """Of whole batches, which overlap where they do not fill the split: the loss grows with the size of a batch."""
        aligner.eval()
        size = min(config.batch_size, len(validation))
        batches = [validation[start : start + size] for start in _starts(len(validation), size)]
        losses = [
            aligner.contrast(*heads([cached.clean[name][rows] for name in MODALITIES])).item() for rows in batches
        ]
        return float(np.mean(losses))

    history: list[dict] = []
    parts = {"aligner": aligner, "best": best, "optimizer": optimizer, "rate": rate}
    for epoch in epochs(label, config.epochs, seed, history, checkpoint, **parts):
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(n_train)
        choice = {name: rng.integers(n_views, size=n_train) for name in MODALITIES}
        aligner.train()
        losses = []
        for step in range(steps):
            rows = share(fabric, order[step * config.batch_size : (step + 1) * config.batch_size])
            optimizer.zero_grad()
            with autocast(fabric.device):
                embedded = trained([cached.views[name][rows, choice[name][rows]] for name in MODALITIES])
            loss = aligner.contrast(*(gather(fabric, x.float()) for x in embedded))
            loss.backward()
            optimizer.step()
            rate.step()
            losses.append(loss.detach())
        scale = aligner.contrast.log_scale.exp().item()
        scores = {"train_loss": torch.stack(losses).mean().item(), "validation_loss": validation_loss()}
        history.append(scores | {"logit_scale": scale})
        if best_epoch(history, label) == epoch:
            best.load_state_dict(aligner.state_dict())
    return best.heads.eval(), curves(history) | {"best_epoch": best_epoch(history, label)}


@torch.no_grad()
def embed(heads: Heads, clean: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Embeddings (N, d) float32 of unit length of all objects, by modality."""
    return {
        name: torch.cat([heads[name](part.float()) for part in clean[name].split(BLOCK)]).cpu().numpy()
        for name in MODALITIES
    }


def _starts(n: int, size: int) -> np.ndarray:
    """Where batches of ``size`` begin, evenly spread, as few as hold all of n objects."""
    return np.linspace(0, n - size, -(-n // size)).astype(int)


def _moments(views: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation (D,) of views (n, K, D), the latter kept from 0."""
    parts, n = views.split(BLOCK), views.shape[0] * views.shape[1]
    mean = sum(part.flatten(0, 1).float().sum(0) for part in parts) / n
    # `std` of torch goes down the columns on one thread.
    std = (sum((part.flatten(0, 1).float() - mean).square_().sum(0) for part in parts) / n).sqrt_()
    return mean, std.clamp(min=1e-3 * std.max())
