"""Whether a file is whole, and still the one that was downloaded first."""

from __future__ import annotations

import hashlib
import time
import zipfile
from pathlib import Path

import h5py

from astroclip_book.data.files import read_json, write_json
from astroclip_book.data.progress import progress
from real_sky.downloads.sources import Source

BLOCK = 2**22  # bytes hashed at a time
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # torch.save before 1.6: a pickle that begins with its magic number


def record_path(path: Path) -> Path:
    """Where the checksum of a file is kept: beside it."""
    return path.with_name(f"{path.name}.json")


def problem(source: Source, path: Path, final: Path, address: str | None = None) -> str | None:
    """Why a file is not the one that it should be; None when it is, which is recorded beside it.

    A file whose size and time of change are those of the record is not read again: ``touch`` it to have it read.

    Parameters
    ----------
    source : Source
    path : Path
        Where the file lies.
    final : Path
        Where it will lie, beside its record.
    address : str, optional
        Where it came from; by default as recorded, or from a person's hand.

    Returns
    -------
    str or None
        To follow the name of the file.
    """
    record = record_path(final)
    known, published = read_json(record), source.sha256 or ""
    stamp = {"size": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns}
    if known.items() >= stamp.items() and known["sha256"].startswith(published):
        return None
    damage = _damage(path, source.format)
    if damage:
        return damage
    sha256 = _sha256(path, final.name)
    if not sha256.startswith(published):
        return f"has the SHA-256 {sha256}, the published file {published}{'' if len(published) == 64 else '…'}"
    if sha256 != known.get("sha256", sha256):
        return (
            f"has the SHA-256 {sha256}, but {known['sha256']} when it was first downloaded ({known['checked']});"
            f" if another version was published since, delete {record}"
        )
    origin = address or known.get("address")
    write_json(record, {"sha256": sha256, **stamp, "address": origin, "checked": time.strftime("%Y-%m-%d")})
    return None


def _damage(path: Path, kind: str) -> str | None:
    if kind == "hdf5":
        try:
            h5py.File(path, "r").close()  # compares the length that is written in the file
        except OSError as error:
            return f"is no whole HDF5 file ({error}); it begins with {_beginning(path)}"
    elif not zipfile.is_zipfile(path) and _bytes(path, len(LEGACY)) != LEGACY:
        return f"is no whole file of torch.save; it begins with {_beginning(path)}"
    return None


def _beginning(path: Path) -> str:
    return repr(_bytes(path, 40))[1:]


def _bytes(path: Path, n: int) -> bytes:
    with path.open("rb") as file:
        return file.read(n)


def _sha256(path: Path, name: str) -> str:
    found = hashlib.sha256()
    bar = progress(description=f"checksum of {name}", total=path.stat().st_size, unit="B", unit_scale=True)
    with path.open("rb") as file, bar:
        while block := file.read(BLOCK):
            found.update(block)
            bar.update(len(block))
    return found.hexdigest()
