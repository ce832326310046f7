"""Files that survive a kill, a second process and a full disk."""

from __future__ import annotations

import errno
import fcntl
import glob
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from astroclip_book.errors import BookError


def read_json(path: Path) -> dict:
    """Content of a JSON file, {} where there is none.

    Raises
    ------
    BookError
        Where it is not JSON, or has no keys.
    """
    try:
        value = json.loads(path.read_text())
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
    temporary.write_text(json.dumps(value, indent=2, default=lambda array: array.tolist()) + "\n")
    os.replace(temporary, path)


def prepare(directory: Path, option: str) -> None:
    """Make a directory.

    Raises
    ------
    BookError
        Where nothing can be written to it; it names the ``option`` for another place.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise BookError(
            f"{directory} cannot be made or written to ({error}): "
            f"choose another place by the option {option} of `python -m bookmaking`."
        ) from error


def matching(pattern: str) -> list[Path]:
    """Files of a path or a pattern such as ``night/*.fits``, absolute and in order; none where there is none."""
    path = os.path.abspath(os.path.expanduser(pattern))
    return [Path(one) for one in ([path] if os.path.isfile(path) else sorted(glob.glob(path))) if os.path.isfile(one)]


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, a gigabyte in about a second."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lock(path: Path, refusal: str | None = None):
    """Hold a lock between processes, and wait where another holds it.

    Raises
    ------
    BookError
        With the ``refusal`` where there is one, instead of waiting.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if refusal else 0))
        except BlockingIOError as error:
            raise BookError(refusal) from error
        yield


@contextmanager
def full_disk_explained(directory: Path):
    """Turn "no space left" in any of its guises into an error that says what to do.

    Raises
    ------
    BookError
        That names the directory and its free space.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        free = shutil.disk_usage(next(path for path in (directory, *directory.parents) if path.exists())).free
        if getattr(error, "errno", None) != errno.ENOSPC and free > 2**20:  # torch.save does not tell why it failed
            raise
        raise BookError(
            f"No space left in {directory} ({free / 2**20:.0f} MiB free). "
            "Free some and run again: what is made is kept, and the step resumes."
        ) from error
