"""Data sets of ``datasets/<name>.yaml``: files, each downloaded whole and verified or not there, or a `Sample` of two services."""

import errno
import shutil
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import requests
import yaml
from tqdm import tqdm

from astroclip_book.config import build
from astroclip_book.data.files import lock, read_json, sha256, write_json
from astroclip_book.errors import BookError
from real_sky.sample import BUSY, Sample, gather

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
CHUNK = 2**16  # bytes: what a lost connection takes with it
TIMEOUT = (10, 60)  # s: to connect, and without a byte
PATIENCE = 5  # attempts in a row that bring nothing new
# How files begin: of HDF5, of torch (a zip archive, or a pickle), and FITS.
HDF5, TORCH = b"\x89HDF\r\n\x1a\n", (b"PK\x03\x04", b"\x80")
MAGIC = {".h5": HDF5, ".hdf5": HDF5, ".pt": TORCH, ".ckpt": TORCH, ".fits": b"SIMPLE"}


@dataclass(frozen=True)
class Source:
    """One file of a data set."""

    file: str  # its name, whatever a server calls it
    what: str  # that it holds, in a few words
    sha256: str | None  # as published, or the beginning of it
    addresses: list[str]  # tried in turn
    by_hand: str  # how a person gets it where no address gives it


def load_dataset(name: str) -> dict[str, Source] | Sample:
    """The files, or the sample, of ``datasets/<name>.yaml``, or of another YAML file with such keys, else BookError."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else ROOT / "datasets" / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in (ROOT / "datasets").glob("*.yaml")))
        raise BookError(f"There is no data set '{name}'. Use one of: {known}; or the path of a YAML file.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "constraints" in values:
            return build(Sample, values, str(path))
        return {key: Source(**source) for key, source in values.items()}
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise BookError(f"{path} does not describe files as {ROOT / 'datasets' / 'desi.yaml'} does: {error}") from error


def download_dataset(name: str, directory: Path = DATA) -> dict[str, Path]:
    """Download what is missing of a data set, and verify it; called again, it goes on where it was interrupted.

    Returns the files by the keys of the data set, which has the name of a file in ``datasets/`` or the path of another; the
    file of a sample is ``pairs``. After all that can be fetched was, a BookError says for each file that is missing or not the
    published one what to do.
    """
    directory, paths, problems, sources = Path(directory).absolute(), {}, [], load_dataset(name)
    try:
        if isinstance(sources, Sample):
            paths["pairs"] = gather(sources, directory)
            print(f"{paths['pairs']}: complete, real pairs. make book SAMPLE={paths['pairs']} measures a run on them.")
            return paths
        for key, source in sources.items():
            paths[key] = directory / source.file
            try:
                _download(source, paths[key])
                print(f"{paths[key]}: complete, {source.what}")
            except BookError as error:
                problems.append(str(error))
    except OSError as error:
        advice = "Make room, and run this again to go on" if error.errno == errno.ENOSPC else "Is it writable?"
        raise BookError(f"{directory}: {error.strerror}. {advice}, or name another --data-dir.") from error
    if problems:
        raise BookError("\n\n".join(problems))
    return paths


def _download(source: Source, path: Path) -> None:
    part, reasons = path.with_name(f"{path.name}.part"), []
    with lock(path.with_name(f"{path.name}.lock"), f"Another process is downloading {path}: wait for it."):
        if path.exists():
            if wrong := _not_it(source, path):
                raise BookError(f"{path} {wrong}. Move it away, and run this again to download it.")
            return
        for address in source.addresses:
            try:
                _fetch(address, part)
                if wrong := _not_it(source, part):
                    part.unlink()
                    raise BookError(f"what arrived {wrong}")
                return part.replace(path)
            except BookError as error:
                reasons.append(f"{address}: {error}")
    why = "\n  ".join([f"{path} ({source.what}) {'was not downloaded' if reasons else 'needs a hand'}:", *reasons])
    raise BookError(f"{why}\n{source.by_hand} Put the file there under that name; it is verified when this runs again.")


def _not_it(source: Source, path: Path) -> str | None:
    """What is wrong with a file, by its first bytes and the published checksum."""
    with path.open("rb") as file:
        if not file.read(8).startswith(MAGIC.get(Path(source.file).suffix, b"")):
            return f"does not begin as files {Path(source.file).suffix} do"
    if source.sha256 and not (found := sha256(path)).startswith(source.sha256):
        return f"has the SHA-256 {found}, the published one is {source.sha256}"
    return None


def _fetch(address: str, part: Path) -> None:
    """Add to ``part`` until it is whole; connections that are lost, and servers that are busy, are tried again."""
    note, failures = part.with_suffix(".version"), 0  # which version the part is of: two are never stitched together
    while failures < PATIENCE:
        begun = part.stat().st_size if part.exists() else 0
        known, headers = read_json(note), {"Accept-Encoding": "identity"}
        if begun and known.get("address") == address:
            if begun == known["size"]:
                return note.unlink()
            if known["version"]:
                headers |= {"Range": f"bytes={begun}-", "If-Range": known["version"]}
        try:
            with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as answer:
                _receive(answer, address, part, note, begun)
            reason = "the connection ended early"
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            reason = f"the connection failed ({error})"
        except requests.RequestException as error:
            raise BookError(str(error)) from error
        failures = 0 if part.exists() and part.stat().st_size > begun else failures + 1
        time.sleep(min(2.0**failures, 30))
    raise BookError(f"{reason} ({failures} attempts without a new byte)")


def _receive(answer: requests.Response, address: str, part: Path, note: Path, begun: int) -> None:
    """Write what one answer brings, after a look whether it is the file."""
    status, headers = answer.status_code, answer.headers
    for one in (*answer.history, answer):  # nobody on the way can change what comes by HTTPS, or from this machine
        if urlsplit(one.url).scheme != "https" and urlsplit(one.url).hostname not in ("localhost", "127.0.0.1", "::1"):
            raise BookError(f"leads to {one.url}, which is not https://: it could be changed on the way")
    if status in BUSY:
        raise requests.ConnectionError(f"the server answers {status} {answer.reason}")
    if status == 416 or (status == 206 and not headers.get("Content-Range", "").startswith(f"bytes {begun}-")):
        return part.unlink()  # what had arrived does not fit the file there any more
    if status not in (200, 206):
        raise BookError(f"the server answers {status} {answer.reason}")
    length, chunks = headers.get("Content-Length", ""), answer.iter_content(CHUNK)
    first = next(chunks, b"")
    wrong = status == 200 and not first.startswith(MAGIC.get(Path(part.stem).suffix, b""))
    if wrong or "html" in headers.get("Content-Type", ""):
        raise BookError("the server answers with something else than the file: a web page, a login, or an error")
    if not length.isdigit():
        raise BookError("the server does not say how long the file is, so a half one would not be noticed")
    if shutil.disk_usage(part.parent).free < int(length):
        raise OSError(errno.ENOSPC, f"No space for {int(length) / 1e9:,.1f} GB more")
    if status == 200:
        part.unlink(missing_ok=True)
        etag, begun = headers.get("ETag", ""), 0
        version = headers.get("Last-Modified") if etag.startswith("W/") else etag or headers.get("Last-Modified")
        write_json(note, {"address": address, "size": int(length), "version": version})
    bar = tqdm(desc=part.stem, total=begun + int(length), initial=begun, unit="B", unit_scale=True, mininterval=1)
    with part.open("ab") as file, bar:
        for chunk in chain([first], chunks):
            bar.update(file.write(chunk))
