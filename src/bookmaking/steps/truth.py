"""The catalogue's columns for the objects of a run."""

import numpy as np

from astroclip_book.data.catalog import believed, read_catalog
from astroclip_book.data.pairs import SPLITS, Index
from bookmaking.run import Run


def truth(run: Run, targetid: np.ndarray) -> dict[str, np.ndarray]:
    """Columns aligned with ``targetid``, masses after the published cuts; none where real pairs were given without a catalogue."""
    return truth_and_cuts(run, targetid)[0]


def truth_and_cuts(run: Run, targetid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Columns as `truth` has them, and how many objects each cut leaves."""
    if run.preset.data.pairs_path and not run.preset.data.catalog_path:
        return {}, {}
    return believed(read_catalog(run.path("catalog.h5"), targetid))


def labels(run: Run, index: Index) -> dict[str, np.ndarray]:
    """Redshift, and stellar mass where a catalogue knows it for two or more of each split, of the objects of a run."""
    known, mass = {"redshift": index.redshift}, truth(run, index.targetid).get("LOG_MSTAR")
    if mass is not None and all(np.isfinite(mass[index.where(split)]).sum() > 1 for split in SPLITS):
        known["log_mstar"] = mass
    return known
