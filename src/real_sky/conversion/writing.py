"""A file of pairs that is written batch by batch: it goes on after a kill, and has its name only when it is whole."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from astroclip_book.data.files import lock, read_json, write_json
from astroclip_book.data.pairs import GROUPS, create_pairs, open_rows
from astroclip_book.errors import BookError

SMALLEST = 50  # pairs: five a group, of which the last is for the test set


def write_pairs(
    output: Path, place: np.ndarray, source: dict, batches: Callable[[int], Iterator[dict]], ivar: bool = False
) -> Path:
    """Write pairs to ``output``, in ``<output>.partial`` until the last is there; called again after a kill, it goes on.

    Parameters
    ----------
    output : Path
    place : (n,) int array
        Where each pair stands in the file, counted through its ten equal groups one after another.
    source : dict
        What the pairs come from, as JSON: what was written from the same source is kept, else all begins anew.
    batches : callable
        The number of pairs that are there to an iterator over the next: arrays by the names of the datasets.
    ivar : bool
        Whether inverse variances are written beside the spectra.

    Raises
    ------
    BookError
        If the file exists, the pairs are too few, another process writes it, or pairs are missing in the end.
    """
    if len(place) < SMALLEST:
        raise BookError(f"{len(place)} pairs are too few for ten groups with a test set each: {SMALLEST} are needed.")
    growing, note, busy = (output.with_name(f"{output.name}.partial{end}") for end in ("", ".json", ".lock"))
    starts = np.cumsum([0, *(len(part) for part in np.array_split(place, len(GROUPS)))])
    with lock(busy, f"Another process is writing {output}: wait for it."):
        state = read_json(note)
        if state.get("source") != source or not growing.exists():
            create_pairs(growing, np.diff(starts).tolist(), ivar)
            state = {"source": source, "done": 0}
        view = functools.cache(functools.partial(open_rows, growing))
        with tqdm(desc="pairs", total=len(place), initial=state["done"], unit="pair", mininterval=1) as bar:
            for arrays in batches(state["done"]):
                rows = place[state["done"] : state["done"] + len(arrays["targetids"])]
                groups = np.searchsorted(starts, rows, side="right") - 1
                for group in np.unique(groups):
                    for name, values in arrays.items():
                        view(GROUPS[group], name)[rows[groups == group] - starts[group]] = values[groups == group]
                state["done"] += len(rows)
                write_json(note, state)
                bar.update(len(rows))
        if missing := len(place) - state["done"]:
            raise BookError(f"{output}: {missing} pairs did not arrive. Delete {growing}, and run this again.")
        os.replace(growing, output)
        note.unlink()
        busy.unlink()
    return output


def check_output(output: Path) -> None:
    """Refuse a file that exists, or a directory that cannot be written to.

    Raises
    ------
    BookError
        In either case.
    """
    if output.exists() or not os.access(output.absolute().parent, os.W_OK):
        raise BookError(f"{output} exists already or cannot be written: move it away, or name another --output.")
