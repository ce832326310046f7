"""The catalogue beside the pairs: the mock survey's truth, or PROVABGS, under PROVABGS column names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.table import Table

from astroclip_book.errors import BookError

_SPELLINGS = {
    "LOG_MSTAR": ("LOG_MSTAR", "LOGMSTAR", "PROVABGS_LOGMSTAR_BF", "PROVABGS_LOGMSTAR"),
    "Z": ("Z", "Z_HP", "REDSHIFT"),
}


def write_catalog(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Write columns as an astropy table named ``catalog`` in an HDF5 file."""
    Table(columns).write(path, path="catalog", format="hdf5", overwrite=True, serialize_meta=False)


def read_catalog(path: Path, targetid: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a catalogue for the given objects.

    Parameters
    ----------
    path : Path
        An HDF5 or FITS table with a ``TARGETID`` column.
    targetid : (N,) int64 array

    Returns
    -------
    dict of (N, ...) arrays in the order of ``targetid``; where an object is absent, floats are NaN,
    strings empty, integers -1 and booleans False. No cuts are applied.

    Raises
    ------
    BookError
        If the file cannot be read, has no ``TARGETID``, or matches none of the objects.
    """
    path = Path(path)
    if not path.is_file():
        raise BookError(f"{path} does not exist. Simulate a survey (make book), or give catalog_path an existing file.")
    try:
        table = Table.read(path)
    except Exception as error:  # astropy raises many kinds for a file that is not a table
        raise BookError(f"{path} cannot be read as a table ({error}). It must be HDF5 or FITS with one row per object, "
                        "and whole: compare its size with the source.") from error
    if "TARGETID" not in table.colnames:
        raise BookError(f"{path} has no column TARGETID; it has {', '.join(table.colnames[:8])}. "
                        "Use the PROVABGS catalogue or a mock's.")
    known = np.asarray(table["TARGETID"], np.int64)
    order = np.argsort(known, kind="stable")
    place = np.clip(np.searchsorted(known[order], targetid), 0, max(len(known) - 1, 0))
    found = known[order][place] == targetid if len(known) else np.zeros(len(targetid), bool)
    if not found.any():
        raise BookError(f"{path} knows none of the {len(targetid)} objects by TARGETID. "
                        "Is it the catalogue of another survey? Check catalog_path.")
    rows = order[place]
    columns = {name: _take(np.asarray(table[name]), rows, found) for name in table.colnames if name != "TARGETID"}
    for name, spellings in _SPELLINGS.items():
        present = next((s for s in spellings if s in columns), None)
        if present and present != name:
            columns[name] = columns.pop(present)
    return {"TARGETID": np.asarray(targetid), **columns}


def _take(values: np.ndarray, rows: np.ndarray, found: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    taken = values[rows].astype(values.dtype.newbyteorder("="))
    taken[~found] = {"f": np.nan, "i": -1, "U": "", "b": False}.get(taken.dtype.kind, 0)
    return taken
