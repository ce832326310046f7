"""What all trainings share: processes, precision, the learning rate, and epochs that survive a kill."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from lightning_fabric.strategies import DDPStrategy
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.optim.lr_scheduler import LambdaLR

from astroclip_book.data.files import progress
from astroclip_book.data.pairs import evenly
from astroclip_book.errors import BookError
from astroclip_book.train import processes

WARMUP = 0.05  # share of the steps in which the learning rate rises


def make_fabric(device: str) -> Fabric:
    """Fabric on ``cpu`` or ``cuda``: this process alone, or those of ``torchrun``; BookError if they are more than the GPUs."""
    if processes.count() == 1:  # the environment is named, or Fabric would ask SLURM
        return Fabric(accelerator=device, devices=1, plugins=LightningEnvironment())
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if device == "cuda" and local > torch.cuda.device_count():
        raise BookError(
            f"{local} processes were started on a machine with {torch.cuda.device_count()} GPUs: "
            "give torchrun --nproc-per-node that number, or run on the CPU."
        )
    # Buffers stay each process's own: batch norm sees its part of the batch, as in the published trainings.
    strategy = DDPStrategy(forward_sync_buffers=False)
    fabric = Fabric(accelerator=device, devices=local, num_nodes=processes.count() // local, strategy=strategy)
    fabric.launch()
    return fabric


def autocast(device: torch.device | str) -> torch.autocast:
    """Products in bfloat16 where the processor or GPU has it fast; inputs stay in single precision.

    In bfloat16 a redshift of 0.3 would be off by up to 0.001, eight pixels of a spectrum at Hα.
    """
    kind, fast = torch.device(device).type, torch.ops.mkldnn._is_mkldnn_bf16_supported()
    fast = torch.cuda.is_bf16_supported(including_emulation=False) if kind == "cuda" else fast
    return torch.autocast(kind, torch.bfloat16, enabled=fast)


def gather(fabric: Fabric, values: torch.Tensor) -> torch.Tensor:
    """The rows of all processes, (n, …) to (n * processes, …), in the order of their ranks, gradients included."""
    if fabric.world_size == 1:
        return values
    return fabric.all_gather(values, sync_grads=values.requires_grad).flatten(0, 1)


def batches(order: np.ndarray, size: int, fabric: Fabric | None = None) -> Iterator[np.ndarray]:
    """Whole batches of rows in this order, each batch ascending; this process's equal share of them where there are several."""
    for start in range(0, len(order) - size + 1, size):
        batch = order[start : start + size]
        yield np.sort(np.split(batch, fabric.world_size)[fabric.global_rank] if fabric else batch)


def check_batch(where: str, n_train: int, batch_size: int) -> None:
    """BookError if the data cannot fill a batch, or the processes not share it evenly."""
    if n_train < batch_size or batch_size % processes.count():
        raise BookError(
            f"{where}.batch_size = {batch_size} must be at most the number of training pairs, {n_train}, and a multiple "
            f"of the number of processes, {processes.count()}: choose another, or use more pairs."
        )


def warm_up_and_cosine(optimizer: torch.optim.Optimizer, steps: int) -> LambdaLR:
    """Learning rate that rises linearly over a share of the steps, then falls as half a cosine to 1 % of its peak."""

    def factor(step: int) -> float:
        done = (step + 1) / max(steps, 1)
        fall = (done - WARMUP) / (1 - WARMUP)
        return done / WARMUP if fall < 0 else 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fall))

    return LambdaLR(optimizer, factor)


def epochs(
    label: str, n: int, seed: int, history: list[dict], checkpoint: Path | None = None, **parts
) -> Iterator[int]:
    """Numbers of the epochs that are still to do.

    The loop appends its scores to ``history`` and changes ``parts``: modules, optimiser, schedule. Both are kept after each
    epoch, and a second call after a kill goes on from there. As every epoch draws from its own seed, it ends alike.
    """
    if checkpoint is not None and checkpoint.exists():
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        history += state["history"]
        for name, part in parts.items():
            part.load_state_dict(state[name])
    start = len(history)
    for epoch in progress(range(start, n), label, n, initial=start, unit="epoch", disable=processes.rank() > 0):
        torch.manual_seed(epoch_seed(seed, epoch))
        yield epoch
        if checkpoint is not None:
            save({name: part.state_dict() for name, part in parts.items()} | {"history": history}, checkpoint)


def epoch_seed(seed: int, epoch: int) -> int:
    """What an epoch draws dropout and noise from: other processes and the trainings of other seeds draw others."""
    return int(np.random.SeedSequence([seed, epoch, processes.rank()]).generate_state(1)[0])


def best_epoch(history: list[dict], label: str) -> int:
    """The epoch with the least validation loss so far, counted from 0; BookError if none is a number."""
    losses = [scores["validation_loss"] for scores in history]
    if not np.isfinite(losses).any():
        raise BookError(f"{label}: the training diverged, no validation loss is a number: lower its learning rate.")
    return int(np.nanargmin(losses))


@torch.no_grad()
def probe(encode: Callable, train: np.ndarray, validation: np.ndarray, redshift: np.ndarray) -> float:
    """A look at features while they are learned: R² of the redshifts (N,) of 1000 validation objects by their neighbours.

    These are 16 among as many training objects; nothing is trained by it. ``encode`` makes features (n, d) of places (n,).
    """

    def features(rows: np.ndarray) -> np.ndarray:
        parts = [encode(part).float().cpu() for part in np.array_split(rows, len(rows) // 250 + 1)]
        return torch.cat(parts).numpy()

    train, validation = train[evenly(len(train), 1000)], validation[evenly(len(validation), 1000)]
    neighbours = KNeighborsRegressor(min(16, len(train)), weights="distance")
    model = make_pipeline(StandardScaler(), neighbours).fit(features(train), redshift[train])
    return float(model.score(features(validation), redshift[validation]))


def curves(history: list[dict]) -> dict[str, list[float]]:
    """Scores of epochs by name."""
    return {name: [scores[name] for scores in history] for name in (history[0] if history else ())}


def finish(name: str, config, network: torch.nn.Module, history: list[dict], directory: Path, **more) -> dict:
    """Write ``directory/<name>.pt`` of a trained network, and ``more`` with it; the scores of its last epoch under the name."""
    state = {"config": vars(config), "history": curves(history), "state": network.state_dict()} | more
    save(state, directory / f"{name}.pt")
    return {name: history[-1] if history else {}}


def save(state: dict, path: Path) -> None:
    """``torch.save`` by the first process, that leaves the old file or the new one, never half of one."""
    if processes.rank() == 0:
        torch.save(state, path.with_suffix(".partial"))
        os.replace(path.with_suffix(".partial"), path)
