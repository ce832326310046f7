"""The catalogue's columns for the objects of a run."""

import numpy as np

from astroclip_book.catalog import read_catalog
from astroclip_book.run import Run


def truth(run: Run, targetid: np.ndarray) -> dict[str, np.ndarray]:
    """Columns aligned with ``targetid``; none where real pairs were given without a catalogue."""
    if run.preset.data.pairs_path and not run.preset.data.catalog_path:
        return {}
    return read_catalog(run.path("catalog.h5"), targetid)
