"""A file of pairs that is written in pieces: it goes on after a kill, and has its name only when it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from astroclip_book.data.files import full_disk_explained, lock, read_json, write_json
from astroclip_book.data.pairs import GROUPS, IMAGE_SIZE, N_WAVELENGTH, create_pairs, open_rows
from astroclip_book.errors import BookError
from real_sky.downloads.fetch import check_space

SMALLEST = 50  # pairs: five a group, of which the last is for the test set


class Writing:
    """The rows of a file of pairs that is being written.

    Rows count through the whole file: the ten groups, as equal as can be, one after another.

    Parameters
    ----------
    directory : Path
        Where the file grows.
    count : int
        Pairs, in all.
    source : dict
        What they come from and in what order, as JSON: pieces of the same source are kept, those of another begun anew.
    ivar : bool
        Whether inverse variances are written beside the spectra.
    """

    def __init__(self, directory: Path, count: int, source: dict, ivar: bool):
        self.path, self.count, self._state = directory / "pairs.h5", count, directory / "pieces.json"
        self._source = source
        self._pieces: dict[str, int] = {}
        self._views: dict[tuple[str, str], np.memmap] = {}
        sizes = [len(part) for part in np.array_split(np.arange(count), len(GROUPS))]
        self._starts = np.cumsum([0, *sizes[:-1]])
        state = read_json(self._state)
        if state.get("source") == source and self.path.exists():
            self._pieces = state["pieces"]
            return
        self._state.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        numbers = count * (3 * IMAGE_SIZE**2 + (2 if ivar else 1) * N_WAVELENGTH + 3)
        check_space(directory, 4 * numbers, "The file of pairs", "--output")
        create_pairs(self.path, sizes, ivar)
        if hasattr(os, "posix_fallocate"):  # the space is ours from here on
            with self.path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, self.path.stat().st_size)
        self._save()

    def has(self, piece: str) -> bool:
        """Whether a piece has been written, now or before a kill."""
        return piece in self._pieces

    def put(self, rows: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
        """Write pairs.

        Parameters
        ----------
        rows : (n,) int array
            Where they belong.
        arrays : dict of (n, ...) arrays
            By the names of the datasets.
        """
        groups = np.searchsorted(self._starts, rows, side="right") - 1
        for group in np.unique(groups):
            here = groups == group
            for name, values in arrays.items():
                self._view(GROUPS[group], name)[rows[here] - self._starts[group]] = values[here]

    def finish(self, piece: str, n: int) -> None:
        """Remember that a piece of ``n`` pairs has been written."""
        self._pieces[piece] = n
        self._save()

    @property
    def missing(self) -> int:
        """Pairs that have not been written."""
        return self.count - sum(self._pieces.values())

    def _view(self, group: str, name: str) -> np.memmap:
        if (group, name) not in self._views:
            self._views[group, name] = open_rows(self.path, group, name)
        return self._views[group, name]

    def _save(self) -> None:
        write_json(self._state, {"source": self._source, "pieces": self._pieces})


@contextmanager
def writing(output: Path, count: int, source: dict, ivar: bool = False) -> Iterator[Writing]:
    """Write ``output`` in pieces, in ``<output>.partial`` until the last is there; called again after a kill, it goes on.

    Parameters
    ----------
    output : Path
    count, source, ivar
        As in `Writing`.

    Raises
    ------
    BookError
        If the file exists, the pairs are too few or do not fit on the disk, another process writes it, or pieces are missing.
    """
    output = Path(output).absolute()
    check_output(output)
    if count < SMALLEST:
        raise BookError(
            f"{count} pairs are too few for ten groups with a test set each: at least {SMALLEST} are needed."
        )
    directory = output.with_name(f"{output.name}.partial")
    with (
        full_disk_explained(output.parent),
        lock(directory / "lock", f"Another process is writing {output}: wait for it."),
    ):
        there = Writing(directory, count, source, ivar)
        yield there
        if there.missing:
            raise BookError(
                f"{output}: {there.missing} of {count} pairs did not arrive. Has the source changed meanwhile? "
                f"Delete {directory} and run this again."
            )
        os.replace(there.path, output)
        for file in directory.iterdir():
            file.unlink()
        directory.rmdir()


def check_output(output: Path) -> None:
    """Refuse a file that exists, or a directory that cannot be written to.

    Raises
    ------
    BookError
        In either case.
    """
    if output.exists():
        raise BookError(f"{output} exists already: move it away, or name another --output.")
    if not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
        raise BookError(f"{output.parent} is not a directory that can be written to: name another --output.")


def dealt(count: int) -> np.ndarray:
    """Rows (count,) for pairs in a sequence, dealt to the groups in turn: the first 80 % of each are the sequence's first 80 %."""
    rows = np.empty(count, np.int64)
    rows[np.argsort(np.arange(count) % len(GROUPS), kind="stable")] = np.arange(count)
    return rows
