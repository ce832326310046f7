"""Alignment of the two modalities: heads trained by contrast on frozen features, and everybody's embeddings."""

from __future__ import annotations

import copy
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from astroclip_book.config import Alignment
from astroclip_book.models.heads import MODALITIES, Contrast, Head
from astroclip_book.train.features import CachedFeatures
from astroclip_book.train.loop import autocast, best_epoch, check_batch, curves, epochs, save, warm_up_and_cosine

BLOCK = 4096  # objects whose features are in memory at a time, in single precision
OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}


def align(features: Path, config: Alignment, device: str, seed: int, directory: Path) -> dict:
    """Train heads from one or more seeds; write ``heads.pt`` of the first and ``embeddings.h5`` of every object.

    ``heads.pt`` has the SHA-256 of both encoders' checkpoints, as ``features.h5`` does. The file of embeddings holds ``image``
    and ``spectrum`` (N, d) of the first heads, under ``others`` the same of the remaining ones, (S - 1, N, d), and ``targetid``,
    ``redshift``, ``split`` (N,). Returns, of the first heads, losses (nats) and the epoch kept; of all, their validation losses.
    """
    cached, trained = CachedFeatures.load(features, device), []
    for s in range(seed, seed + config.seeds):
        trained.append(fit_heads(cached, config, device, s, directory / f"{s}.checkpoint.pt", f"heads, seed {s}"))
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


def fit_heads(
    cached: CachedFeatures, config: Alignment, device: str, seed: int, checkpoint: Path | None = None, label="heads"
) -> tuple[nn.ModuleDict, dict]:
    """Train both heads on frozen features and keep the epoch with the least validation loss.

    Each epoch sees one of the views of each training object, drawn anew and separately for image and spectrum. A killed
    training goes on from the ``checkpoint``, if there is one. Returns the heads in evaluation mode, and losses (nats) and scale
    of each epoch with ``best_epoch``, counted from 0. BookError if there are fewer training pairs than a batch, or it diverges.
    """
    n_train, n_views = cached.views["image"].shape[:2]
    check_batch("alignment", n_train, config.batch_size)
    torch.manual_seed(seed)
    heads = nn.ModuleDict({name: Head(*_moments(cached.views[name]), config) for name in MODALITIES}).to(device)
    contrast = Contrast(config.loss, config.logit_scale, config.learn_scale).to(device)
    best = copy.deepcopy(heads)
    learned = [p for p in (*heads.parameters(), *contrast.parameters()) if p.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = OPTIMIZERS[config.optimizer](groups, config.learning_rate, fused=True)
    steps = n_train // config.batch_size
    rate = warm_up_and_cosine(optimizer, config.epochs * steps)
    history: list[dict] = []
    kept = {"heads": heads, "contrast": contrast, "best": best, "optimizer": optimizer, "rate": rate}
    for epoch in epochs(label, config.epochs, seed, history, checkpoint, **kept):
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(n_train)[: steps * config.batch_size]
        view = {name: rng.integers(n_views, size=n_train) for name in MODALITIES}
        heads.train()
        losses = []
        for rows in np.split(order, steps):
            with autocast(device):
                image, spectrum = (heads[name](cached.views[name][rows, view[name][rows]]) for name in MODALITIES)
            loss = contrast(image, spectrum)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
            losses.append(loss.detach())
        scores = {"train_loss": torch.stack(losses).mean().item(), "logit_scale": contrast.log_scale.exp().item()}
        validation_loss = _validation_loss(heads.eval(), contrast, cached, config.batch_size)
        history.append(scores | {"validation_loss": validation_loss})
        if best_epoch(history, label) == epoch:
            best.load_state_dict(heads.state_dict())
    return best.eval(), curves(history) | {"best_epoch": best_epoch(history, label)}


@torch.no_grad()
def embed(heads: nn.ModuleDict, clean: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Embeddings (N, d) float32 of unit length of all objects, by modality."""
    parts = {name: [heads[name](part) for part in clean[name].split(BLOCK)] for name in MODALITIES}
    return {name: torch.cat(embedded).cpu().numpy() for name, embedded in parts.items()}


@torch.no_grad()
def _validation_loss(heads: nn.ModuleDict, contrast: Contrast, cached: CachedFeatures, batch_size: int) -> float:
    """Of whole batches, which overlap where they do not fill the split: the loss grows with the size of a batch."""
    rows = cached.where("validation")
    size = min(batch_size, len(rows))
    starts = np.linspace(0, len(rows) - size, -(-len(rows) // size)).astype(int)
    batches = [rows[start : start + size] for start in starts]
    losses = [contrast(*(heads[name](cached.clean[name][batch]) for name in MODALITIES)).item() for batch in batches]
    return float(np.mean(losses))


def _moments(views: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation (D,) of views (n, K, D), the latter kept from 0."""
    n = views.shape[0] * views.shape[1]
    mean = sum(part.float().sum((0, 1)) for part in views.split(BLOCK)) / n
    std = (sum((part.float() - mean).square().sum((0, 1)) for part in views.split(BLOCK)) / n).sqrt()
    return mean, std.clamp(min=1e-3 * std.max())
