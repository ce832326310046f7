"""What all trainings share: processes, precision, the learning-rate schedule, epochs that survive a kill."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric, seed_everything
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.strategies import DDPStrategy
from torch import nn

from astroclip_book.data.progress import progress
from astroclip_book.errors import BookError
from astroclip_book.train import processes

WARMUP = 0.05  # share of the steps in which the learning rate rises
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


class Autocast(MixedPrecision):
    """Fabric's mixed precision, but for the inputs, which it would round before a network sees them.

    In bfloat16 a redshift of 0.3 is off by up to 0.001, eight pixels of a spectrum at Hα.
    """

    def convert_input(self, data):
        """As they come: autocast rounds where a product takes them."""
        return data


def make_fabric(device: str, precision: str | None = None) -> Fabric:
    """Fabric on ``cpu`` or ``cuda``: one process, or those that ``torchrun`` started.

    Parameters
    ----------
    device : str
        ``cpu`` or ``cuda``.
    precision : str, optional
        As Fabric names it; by default bfloat16 where the processor or GPU has it fast, else float32.

    Raises
    ------
    BookError
        If there are fewer GPUs than processes on this machine.
    """
    if device == "cpu":
        _keep_memory()
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if device == "cuda" and local > torch.cuda.device_count():
        raise BookError(
            f"{local} processes were started on a machine with {torch.cuda.device_count()} GPUs: "
            "give torchrun --nproc-per-node that number, or run on the CPU."
        )
    fabric = Fabric(
        accelerator=device,
        devices=local,
        num_nodes=processes.count() // local,
        # Buffers stay each process's own: batch norm sees its part of the batch, as in the published trainings, and the
        # queue of MoCo is filled alike everywhere. Sending them at every step would cost more than the gradients.
        strategy=DDPStrategy(forward_sync_buffers=False) if processes.count() > 1 else "auto",
        precision=precision or (None if fast else "32-true"),
        plugins=Autocast("bf16-mixed", device) if fast and not precision else None,
    )
    fabric.launch()
    return fabric


def _keep_memory() -> None:
    """Have the C library keep freed memory for the next tensors, where it is glibc.

    By default tensors above 32 MiB are handed back to the system and taken anew, page by page, at every step: a sixth of
    the time of a training on the CPU.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(M_MMAP_THRESHOLD, 2**30)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def gather(fabric: Fabric, values: torch.Tensor) -> torch.Tensor:
    """The rows of all processes, (n, …) to (n * processes, …), in the order of their ranks, gradients included.

    The gradient of a loss of all rows, computed alike by every process, comes out as that of one process with the joint
    batch once the processes' gradients are averaged, as data-parallel training does.
    """
    if fabric.world_size == 1:
        return values
    return fabric.all_gather(values, sync_grads=values.requires_grad).flatten(0, 1)


def share(fabric: Fabric, rows: np.ndarray) -> np.ndarray:
    """This process's part of a joint batch: equal and contiguous parts, in the order of the ranks."""
    return np.split(rows, fabric.world_size)[fabric.global_rank]


def check_batch(where: str, n_train: int, batch_size: int) -> None:
    """Refuse batches that the data or the processes cannot fill.

    Raises
    ------
    BookError
        If there are fewer training pairs than a step takes, or a batch does not split evenly over the processes.
    """
    if n_train < batch_size:
        raise BookError(
            f"There are {n_train} training pairs, fewer than {where}.batch_size = {batch_size}: "
            "lower the batch size or use more pairs."
        )
    if batch_size % processes.count():
        raise BookError(
            f"{where}.batch_size = {batch_size} does not split evenly over {processes.count()} processes: choose a multiple."
        )


def cosine_rate(step: int, total: int) -> float:
    """Factor on the learning rate: linear warm-up over a share of the steps, then half a cosine to 1 % of the peak."""
    share = (step + 1) / total
    if share < WARMUP:
        return share / WARMUP
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (share - WARMUP) / (1 - WARMUP)))


class Descent:
    """Steps of an optimiser: learning rate by `cosine_rate`.

    Parameters
    ----------
    fabric : Fabric
    module, optimizer
        As `Fabric.setup` returns them.
    rate : float
        Peak learning rate.
    batches : int
        How many there will be in all.
    """

    def __init__(
        self,
        fabric: Fabric,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        rate: float,
        batches: int,
    ):
        self.fabric, self.module, self.optimizer = fabric, module, optimizer
        self.rate, self.batches = rate, batches

    def __call__(self, batch: int, loss: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Descend the loss of a batch, the number ``batch`` of all, counted from 0; returns it without its graph."""
        value = loss()
        self.fabric.backward(value)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * cosine_rate(batch, self.batches)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return value.detach()


class Best(nn.Module):
    """A network in training, `now`, and `best`, its copy from the epoch with the least loss; a checkpoint holds both.

    Parameters
    ----------
    network : nn.Module
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.now, self.best = network, copy.deepcopy(network)
        self.register_buffer("loss", torch.tensor(float("inf"), dtype=torch.float64))

    def see(self, loss: float) -> None:
        """Take over the weights of an epoch with this validation loss, if it is the least so far."""
        if loss < self.loss:
            self.loss.fill_(loss)
            self.best.load_state_dict(self.now.state_dict())

    def kept(self, label: str) -> nn.Module:
        """The network of the best epoch.

        Raises
        ------
        BookError
            If no epoch's loss was a number: it would be the network as it was before the training ``label``.
        """
        if not torch.isfinite(self.loss):
            raise BookError(
                f"{label}: the training diverged, no epoch has a validation loss that is a number: "
                "lower its learning rate."
            )
        return self.best


def fit(
    label: str,
    fabric: Fabric,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    steps: int,
    run_epoch: Callable[[int, Callable[[], object]], dict[str, float]],
    checkpoint: Path | None,
    seed: int,
) -> dict[str, list[float]]:
    """Run epochs, leaving a checkpoint after each; a second call after a kill goes on from there.

    Every epoch draws from its own seed, so a resumed run ends with the weights of one that was not stopped.

    Parameters
    ----------
    label : str
        What the progress bar says.
    fabric : Fabric
        Of the module and optimiser; all its processes read the checkpoint that the first writes.
    module, optimizer
        Everything that an epoch changes.
    epochs, steps : int
        How many, and how many steps in each.
    run_epoch : callable
        Takes the epoch's number and a function to call after each step, trains, and returns its scores.
    checkpoint : Path, optional
        Where the state is kept between epochs; none for trainings of seconds, which are not worth it.
    seed : int
        Each process draws from its own, so that their dropout and noise differ.

    Returns
    -------
    history : dict of lists
        The scores of each epoch.
    """
    history: dict[str, list[float]] = {}
    start = 0
    if checkpoint is not None and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=fabric.device)
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
        history, start = state["history"], state["epoch"]
    fabric.barrier()
    silent = fabric.global_rank > 0
    with progress(description=label, total=epochs * steps, initial=start * steps, unit="step", disable=silent) as bar:
        for epoch in range(start, epochs):
            seed_everything(seed + 1000 * epoch + fabric.global_rank, verbose=False)
            for name, value in run_epoch(epoch, bar.update).items():
                history.setdefault(name, []).append(float(value))
            if checkpoint is not None:
                state = {"module": module.state_dict(), "optimizer": optimizer.state_dict(), "history": history}
                save({**state, "epoch": epoch + 1}, checkpoint)
                fabric.barrier()
    return history


def save(state: dict, path: Path) -> None:
    """``torch.save`` by the first process, that leaves the old file or the new one, never half of one."""
    if processes.rank() > 0:
        return
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)
