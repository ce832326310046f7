"""What labels would give: a network of an encoder's size, trained on redshifts and masses of the same galaxies."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book.data.pairs import Index
from astroclip_book.train.loop import autocast, best_epoch, check_batch, epochs, warm_up_and_cosine


def predict_supervised(
    network: nn.Module,
    read: Callable[[np.ndarray], torch.Tensor],
    vary: Callable[[torch.Tensor, torch.Generator], torch.Tensor],
    labels: np.ndarray,
    index: Index,
    n_epochs: int,
    batch_size: int,
    learning_rate: float,
    device: str,
    seed: int,
    checkpoint: Path,
) -> np.ndarray:
    """Train on the training split, keep the epoch with the least validation loss, and predict the test split.

    Parameters
    ----------
    network : nn.Module
        Inputs (n, …) to standardised labels (n, n_labels).
    read : callable
        Positions (n,), ascending, to inputs (n, …) on the device.
    vary : callable
        Makes random variants of training inputs.
    labels : (N, n_labels) array
        NaN where a value is unknown.
    index : Index
    n_epochs, batch_size : int
    learning_rate : float
    device : str
    seed : int
    checkpoint : Path

    Returns
    -------
    (n_test, n_labels) array

    Raises
    ------
    BookError
        If there are fewer training pairs than a batch, or the training diverges.
    """
    train, validation, test = (index.where(split) for split in ("train", "validation", "test"))
    check_batch("the encoder's", len(train), batch_size)
    mean, std = np.nanmean(labels[train], 0), np.nanstd(labels[train], 0)
    target = torch.from_numpy((labels - mean) / std).float().to(device)
    best = copy.deepcopy(network.to(device))
    optimizer = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=0.01, fused=True)
    batches = len(train) // batch_size
    rate = warm_up_and_cosine(optimizer, n_epochs * batches)

    def error(predicted: torch.Tensor, positions: np.ndarray) -> torch.Tensor:
        truth = target[positions]
        known = truth.isfinite()
        # A few galaxies' labels are far from what any network would say: they must not decide the weights.
        return F.smooth_l1_loss(predicted[known], truth[known], beta=0.5)

    @torch.no_grad()
    def predict(model: nn.Module, positions: np.ndarray) -> torch.Tensor:
        model.eval()
        with autocast(device):
            parts = [model(read(part)) for part in np.array_split(positions, len(positions) // 256 + 1)]
        return torch.cat(parts).float()

    history: list[dict] = []
    label, parts = (
        f"supervised, {checkpoint.stem}",
        {"network": network, "best": best, "optimizer": optimizer, "rate": rate},
    )
    for epoch in epochs(label, n_epochs, seed, history, checkpoint, **parts):
        generator = torch.Generator(device).manual_seed(seed + 1000 * epoch)
        order = np.random.default_rng([seed, epoch]).permutation(train)
        network.train()
        for batch in range(batches):
            positions = np.sort(order[batch * batch_size : (batch + 1) * batch_size])
            x = vary(read(positions), generator)
            optimizer.zero_grad()
            with autocast(device):
                predicted = network(x)
            error(predicted.float(), positions).backward()
            optimizer.step()
            rate.step()
        history.append({"validation_loss": error(predict(network, validation), validation).item()})
        if best_epoch(history, label) == epoch:
            best.load_state_dict(network.state_dict())
    return predict(best, test).cpu().numpy() * std + mean
