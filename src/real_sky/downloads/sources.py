"""The files that a data set consists of, and where they are handed out: ``datasets/<name>.yaml``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import yaml

from astroclip_book.config import build
from astroclip_book.errors import BookError

ROOT = Path(__file__).resolve().parents[3]

LOCAL = ("localhost", "127.0.0.1", "::1")  # nobody in between: plain HTTP will do


@dataclass(frozen=True)
class Source:
    """One file of a data set."""

    file: str  # its name, whatever a server calls it
    what: str  # that it holds, in a few words
    format: Literal["hdf5", "torch"]
    gigabytes: float  # roughly, 10^9 bytes
    sha256: str | None  # as published, or the beginning of it; none: the first download counts
    addresses: list[str]  # tried in turn
    by_hand: str | None  # how a person gets it where no address gives it


def trusted(address: str) -> bool:
    """Whether nobody on the way can change what an address gives: by HTTPS, or from this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)


def load_dataset(name: str) -> dict[str, Source]:
    """Read ``datasets/<name>.yaml``.

    Parameters
    ----------
    name : str
        Name of a data set, or path of a YAML file with the same keys.

    Returns
    -------
    dict of str to Source
        By what they are for, in the order in which they are fetched.

    Raises
    ------
    BookError
        For an unknown data set, a key or a value that is wrong, a file name that leads elsewhere, or an address without HTTPS.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else ROOT / "datasets" / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in (ROOT / "datasets").glob("*.yaml")))
        raise BookError(f"There is no data set '{name}'. Use one of: {known}; or the path of a YAML file.")
    try:
        values = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise BookError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise BookError(f"{path}: expected a key for each file, as in {ROOT / 'datasets' / 'desi.yaml'}.")
    sources = {key: build(Source, value, f"{path}: {key}") for key, value in values.items()}
    for key, source in sources.items():
        _check(source, f"{path}: {key}")
    return sources


def _check(source: Source, where: str) -> None:
    if not re.fullmatch(r"\w[\w.+-]*", source.file):
        raise BookError(f"{where}: file must be a plain name without directories, not {source.file!r}.")
    if not re.fullmatch(r"[0-9a-f]{8,64}", source.sha256 or "0" * 64):
        raise BookError(f"{where}: sha256 must be 8 to 64 hexadecimal digits in small letters, not {source.sha256!r}.")
    plain = [address for address in source.addresses if not trusted(address)]
    if plain:
        raise BookError(f"{where}: {plain[0]} is not https://, so what it gives could be changed on the way.")
