"""What labels would give: a network of an encoder's size, trained on redshifts and masses of the same galaxies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book.data.pairs import Index
from astroclip_book.train.engine import Best, Descent, check_batch, fit, make_fabric, share


class Supervised(nn.Module):
    """An encoder and a linear layer to standardised labels.

    Parameters
    ----------
    encoder : nn.Module
        Inputs (n, …) to features (n, n_features).
    n_features, n_labels : int
    """

    def __init__(self, encoder: nn.Module, n_features: int, n_labels: int):
        super().__init__()
        self.encoder, self.out = encoder, nn.Linear(n_features, n_labels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Inputs (n, …) to labels (n, n_labels)."""
        return self.out(self.encoder(x)).float()


def predict_supervised(
    network: Supervised,
    read: Callable[[np.ndarray], torch.Tensor],
    vary: Callable[[torch.Tensor, torch.Generator], torch.Tensor],
    labels: np.ndarray,
    index: Index,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    device: str,
    seed: int,
    checkpoint: Path,
) -> np.ndarray:
    """Train on the training split, keep the epoch with the least validation loss, and predict the test split.

    Parameters
    ----------
    network : Supervised
    read : callable
        Positions (n,), ascending, to inputs (n, …) on the device.
    vary : callable
        Makes random variants of training inputs.
    labels : (N, n_labels) array
        NaN where a value is unknown.
    index : Index
    epochs, batch_size : int
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
    fabric = make_fabric(device)
    mean, std = np.nanmean(labels[train], 0), np.nanstd(labels[train], 0)
    target = torch.from_numpy((labels - mean) / std).float().to(fabric.device)
    state = Best(network).to(fabric.device)
    optimizer = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=0.01, fused=True)
    trained, optimizer = fabric.setup(network, optimizer)
    batches = len(train) // batch_size
    descend = Descent(fabric, trained, optimizer, learning_rate, epochs * batches)

    def error(predicted: torch.Tensor, positions: np.ndarray) -> torch.Tensor:
        truth = target[positions]
        known = truth.isfinite()
        # A few galaxies' labels are far from what any network would say: they must not decide the weights.
        return F.smooth_l1_loss(predicted[known], truth[known], beta=0.5)

    @torch.no_grad()
    def predict(positions: np.ndarray) -> torch.Tensor:
        with fabric.autocast():
            return torch.cat([network(read(part)) for part in np.array_split(positions, len(positions) // 256 + 1)])

    def run_epoch(epoch: int, advance: Callable[[], object]) -> dict[str, float]:
        generator = torch.Generator(fabric.device).manual_seed(seed + 1000 * epoch + fabric.global_rank)
        order = np.random.default_rng([seed, epoch]).permutation(train)
        network.train()
        losses = torch.zeros(batches, device=fabric.device)
        for batch in range(batches):
            positions = np.sort(share(fabric, order[batch * batch_size : (batch + 1) * batch_size]))
            x = vary(read(positions), generator)
            losses[batch] = descend(epoch * batches + batch, lambda: error(trained(x), positions))  # noqa: B023
            advance()
        network.eval()
        loss = error(predict(validation), validation).item()
        state.see(loss)
        return {"train_loss": losses.mean().item(), "validation_loss": loss}

    label = f"supervised, {checkpoint.stem}"
    fit(label, fabric, state, optimizer, epochs, batches, run_epoch, checkpoint, seed)
    network.load_state_dict(state.kept(label).state_dict())
    return predict(test).cpu().numpy() * std + mean
