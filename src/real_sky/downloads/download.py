"""The files of a data set, each whole and verified under its name, or not there at all."""

from __future__ import annotations

from pathlib import Path

from astroclip_book.data.files import full_disk_explained, lock, prepare
from astroclip_book.errors import BookError
from real_sky.downloads.fetch import Part, Unavailable, check_space, fetch
from real_sky.downloads.integrity import problem
from real_sky.downloads.sources import ROOT, Source, load_dataset

DATA = ROOT / "data"
PARTIAL = ".partial"  # where files grow


def download_dataset(name: str, directory: Path = DATA) -> dict[str, Path]:
    """Download what is missing of a data set, and verify what is there.

    May be called again at any time: it goes on where it was interrupted, and what is whole is left as it is.

    Parameters
    ----------
    name : str
        Of a file in ``datasets/``, such as "desi", or path of another.
    directory : Path
        Where the files go, made when missing.

    Returns
    -------
    dict of str to Path
        The files, by the keys of the data set.

    Raises
    ------
    BookError
        If space is short, before anything is fetched; or, after all that can be fetched was, if a file is missing, damaged,
        or not the published one. The message says for each what to do.
    """
    sources, directory = load_dataset(name), Path(directory).absolute()
    prepare(directory / PARTIAL, "--data-dir")
    missing = [source for source in sources.values() if not (directory / source.file).exists()]
    for source in missing:
        if not source.addresses:  # said now too, for a person to see to it in the meantime
            print(_needs_a_hand(source, directory / source.file), end="\n\n")
    _check_space(missing, directory, name)
    paths, problems = {}, []
    for key, source in sources.items():
        try:
            paths[key] = download(source, directory)
            print(f"{paths[key]}: complete, {source.what}")
        except BookError as error:
            problems.append(str(error))
    if problems:
        raise BookError("\n\n".join(problems))
    return paths


def download(source: Source, directory: Path) -> Path:
    """Download one file unless it is there, and verify it.

    Parameters
    ----------
    source : Source
    directory : Path

    Returns
    -------
    Path

    Raises
    ------
    BookError
        If no address gives it, it does not fit on the disk, it is not what it should be, or another process is at it.
    """
    path = directory / source.file
    busy = f"Another process is downloading {path}: wait for it."
    with full_disk_explained(directory), lock(directory / PARTIAL / f"{source.file}.lock", busy):
        if not path.exists():
            _from_any_address(source, path)
        elif found := problem(source, path, path):
            raise BookError(f"{path} {found}. Move it away, and run this again to download it.")
    return path


def _from_any_address(source: Source, path: Path) -> None:
    if not source.addresses:
        raise BookError(_needs_a_hand(source, path))
    reasons = []
    for part in _parts(source, path.parent):
        try:
            fetch(part, source.file)
            found = problem(source, part.path, path, part.address)
            if found is None:
                part.become(path)
                for other in _parts(source, path.parent):
                    other.discard()
                return
            part.discard()
            reasons.append(f"{part.address}: what arrived {found}")
        except Unavailable as error:
            reasons.append(f"{part.address}: {error}")
    lines = "\n  ".join([f"{path} ({source.what}) was not downloaded:", *reasons])
    raise BookError(f"{lines}\nRun this again to go on, or by hand: {_by_hand(source)}")


def _needs_a_hand(source: Source, path: Path) -> str:
    return f"{path} ({source.what}) needs a hand: {_by_hand(source)}"


def _by_hand(source: Source) -> str:
    how = f"{source.by_hand} " if source.by_hand else ""
    return f"{how}Put the file there under that name and run this again: it is verified then."


def _check_space(missing: list[Source], directory: Path, name: str) -> None:
    fetched = [source for source in missing if source.addresses]
    arrived = sum(part.length for source in fetched for part in _parts(source, directory))
    check_space(directory, 1e9 * sum(source.gigabytes for source in fetched) - arrived, f"The data set '{name}'")


def _parts(source: Source, directory: Path) -> list[Part]:
    return [Part(directory / PARTIAL, source.file, address) for address in source.addresses]
