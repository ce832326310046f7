"""FITS files of others, opened with words for what can be wrong with them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astropy.io import fits

from astroclip_book.errors import BookError


@contextmanager
def opened(path: Path) -> Iterator[fits.HDUList]:
    """A FITS file, open for reading.

    Raises
    ------
    BookError
        If it does not exist, is no FITS file, or is cut off; also where that shows only while its data are read.
    """
    if not path.is_file():
        raise BookError(f"{path} does not exist: give the path of a FITS or .npz file.")
    try:
        with warnings.catch_warnings():  # of cards that are not to the letter of the standard, and of files cut off
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False) as file:
                yield file
    except BookError:
        raise
    except (OSError, ValueError, TypeError, IndexError, KeyError, fits.VerifyError) as error:
        with path.open("rb") as file:
            page = " It is a web page." if file.read(256).lstrip().startswith(b"<") else ""
        raise BookError(f"{path} cannot be read as FITS ({error}).{page} Download it again.") from error


def names(file: fits.HDUList) -> str:
    """Names of the first extensions, for messages."""
    return ", ".join(hdu.name or f"[{number}]" for number, hdu in enumerate(file[:12]))


def columns(file: fits.HDUList, extension: int | str) -> set[str]:
    """Names of the columns of a table, in capitals; none where the extension is not there or holds an image."""
    try:
        return {name.upper() for name in file[extension].columns.names}
    except (IndexError, KeyError, AttributeError):
        return set()
