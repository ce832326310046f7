"""Work on many objects in blocks that processes share, each block kept in a file: what a killed job goes on with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from astroclip_book.data.progress import progress
from astroclip_book.train import processes


def make_parts(
    directory: Path, n: int, block: int, make: Callable[[np.ndarray], dict[str, np.ndarray]], description: str
) -> list[Path]:
    """Make the parts that ``directory`` does not have yet, those of this process in a row, and wait for the others.

    A block is of the same objects whoever makes it, so that neither the number of processes nor a kill, even when another
    number goes on after it, changes what is made.

    Parameters
    ----------
    directory : Path
        Of these parts alone, on a disk that all processes share.
    n, block : int
        How many objects there are, and how many in a block.
    make : callable
        Positions of a block, ascending, to named arrays.
    description : str
        What the progress bar of the first process says.

    Returns
    -------
    list of Path
        A ``.npz`` file for each block, in the order of the objects.
    """
    first, names = processes.rank() == 0, {start: f"{start}.npz" for start in range(0, n, block)}
    missing = None
    if first:
        directory.mkdir(exist_ok=True)
        # A listing: NFS remembers for a while that a file which was asked for by name is not there.
        there = set(os.listdir(directory))
        missing = [start for start, name in names.items() if name not in there]
    missing = processes.agree(missing)
    for start in progress(missing[processes.part(len(missing))], description, disable=not first):
        _keep(make(np.arange(start, min(start + block, n))), directory / names[start])
    processes.agree()
    return [directory / name for name in names.values()]


def join_parts(parts: list[Path], name: str) -> np.ndarray:
    """One of the arrays, of all objects."""
    arrays = []
    for path in parts:
        with np.load(path) as file:
            arrays.append(file[name])
    return np.concatenate(arrays)


def _keep(arrays: dict[str, np.ndarray], path: Path) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    os.replace(partial, path)
