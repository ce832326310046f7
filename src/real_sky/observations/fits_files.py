"""Files of others: told apart by their first bytes, FITS opened, with words for what can be wrong with them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astropy.io import fits

from astroclip_book.data.pairs import IMAGE_SIZE, PIXEL_SCALE
from astroclip_book.errors import BookError

REQUEST = f"layer=ls-dr9&pixscale={PIXEL_SCALE}&size={IMAGE_SIZE}&bands=grz"
_FITS = b"SIMPLE", b"\x1f\x8b", b"BZh", b"\x1f\x9d", b"\xfd7zXZ"  # also compressed
_SAVE = "save numbers by numpy.savez, in a file .npz, with the names flux and wavelength, or images"
_PICTURE = f"a picture, whose pixels are no nanomaggies: ask the cut-out service for fits-cutout?{REQUEST}"
_KINDS = {
    b"\xff\xd8\xff": f"a JPEG file, {_PICTURE}",
    b"\x89PNG": f"a PNG file, {_PICTURE}",
    b"\x93NUMPY": f"a file of one array (.npy): {_SAVE}",
    b"\x89HDF": f"an HDF5 file; pairs in the layout of the release are given as pairs_path. From others, {_SAVE}",
    b"PAR1": f"a Parquet file: {_SAVE}",
    b"\x80": f"a pickle, which is not opened, as it may run code: {_SAVE}",
    b"<": "a web page or XML: download the file itself",
}


def kind(path: Path) -> str:
    """``fits`` or ``npz``, whatever the file's name; BookError if it is not there or of another kind, which is named."""
    try:
        with path.open("rb") as file:
            start = file.read(256)
    except IsADirectoryError as error:
        raise BookError(f"{path} is a directory: name its files by a pattern, such as {path / '*.fits'}.") from error
    except FileNotFoundError as error:
        raise BookError(f"{path} does not exist: give the path of a FITS or .npz file.") from error
    except (OSError, ValueError) as error:
        raise BookError(f"{path} cannot be opened ({error}).") from error
    if start.startswith(b"PK"):
        return "npz"
    if start.startswith(_FITS):
        return "fits"
    for first, words in _KINDS.items():
        if start.lstrip().startswith(first):
            raise BookError(f"{path} is {words}.")
    text = bool(start) and all(byte > 126 or byte > 31 or byte in b"\t\n\r" for byte in start)
    raise BookError(f"{path} is {f'text: {_SAVE}' if text else 'neither FITS nor .npz' if start else 'empty'}.")


@contextmanager
def opened(path: Path) -> Iterator[fits.HDUList]:
    """A FITS file, open for reading; BookError if it is not there, no FITS file, or damaged, which may show while it is read."""
    kind(path)
    try:
        with warnings.catch_warnings():  # of cards that are not to the letter of the standard, and of files cut off
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False) as file:
                yield file
    except BookError:
        raise
    except Exception as error:  # astropy and the decompressors raise many kinds for a file that is damaged or cut off
        raise BookError(
            f"{path} cannot be read as FITS: it is damaged, cut off or of another kind ({error})."
        ) from error


def names(file: fits.HDUList) -> str:
    """Names of the first extensions, for messages."""
    return ", ".join(hdu.name or f"[{number}]" for number, hdu in enumerate(file[:12]))


def columns(file: fits.HDUList, extension: int | str) -> set[str]:
    """Names of the columns of a table, in capitals; none where the extension is not there or holds an image."""
    try:
        return {name.upper() for name in file[extension].columns.names}
    except (IndexError, KeyError, AttributeError):
        return set()
