"""DESI coadds: one wavelength grid, flux, inverse variance and mask for each arm of the spectrograph.

The data model: https://desidatamodel.readthedocs.io, ``coadd-SURVEY-PROGRAM-PIXNUM.fits`` and ``redrock-…`` beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from astropy.io import fits

from astroclip_book.errors import BookError
from real_sky.observations.arrays import check_weights
from real_sky.observations.fits_files import columns, names, opened
from real_sky.observations.grid import rebin
from real_sky.observations.observed import Spectra


def read_coadd(path: Path, targetids: Iterable[int] | None = None) -> Spectra:
    """Read spectra of a DESI coadd, by default of all but sky fibres; arms that overlap are joined, weighted by inverse variance.

    Redshifts are those of ``redrock-…`` beside ``coadd-…``, where there is one.

    Raises
    ------
    BookError
        If the file lacks extensions or targets, or its numbers make no sense.
    """
    with opened(path) as file:
        arms = [hdu.name.removesuffix("_WAVELENGTH") for hdu in file if hdu.name.endswith("_WAVELENGTH")]
        needed = ["FIBERMAP", *(f"{arm}_{what}" for arm in arms for what in ("FLUX", "IVAR"))]
        if not arms or any(name not in file for name in needed):
            raise BookError(
                f"{path} is no DESI coadd: it has {names(file)}; expected are FIBERMAP, and B_, R_ and Z_ each with "
                "WAVELENGTH, FLUX, IVAR and MASK."
            )
        table = file["FIBERMAP"].data
        known = np.asarray(table["TARGETID"], np.int64)
        rows = _rows(known, table, targetids, path)
        parts = [_arm(file, arm, rows, path) for arm in arms]
    ivar = np.sum([weight for _, weight in parts], axis=0)
    total = np.sum([flux * weight for flux, weight in parts], axis=0)
    flux = np.divide(total, ivar, out=np.zeros_like(total), where=ivar > 0)
    return Spectra.checked(flux, ivar, _redshifts(path, known[rows]), known[rows], str(path))


def _rows(known: np.ndarray, table: fits.FITS_rec, targetids: Iterable[int] | None, path: Path) -> np.ndarray:
    if targetids is None:
        sky = np.char.strip(table["OBJTYPE"]) == "SKY" if "OBJTYPE" in table.names else np.zeros(len(known), bool)
        if sky.all():
            raise BookError(f"{path} has no objects, only {len(known)} sky fibres.")
        return np.flatnonzero(~sky)
    place = {targetid: row for row, targetid in reversed(list(enumerate(known.tolist())))}
    wanted = [int(one) for one in targetids]
    missing = [one for one in wanted if one not in place]
    if missing or not wanted:
        raise BookError(f"{path} has no TARGETID {missing[:3]}; it has {known[:3].tolist()} … ({len(known)} in all).")
    return np.array([place[one] for one in wanted])


def _arm(file: fits.HDUList, arm: str, rows: np.ndarray, path: Path) -> list[np.ndarray]:
    """Flux and inverse variance of one arm on the grid of the pairs, (n, 7781) each."""
    wavelength, flux, ivar = (np.asarray(file[f"{arm}_{what}"].data, float) for what in ("WAVELENGTH", "FLUX", "IVAR"))
    check_weights(flux, ivar, wavelength, f"{path}, arm {arm}")
    if f"{arm}_MASK" in file:
        ivar = np.where(np.asarray(file[f"{arm}_MASK"].data) == 0, ivar, 0)
    return [np.array(values) for values in zip(*(rebin(flux[row], ivar[row], wavelength) for row in rows), strict=True)]


def _redshifts(path: Path, targetids: np.ndarray) -> np.ndarray:
    """Redshifts of the pipeline, NaN where it has none."""
    redrock = path.with_name(path.name.replace("coadd-", "redrock-", 1))
    if redrock == path or not redrock.is_file():
        return np.full(len(targetids), np.nan)
    with opened(redrock) as file:
        if not {"TARGETID", "Z"} <= columns(file, "REDSHIFTS"):
            raise BookError(f"{redrock} has no extension REDSHIFTS with TARGETID and Z.")
        table = file["REDSHIFTS"].data
        found = dict(zip(table["TARGETID"].tolist(), table["Z"].tolist(), strict=True))
    return np.array([found.get(int(one), np.nan) for one in targetids])
