"""Any file that this book can read, told apart by what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from astroclip_book.data.files import matching
from astroclip_book.errors import BookError
from real_sky.observations.arrays import images_of_arrays, spectra_of_arrays
from real_sky.observations.desi import read_coadd
from real_sky.observations.fits_files import columns, names, opened
from real_sky.observations.legacy import read_cutout
from real_sky.observations.npz import read_npz
from real_sky.observations.observed import Images, Spectra, together
from real_sky.observations.sdss import read_spec

Paths = str | Path | Sequence[str | Path]
# Names of arrays in .npz files, the first of which there must be.
SPECTRUM_ARRAYS = ("flux", "wavelength", "ivar", "redshift", "name")
IMAGE_ARRAYS = ("images", "redshift", "name", "pixel_scale")


def read_spectra(paths: Paths) -> Spectra:
    """Spectra of one file or of several: DESI coadds, SDSS ``spec-*.fits``, or ``.npz`` with ``flux`` (n, p).

    A pattern such as ``night/*.fits`` stands for the files that it matches. An ``.npz`` file may have ``wavelength`` (p,) in Å,
    ``ivar`` (n, p), ``redshift`` and ``name`` (n,) beside it; a redrock file beside a coadd, with the same name but for its
    first word, is read with it.

    Raises
    ------
    BookError
        For files of another kind, and as the reader of each kind says.
    """
    return together([_spectra(path) for path in _listed(paths)])


def read_images(paths: Paths) -> Images:
    """Images of one file or of several: Legacy Survey cut-outs, or ``.npz`` with ``images`` (n, h, w, 3) and maybe ``redshift``.

    Patterns may stand for files here too.

    Raises
    ------
    BookError
        For files of another kind, and as the reader of each kind says.
    """
    return together([_images(path) for path in _listed(paths)])


def _spectra(path: Path) -> Spectra:
    if path.suffix == ".npz":
        return spectra_of_arrays(**_arrays(path, SPECTRUM_ARRAYS), where=str(path))
    with opened(path) as file:
        coadd = any(name.endswith("_WAVELENGTH") for name in names(file)) or "FIBERMAP" in file
        table = "LOGLAM" in columns(file, 1)
        if not coadd and not table:
            raise BookError(
                f"{path} is neither a DESI coadd (extensions such as B_WAVELENGTH and B_FLUX) nor an SDSS spectrum "
                f"(a table with loglam): it has {', '.join(names(file)[:8])}. Save other spectra as .npz with flux "
                "and wavelength."
            )
    return read_coadd(path) if coadd else read_spec(path)


def _images(path: Path) -> Images:
    if path.suffix == ".npz":
        return images_of_arrays(**_arrays(path, IMAGE_ARRAYS), where=str(path))
    return read_cutout(path)


def _arrays(path: Path, names: tuple[str, ...]) -> dict:
    arrays = read_npz(path, names, "a FITS or .npz file")
    if names[0] not in arrays:
        raise BookError(
            f"{path} has no array '{names[0]}'; of {', '.join(names[1:])} it has {', '.join(arrays) or 'none'}."
        )
    return arrays


def _listed(paths: Paths) -> list[Path]:
    listed = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not listed:
        raise BookError("No file is named: give the path of at least one.")
    return [one for path in listed for one in _matched(Path(path))]


def _matched(path: Path) -> list[Path]:
    """Files of a pattern; a path that is none stays as it is."""
    if path.is_file() or not set("*?[") & set(str(path)):
        return [path]
    return matching(str(path)) or [path]
