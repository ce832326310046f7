"""The catalogue's columns for the objects of a run."""

import numpy as np

from astroclip_book.catalog import believed, read_catalog
from astroclip_book.pairs import Index
from astroclip_book.run import Run


def truth(run: Run, targetid: np.ndarray) -> dict[str, np.ndarray]:
    """Columns aligned with ``targetid``, masses after the published cuts; none where real pairs were given without a catalogue."""
    return truth_and_cuts(run, targetid)[0]


def truth_and_cuts(run: Run, targetid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Columns as `truth` has them, and how many objects each cut leaves."""
    if run.preset.data.pairs_path and not run.preset.data.catalog_path:
        return {}, {}
    return believed(read_catalog(run.path("catalog.h5"), targetid))


def labels(run: Run, index: Index) -> dict[str, np.ndarray]:
    """Redshift, and stellar mass where a catalogue knows it for some, of the objects of a run."""
    known = {"redshift": index.redshift, "log_mstar": truth(run, index.targetid).get("LOG_MSTAR")}
    return {name: values for name, values in known.items() if values is not None and np.isfinite(values).any()}
