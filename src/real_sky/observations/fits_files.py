"""FITS files of others, opened with words for what can be wrong with them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
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
        start = path.read_bytes()[:256].lstrip().lower()
        page = " It is a web page, perhaps an error of the server it came from." if start.startswith(b"<") else ""
        raise BookError(
            f"{path} cannot be read as FITS ({error}).{page} Download it again and compare its size."
        ) from error


def names(file: fits.HDUList) -> list[str]:
    """Names of the extensions, for messages."""
    return [hdu.name or f"[{number}]" for number, hdu in enumerate(file)]


def columns(file: fits.HDUList, extension: int | str) -> set[str]:
    """Names of the columns of a table, in capitals; none where the extension is not there or holds an image."""
    try:
        hdu = file[extension]
    except (IndexError, KeyError):
        return set()
    return {name.upper() for name in hdu.columns.names} if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)) else set()


def native(values) -> np.ndarray:
    """Values of a FITS file, which are big-endian, in this machine's order and double precision."""
    return np.asarray(values, np.float64)


def checked_weights(flux: np.ndarray, ivar: np.ndarray, wavelength: np.ndarray, where: str) -> np.ndarray:
    """Inverse variances (n, p) that make sense beside fluxes (n, p) at wavelengths (p,), as they are.

    Raises
    ------
    BookError
        For shapes that do not fit, wavelengths that do not increase, inverse variances that are negative or not finite, and
        fluxes that are not finite where they count.
    """
    if flux.ndim != 2 or ivar.shape != flux.shape or wavelength.shape != flux.shape[1:] or flux.size == 0:
        raise BookError(
            f"{where}: flux {flux.shape} and ivar {ivar.shape} must be (n, p), and wavelength {wavelength.shape} (p,)."
        )
    if flux.shape[1] < 2 or not (np.diff(wavelength) > 0).all():  # NaN does not increase either
        raise BookError(
            f"{where}: wavelengths must increase from pixel to pixel, in Å: sort them, drop pixels without one."
        )
    if not np.isfinite(ivar).all() or (ivar < 0).any():
        bad = int((~(ivar >= 0) | np.isinf(ivar)).sum())
        raise BookError(
            f"{where}: {bad} inverse variances are negative or not finite. They are 1 / σ²: if the file has σ, "
            "convert it, and set pixels that are not to count to 0."
        )
    if (lost := ~np.isfinite(flux) & (ivar > 0)).any():
        raise BookError(
            f"{where}: {int(lost.sum())} fluxes are not finite where the inverse variance is above 0: set it to 0 there."
        )
    return ivar
