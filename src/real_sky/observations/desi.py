"""DESI coadds: one wavelength grid, flux, inverse variance and mask for each arm of the spectrograph.

The data model: https://desidatamodel.readthedocs.io, ``coadd-SURVEY-PROGRAM-PIXNUM.fits`` and ``redrock-…`` beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from astropy.io import fits

from astroclip_book.errors import BookError
from real_sky.observations.fits_files import checked_weights, columns, names, native, opened
from real_sky.observations.grid import join, rebin
from real_sky.observations.observed import Spectra

EXPECTED = "FIBERMAP, and B_, R_ and Z_ each with WAVELENGTH, FLUX, IVAR and MASK"


def read_coadd(path: Path, targetids: Iterable[int] | None = None, redrock: Path | None = None) -> Spectra:
    """Read spectra of a DESI coadd, arms joined where they overlap, weighted by inverse variance.

    Parameters
    ----------
    path : Path
    targetids : iterable of int, optional
        By default all objects but sky fibres.
    redrock : Path, optional
        File with the redshifts; by default ``redrock-…`` beside ``coadd-…`` where there is one.

    Raises
    ------
    BookError
        If the file lacks extensions or targets, or its numbers make no sense.
    """
    with opened(path) as file:
        arms = [name.removesuffix("_WAVELENGTH") for name in names(file) if name.endswith("_WAVELENGTH")]
        lacking = [f"{arm}_{what}" for arm in arms for what in ("FLUX", "IVAR") if f"{arm}_{what}" not in file]
        if not arms or lacking or "FIBERMAP" not in file:
            raise BookError(
                f"{path} is no DESI coadd: it has {', '.join(names(file)[:12])}; expected are {EXPECTED}. "
                "Give it a coadd-*.fits of a public release."
            )
        table = file["FIBERMAP"].data
        known = np.asarray(table["TARGETID"], np.int64)
        rows = _rows(known, table, targetids, path)
        parts = [_arm(file, arm, rows, path) for arm in arms]
    joined = [join([(flux[i], ivar[i]) for flux, ivar in parts]) for i in range(len(rows))]
    flux, ivar = (np.array(values) for values in zip(*joined, strict=True))
    redshift = _redshifts(path, redrock, known[rows])
    return Spectra.checked(flux, ivar, redshift, [str(one) for one in known[rows]], str(path))


def _rows(known: np.ndarray, table: fits.FITS_rec, targetids: Iterable[int] | None, path: Path) -> np.ndarray:
    if targetids is None:
        sky = np.char.strip(table["OBJTYPE"]) == "SKY" if "OBJTYPE" in table.names else np.zeros(len(known), bool)
        if sky.all():
            raise BookError(f"{path} has no objects, only {len(known)} sky fibres: give it another coadd.")
        return np.flatnonzero(~sky)
    wanted = [int(one) for one in targetids]
    missing = [one for one in wanted if one not in known]
    if missing or not wanted:
        raise BookError(f"{path} has no TARGETID {missing[:3]}; it has {known[:3].tolist()} … ({len(known)} in all).")
    return np.array([np.flatnonzero(known == one)[0] for one in wanted])


def _arm(file: fits.HDUList, arm: str, rows: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Flux and inverse variance of one arm on the grid of the pairs, (n, 7781) each."""
    wavelength, flux, ivar = (native(file[f"{arm}_{what}"].data) for what in ("WAVELENGTH", "FLUX", "IVAR"))
    checked_weights(flux, ivar, wavelength, f"{path}, arm {arm}")
    if f"{arm}_MASK" in file:
        ivar = np.where(np.asarray(file[f"{arm}_MASK"].data) == 0, ivar, 0)
    there = [rebin(flux[row], ivar[row], wavelength) for row in rows]
    return np.array([one for one, _ in there]), np.array([weight for _, weight in there])


def _redshifts(path: Path, redrock: Path | None, targetids: np.ndarray) -> np.ndarray:
    """Redshifts of the pipeline, NaN where it has none."""
    beside = path.with_name(path.name.replace("coadd-", "redrock-", 1))
    redrock = redrock or (beside if beside != path and beside.is_file() else None)
    if redrock is None:
        return np.full(len(targetids), np.nan)
    with opened(Path(redrock)) as file:
        if not {"TARGETID", "Z"} <= columns(file, "REDSHIFTS"):
            raise BookError(
                f"{redrock} has no extension REDSHIFTS with TARGETID and Z: give it a redrock-*.fits, or none."
            )
        table = file["REDSHIFTS"].data
        found = dict(zip(np.asarray(table["TARGETID"]).tolist(), native(table["Z"]), strict=True))
    return np.array([found.get(int(one), np.nan) for one in targetids])
