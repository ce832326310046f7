"""Files that survive a kill and a second process; small HDF5 files; the bars that show how far a loop is."""

from __future__ import annotations

import errno
import functools
import glob
import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from astroclip_book.errors import BookError

progress = functools.partial(tqdm, mininterval=1.0, ncols=88)  # redrawn seldom: an executed notebook stays small


def read_json(path: Path) -> dict:
    """Content of a JSON file, {} where there is none; BookError where it is not JSON, or has no keys."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BookError(f"{path} cannot be read ({error}). Delete it: what it records is made again.") from error
    if not isinstance(value, dict):
        raise BookError(f"{path} has no keys with values. Delete it: what it records is made again.")
    return value


def write_json(path: Path, value) -> None:
    """Write JSON (numpy scalars and arrays too) so that a reader, or a kill, never meets half a file."""
    temporary = path.with_name(f"{path.name}.part")
    text = json.dumps(value, indent=2, default=lambda array: array.tolist())
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, path)


def read_hdf5(path: Path, group: str = "/") -> dict:
    """All of an HDF5 file, or of a group of it, in memory: groups become dictionaries, datasets arrays."""

    def content(item: h5py.Group | h5py.Dataset) -> dict | np.ndarray:
        return {name: content(one) for name, one in item.items()} if isinstance(item, h5py.Group) else item[()]

    with h5py.File(path, "r") as file:
        return content(file[group])


def write_hdf5(path: Path, arrays: dict) -> None:
    """Write arrays as datasets of these names, dictionaries of them as groups."""

    def write(group: h5py.Group, arrays: dict) -> None:
        for name, values in arrays.items():
            if isinstance(values, dict):
                write(group.require_group(name), values)
            else:
                group[name] = values

    with h5py.File(path, "w") as file:
        write(file, arrays)


def matching(pattern: str) -> list[Path]:
    """Files of a path or a pattern such as ``night/*.fits``, absolute and in order; none where there is none.

    The name of a directory that is there stands for itself, whatever it has of brackets.
    """
    path = Path(os.path.abspath(os.path.expanduser(pattern)))
    base = next(one for one in (path, *path.parents) if one.exists())
    names = [Path()] if base == path else sorted(map(Path, glob.glob(str(path.relative_to(base)), root_dir=base)))
    return [base / name for name in names if (base / name).is_file()]


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, a gigabyte in about a second."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lock(path: Path, refusal: str | None = None):
    """Hold a lock between processes, and wait where another holds it; with a ``refusal``, raise that as a BookError instead.

    BookError also where the file system knows no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(path).acquire(timeout=0 if refusal else -1)
    except Timeout as error:
        raise BookError(refusal) from error
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EROFS, errno.ENOSPC):
            raise
        why = f"Files in {path.parent} cannot be locked ({error.strerror}): choose a directory on another file system"
        raise BookError(f"{why}, by --run-dir of `python -m bookmaking` or `run_dir` in a notebook.") from error
    with held:
        yield
