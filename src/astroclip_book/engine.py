"""What all trainings share: device and precision, the learning-rate schedule, epochs that survive a kill."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import torch
from lightning_fabric import Fabric, seed_everything
from torch import nn

from astroclip_book.progress import progress


def make_fabric(device: str) -> Fabric:
    """Fabric on ``cpu`` or ``cuda``, in bfloat16 where that is fast, else in float32."""
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    fabric = Fabric(accelerator=device, devices=1, precision="bf16-mixed" if fast else "32-true")
    fabric.launch()
    return fabric


def cosine_rate(step: int, total: int, warmup: float = 0.05) -> float:
    """Factor on the learning rate: linear warm-up over a share of the steps, then half a cosine to 1 % of the peak."""
    share = (step + 1) / total
    if share < warmup:
        return share / warmup
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def fit(
    label: str,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    steps: int,
    run_epoch: Callable[[int, Callable[[], object]], dict[str, float]],
    checkpoint: Path,
    seed: int,
) -> dict[str, list[float]]:
    """Run epochs, leaving a checkpoint after each; a second call after a kill goes on from there.

    Every epoch draws from its own seed, so a resumed run ends with the weights of one that was not stopped.

    Parameters
    ----------
    label : str
        What the progress bar says.
    module, optimizer
        Everything that an epoch changes.
    epochs, steps : int
        How many, and how many steps in each.
    run_epoch : callable
        Takes the epoch's number and a function to call after each step, trains, and returns its scores.
    checkpoint : Path
        Where the state is kept between epochs.

    Returns
    -------
    history : dict of lists
        The scores of each epoch.
    """
    history: dict[str, list[float]] = {}
    start = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
        history, start = state["history"], state["epoch"]
    with progress(description=label, total=epochs * steps, initial=start * steps, unit="step") as bar:
        for epoch in range(start, epochs):
            seed_everything(seed + 1000 * epoch, verbose=False)
            for name, value in run_epoch(epoch, bar.update).items():
                history.setdefault(name, []).append(float(value))
            state = {"module": module.state_dict(), "optimizer": optimizer.state_dict(), "history": history}
            save({**state, "epoch": epoch + 1}, checkpoint)
    return history


def save(state: dict, path: Path) -> None:
    """``torch.save`` that leaves the old file or the new one, never half of one."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)
