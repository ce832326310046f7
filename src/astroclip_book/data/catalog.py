"""The catalogue beside the pairs: the mock survey's truth, or PROVABGS, under PROVABGS column names."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from astropy.cosmology import FlatLambdaCDM
from astropy.table import Table

from astroclip_book.data.pairs import SPLITS, Index
from astroclip_book.errors import BookError

COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)  # of distances, in the mock and in what it is compared with
_SPELLINGS = {
    "LOG_MSTAR": ("LOG_MSTAR", "LOGMSTAR", "PROVABGS_LOGMSTAR_BF", "PROVABGS_LOGMSTAR"),
    "Z": ("Z", "Z_HP", "REDSHIFT"),
}
_ABSENT = {"f": np.nan, "i": -1, "u": 0, "b": False, "O": ""}  # by kind of column, for an object that is not there


def write_catalog(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write columns as an astropy table named ``catalog`` in an HDF5 file."""
    Table(columns).write(path, path="catalog", format="hdf5", overwrite=True, serialize_meta=False)


def read_catalog(path: Path, targetid: np.ndarray) -> dict[str, np.ndarray]:
    """Columns with one value an object of an HDF5 or FITS table, for the objects ``targetid`` (N,) in their order.

    Where an object is absent or a value is infinite, floats are NaN, strings empty, integers -1 and booleans False. No cuts are
    applied. BookError if the file cannot be read, has no ``TARGETID``, or matches none of the objects.
    """
    path = Path(path)
    if not path.is_file():
        raise BookError(f"{path} does not exist. Simulate a survey (make book), or give catalog_path an existing file.")
    try:
        table = pd.DataFrame(_columns(path)).replace([np.inf, -np.inf], np.nan)  # the magnitude of no flux
    except Exception as error:  # astropy and h5py raise many kinds for a file that is not a table
        raise BookError(f"{path} cannot be read as a table ({error}). It must be HDF5 or FITS, and whole.") from error
    if "TARGETID" not in table:
        raise BookError(f"{path} has no column TARGETID but {', '.join(list(table)[:8])}. Use PROVABGS or a mock's.")
    table = table.drop_duplicates("TARGETID").set_index("TARGETID")
    if not table.index.isin(targetid).any():
        raise BookError(f"{path} knows none of the {len(targetid)} objects by TARGETID. Check catalog_path.")
    for name, spellings in _SPELLINGS.items():
        table = table.rename(columns={next((s for s in spellings if s in table), name): name})
    columns = {"TARGETID": np.asarray(targetid)}
    for name, column in table.items():
        kind = column.dtype.kind
        columns[name] = np.array(column.reindex(targetid, fill_value=_ABSENT[kind]), "U" if kind == "O" else None)
    return columns


def _columns(path: Path) -> dict[str, np.ndarray]:
    """Columns (n,) of the first table of a file; those with many values an object, as PROVABGS's chains, stay unread."""
    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            table = file.visititems(lambda _, it: it if isinstance(it, h5py.Dataset) and it.dtype.names else None)
            rows = table.fields([name for name in table.dtype.names if table.dtype[name].shape == ()])[:]
            columns = {name: rows[name] for name in rows.dtype.names}
    else:
        table = Table.read(path)
        columns = {name: np.asarray(table[name]) for name in table.colnames if table[name].ndim == 1}
    decoded = {name: np.char.decode(values, "utf-8") for name, values in columns.items() if values.dtype.kind == "S"}
    return {name: values.astype(values.dtype.newbyteorder("=")) for name, values in (columns | decoded).items()}


def believed(columns: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Unset the stellar masses that published works leave out: not positive, or with a magnitude that is not.

    ``LOG_SSFR`` is made of ``AVG_SFR`` and the mass where it is not there. Counted are objects ``matched`` with a mass of any
    kind, of these with ``positive_mass``, of these with ``positive_magnitudes`` in g, r and z as far as there are any. BookError
    if there is no stellar mass.
    """
    if "LOG_MSTAR" not in columns:
        names = " or ".join(_SPELLINGS["LOG_MSTAR"])
        raise BookError(f"The catalogue has no stellar mass ({names}). Use PROVABGS, or leave catalog_path empty.")
    mass = columns["LOG_MSTAR"]
    counts = {"matched": np.isfinite(mass), "positive_mass": np.isfinite(mass) & (mass > 0)}
    magnitudes = [columns[name] > 0 for name in ("MAG_G", "MAG_R", "MAG_Z") if name in columns]
    counts["positive_magnitudes"] = np.all([counts["positive_mass"], *magnitudes], axis=0)
    columns = columns | {"LOG_MSTAR": np.where(counts["positive_magnitudes"], mass, np.nan)}
    if "AVG_SFR" in columns and "LOG_SSFR" not in columns:
        forming = np.where(columns["AVG_SFR"] > 0, columns["AVG_SFR"], np.nan)
        columns["LOG_SSFR"] = np.log10(forming) - columns["LOG_MSTAR"]
    return columns, {name: int(rows.sum()) for name, rows in counts.items()}


def labels(index: Index, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Redshift, and stellar mass where the catalogue's columns know it for two or more of each split, of the objects of an index."""
    known, mass = {"redshift": index.redshift}, columns.get("LOG_MSTAR")
    if mass is not None and all(np.isfinite(mass[index.where(split)]).sum() > 1 for split in SPLITS):
        known["log_mstar"] = mass
    return known
