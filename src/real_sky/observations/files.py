"""Any file that this book can read, told apart by what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from astroclip_book.data.files import matching
from astroclip_book.errors import BookError
from real_sky.observations.arrays import images_of_arrays, spectra_of_arrays
from real_sky.observations.desi import read_coadd
from real_sky.observations.fits_files import columns, names, opened
from real_sky.observations.legacy import read_cutout
from real_sky.observations.observed import Images, Spectra, together
from real_sky.observations.sdss import read_spec

Paths = str | Path | Sequence[str | Path]
# Names of arrays in .npz files, the first of which there must be.
SPECTRUM_ARRAYS = ("flux", "wavelength", "ivar", "valid", "redshift", "name")
IMAGE_ARRAYS = ("images", "redshift", "name", "pixel_scale")


def read_spectra(paths: Paths) -> Spectra:
    """Spectra of one file or of several: DESI coadds, SDSS ``spec-*.fits``, or ``.npz`` with ``flux`` (n, p).

    A pattern such as ``night/*.fits`` stands for the files that it matches. An ``.npz`` file may have the other arrays of
    `arrays.spectra_of_arrays` beside ``flux``; a redrock file beside a coadd, with the same name but for its first word, is
    read with it.

    Raises
    ------
    BookError
        For files of another kind, and as the reader of each kind says.
    """
    return together([_spectra(path) for path in _listed(paths)])


def read_images(paths: Paths) -> Images:
    """Images of one file or of several: Legacy Survey cut-outs, or ``.npz`` with ``images`` (n, h, w, 3) and maybe ``redshift``.

    Patterns may stand for files here too. What is wrong is said as in `read_spectra`.
    """
    return together([_images(path) for path in _listed(paths)])


def _spectra(path: Path) -> Spectra:
    if path.suffix == ".npz":
        return spectra_of_arrays(**_arrays(path, SPECTRUM_ARRAYS), where=str(path))
    with opened(path) as file:
        coadd = any(hdu.name.endswith("_WAVELENGTH") for hdu in file) or "FIBERMAP" in file
        if not coadd and not {"FLUX", "LOGLAM", "IVAR"} <= columns(file, 1):
            raise BookError(
                f"{path} is neither a DESI coadd (extensions such as B_WAVELENGTH and B_FLUX) nor an SDSS spectrum (a "
                f"table with flux, loglam and ivar): it has {names(file)}. Save others as .npz with flux and wavelength."
            )
    return read_coadd(path) if coadd else read_spec(path)


def _images(path: Path) -> Images:
    return images_of_arrays(**_arrays(path, IMAGE_ARRAYS), where=str(path)) if path.suffix == ".npz" else read_cutout(path)  # fmt: skip


def _arrays(path: Path, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those of the wanted arrays that an ``.npz`` file holds; never as Python objects, which could bring code along."""
    if not path.is_file():
        raise BookError(f"{path} does not exist: give the path of a FITS or .npz file.")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in wanted if name in file.files}
    except Exception as error:  # numpy and zipfile raise many kinds for a file that is damaged or of another kind
        raise BookError(f"{path} cannot be read as .npz ({error}): save it with numpy.savez, whole.") from error
    if wanted[0] not in arrays:
        raise BookError(
            f"{path} has no array '{wanted[0]}'; of {', '.join(wanted)} it has {', '.join(arrays) or 'none'}."
        )
    return arrays


def _listed(paths: Paths) -> list[Path]:
    listed = [Path(one) for one in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not listed:
        raise BookError("No file is named: give the path of at least one.")
    return [
        one for path in listed for one in (matching(str(path)) or [path])
    ]  # no pattern, or no match: said by its name
