"""The door: any file that this book can read, told apart by what is in it."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from astroclip_book.data.files import matching
from astroclip_book.data.pairs import WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.observations.arrays import angstrom, images_of_arrays, spectra_of_arrays
from real_sky.observations.fits_files import columns, kind, names, opened
from real_sky.observations.observed import Images, Spectra, some, together
from real_sky.observations.surveys import read_coadd, read_cutout, read_spec

log = logging.getLogger(__name__)

Paths = str | Path | Sequence[str | Path]
# Arrays of .npz files and the names that they may have, in small letters or capitals; the first of them there must be.
_SPECTRA = {
    "flux": ("flux",),
    "wavelength": ("wavelength", "wavelengths", "wave", "lam", "lambda", "wl", "loglam"),
    "ivar": ("ivar",),
    "error": ("error", "err", "sigma", "uncertainty", "flux_error"),
    "valid": ("valid",),
    "mask": ("mask",),
    "redshift": ("redshift", "redshifts", "z"),
    "name": ("name", "names", "targetid", "targetids"),
}
_IMAGES = {"images": ("images",), "pixel_scale": ("pixel_scale",)}
_IMAGES |= {name: _SPECTRA[name] for name in ("valid", "mask", "redshift", "name")}
# What lies beside coadds: redshifts, and what other classifiers say.
_BESIDE = ("redrock-", "rrdetails-", "zbest-", "emline-", "qso_mgii-", "qso_qn-", "hpixexp-", "tile-qa-")


def read_spectra(paths: Paths) -> Spectra:
    """Spectra of one file or of several: DESI coadds, SDSS ``spec-*.fits``, or ``.npz`` with ``flux`` (n, p).

    A pattern such as ``night/*.fits`` stands for the files that it matches. An ``.npz`` file may have the other arrays of
    `arrays.spectra_of_arrays` beside ``flux``; a redrock file beside a coadd, with the same name but for its first word, is
    read with it. Files and spectra that cannot be used are left out, with a warning that names them.

    Raises
    ------
    BookError
        If none is left; it says what is wrong.
    """
    return _read(paths, _spectra)


def read_images(paths: Paths) -> Images:
    """Images of one file or of several: Legacy Survey cut-outs, or ``.npz`` with ``images`` (n, h, w, 3) and maybe ``redshift``.

    Patterns may stand for files here too. What is wrong is said as in `read_spectra`.
    """
    return _read(paths, _images)


def arrays_in(path: Path, known: dict[str, tuple[str, ...]] = _SPECTRA) -> dict[str, np.ndarray]:
    """Arrays of an ``.npz`` file by the ``known`` names; never Python objects, which could bring code along.

    BookError if the file is damaged, or lacks the first of the arrays.
    """
    what, first = "its list of arrays", next(iter(known))
    try:
        with np.load(path, allow_pickle=False) as file:
            there = {name.lower(): name for name in file.files}
            found = {to: next((there[one] for one in words if one in there), None) for to, words in known.items()}
            arrays = {to: file[what := name] for to, name in found.items() if name}
            unknown = [name for name in file.files if name not in found.values()]
    except Exception as error:  # numpy and zipfile raise many kinds for a file that is damaged
        text = f"{path} cannot be read as .npz: {what} is damaged, or holds Python objects, which are not opened"
        raise BookError(f"{text}. Save arrays of numbers by numpy.savez.") from error
    if first not in arrays:
        raise BookError(f"{path} has no array '{first}': it has {some(list(there.values())) or 'none'}.")
    if unknown:
        grid = "" if arrays.keys() & {"wavelength", "images"} else "; without wavelength, the grid is taken for DESI's"
        log.warning("%s: arrays of unknown names are not used: %s%s", path, some(unknown), grid)
    return arrays


def grid_of(path: str | Path) -> np.ndarray:
    """Wavelengths (p,) in Å of the spectra in an ``.npz`` file, and those of the pairs for other files."""
    return angstrom(arrays_in(Path(path)).get("wavelength"), str(path)) if kind(Path(path)) == "npz" else WAVELENGTH


def _spectra(path: Path) -> Spectra:
    if kind(path) == "npz":
        return spectra_of_arrays(**arrays_in(path), where=str(path))
    with opened(path) as file:
        coadd = any(hdu.name.endswith("_WAVELENGTH") for hdu in file) or "FIBERMAP" in file
        if not coadd and not {"FLUX", "LOGLAM", "IVAR"} <= columns(file, 1):
            raise BookError(
                f"{path} is neither a DESI coadd (extensions such as B_WAVELENGTH and B_FLUX) nor an SDSS spectrum (a "
                f"table with flux, loglam and ivar): it has {names(file)}. Save others as .npz with flux and wavelength."
            )
    return read_coadd(path) if coadd else read_spec(path)


def _images(path: Path) -> Images:
    return images_of_arrays(**arrays_in(path, _IMAGES), where=str(path)) if kind(path) == "npz" else read_cutout(path)


def _read(paths: Paths, reader: Callable[[Path], Spectra | Images]) -> Spectra | Images:
    """The objects of all files that can be read."""
    try:
        given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        listed = [one for path in given for one in (matching(str(path)) or [Path(os.path.expanduser(path))])]
    except (TypeError, OSError) as error:
        arrays = "arrays are for spectra_of_arrays and images_of_arrays of real_sky"
        raise BookError(f"Give paths of files, or a pattern; {arrays} ({error}).") from error
    listed = [path for path in listed if not path.name.startswith(_BESIDE)] or listed
    if not listed:
        raise BookError("No file is named: give the path of at least one.")
    parts, poor = [], {}
    for path in listed:
        try:
            parts.append(reader(path))
        except BookError as error:
            poor[path.name] = str(error)
    words = " ".join([*list(poor.values())[:5], *list(poor)[5:]])  # the first with the reason, the others by name
    if not parts:
        raise BookError(f"{words} None of the {len(poor)} files can be used." if len(poor) > 1 else words)
    if poor:
        log.warning("Left out %d of %d files. %s", len(poor), len(listed), words)
    return together(parts)
