"""One file from one address, over as many connections as it takes: resumed by byte range, never stitched of two versions.

The rules of ranges and conditions are those of HTTP, RFC 9110 sections 13.1.5 and 14.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import textwrap
import time
from itertools import chain
from pathlib import Path

import requests

from astroclip_book.data.files import read_json, write_json
from astroclip_book.data.progress import progress
from astroclip_book.errors import BookError
from real_sky.downloads.sources import trusted

CHUNK = 2**16  # bytes: what a lost connection takes with it
TIMEOUT = (10, 60)  # s: to connect, and without a byte
PATIENCE = 6  # attempts in a row that bring nothing new
DOUBT = 3  # likewise, where no connection brought anything since the call: the machine may be offline, the address gone
LONGEST_WAIT = 30.0  # s between attempts
BUSY = (408, 425, 429)  # and all from 500 on: worth another attempt
LOST = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
VALIDATORS = ("ETag", "Last-Modified")  # how a server names a version
PAGE = (b"<!doctype", b"<html", b"<?xml")


class Unavailable(Exception):
    """An address does not give the file; the message says why."""


class _Again(Exception):
    """The attempt failed, another may not."""


class Part:
    """What has arrived from one address, and of which version of the file there.

    Parameters
    ----------
    directory : Path
    name : str
        Of the file when it is whole.
    address : str
    """

    def __init__(self, directory: Path, name: str, address: str):
        self.address = address
        self.path = directory / f"{name}.{hashlib.sha256(address.encode()).hexdigest()[:8]}.part"
        self._note = self.path.with_suffix(".json")

    @property
    def length(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def version(self) -> dict:
        """``size`` and `VALIDATORS` of the file there when the first byte arrived; {} before."""
        return read_json(self._note)

    @property
    def whole(self) -> bool:
        """Whether all bytes are there."""
        return self.path.exists() and self.length == self.version.get("size")

    def condition(self) -> dict[str, str]:
        """Headers that ask for the rest, if the file is still the same; {} where only a new beginning is safe."""
        version = self.version
        etag = version.get("ETag") or ""
        same = version.get("Last-Modified") if etag.startswith("W/") else etag or version.get("Last-Modified")
        if not same or not 0 < self.length < version["size"]:
            return {}
        return {"Range": f"bytes={self.length}-", "If-Range": same}

    def continued_by(self, headers: dict[str, str]) -> bool:
        """Whether an answer to `condition` goes on where this ends. Servers exist that overlook the If-Range."""
        version = self.version
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
        fits = span is not None and (int(span[1]), int(span[2])) == (self.length, version["size"])
        same = all(headers.get(name) in (None, version.get(name)) for name in VALIDATORS)
        return fits and same and headers.get("Content-Encoding", "identity") == "identity"

    def begin(self, version: dict) -> None:
        """Forget what has arrived; what follows is of this version."""
        self.discard()
        write_json(self._note, version)

    def discard(self) -> None:
        """Delete the bytes, and only then the note of what they are."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def become(self, path: Path) -> None:
        """Move under the final name, at once and on the disk."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self.path, path)
        self._note.unlink()


def fetch(part: Part, name: str) -> None:
    """Download until the part is whole; a connection that is lost, or an answer that is late, is tried again.

    Parameters
    ----------
    part : Part
        Where it has arrived in part, it is resumed.
    name : str
        Of the file, for the progress bar and messages.

    Raises
    ------
    Unavailable
        If the address refuses, gives something else, or many attempts in a row brought nothing new.
    BookError
        If the file does not fit on the disk.
    """
    begun = most = part.length
    fruitless = 0
    with _Session() as session:
        while not part.whole:
            try:
                _attempt(session, part, name)
                continue
            except _Again as error:
                reason, patience = str(error), PATIENCE
            except LOST as error:
                reason, patience = f"the connection failed ({_root(error)})", DOUBT if most == begun else PATIENCE
            except requests.RequestException as error:
                raise Unavailable(str(error)) from error
            fruitless = fruitless + 1 if part.length <= most else 0
            most = max(most, part.length)
            if fruitless >= patience:
                raise Unavailable(f"{reason} ({fruitless} attempts without a new byte)")
            wait = min(2.0**fruitless, LONGEST_WAIT)
            print(f"{name}: {reason}. Next attempt in {wait:.0f} s")
            time.sleep(wait)


def _root(error: BaseException) -> str:
    """What the network said first, without the layers that requests and urllib3 put around it."""
    while error.__context__:
        error = error.__context__
    return textwrap.shorten(str(error) or type(error).__name__, 200)


class _Session(requests.Session):
    def get_adapter(self, url, **options):
        """Asked for each redirect too."""
        if not trusted(url):
            raise Unavailable(f"leads to {url}, which is not https://")
        return super().get_adapter(url, **options)


def _attempt(session: requests.Session, part: Part, name: str) -> None:
    condition = part.condition()
    headers = {"Accept-Encoding": "identity", **condition}
    with session.get(part.address, headers=headers, stream=True, timeout=TIMEOUT) as response:
        status = response.status_code
        if status in BUSY or status >= 500:
            raise _Again(f"the server answers {status} {response.reason}")
        if condition and (status == 416 or (status == 206 and not part.continued_by(response.headers))):
            part.discard()
            raise _Again("what had arrived does not fit the file there any more, so it begins anew")
        if status != 200 and not (status == 206 and condition):
            raise Unavailable(f"the server answers {status} {response.reason}")
        chunks = response.iter_content(CHUNK)
        first = next(chunks, b"")
        if status == 200:
            part.begin(_version(response.headers, first))
        _write(part, name, first, chunks)
    if not part.whole:
        raise _Again(f"{part.length:,} bytes arrived of {part.version['size']:,}")


def _version(headers: dict[str, str], first: bytes) -> dict:
    """What an answer says about the file; `Unavailable` where it is another thing, so that a part is not lost to it."""
    if "html" in headers.get("Content-Type", "") or first.lstrip().lower().startswith(PAGE):
        raise Unavailable("the server answers with a web page instead of the file (a login, or an error)")
    if headers.get("Content-Encoding", "identity") != "identity":
        raise Unavailable("the server compresses the file on the way, so its parts cannot be told apart")
    if not headers.get("Content-Length", "").isdigit():
        raise Unavailable("the server does not say how long the file is, so a half one would not be noticed")
    return {"size": int(headers["Content-Length"])} | {name: headers.get(name) for name in VALIDATORS}


def _write(part: Part, name: str, first: bytes, chunks) -> None:
    size, have = part.version["size"], part.length
    check_space(part.path.parent, size - have, name)
    bar = progress(description=name, total=size, initial=have, unit="B", unit_scale=True)
    with part.path.open("ab") as file, bar:
        for chunk in chain([first], chunks):
            file.write(chunk)
            bar.update(len(chunk))


def check_space(directory: Path, n_bytes: float, what: str, option: str = "--data-dir") -> None:
    """Refuse what a disk has no room for.

    Parameters
    ----------
    directory : Path
        Where the file is to lie.
    n_bytes : float
        That are still to come.
    what, option : str
        Named in the message: what is to be written, and what chooses another place.

    Raises
    ------
    BookError
        Where fewer bytes are free.
    """
    free = shutil.disk_usage(directory).free
    if free < n_bytes:
        raise BookError(
            f"{what} needs {n_bytes / 1e9:,.1f} GB more in {directory}, where {free / 1e9:,.1f} GB are free: "
            f"make room, or choose another place by {option}."
        )
