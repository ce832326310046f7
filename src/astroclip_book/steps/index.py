"""Usable rows and their splits: ``index.h5``."""

from pathlib import Path

from astroclip_book.pairs import SPLITS, index_pairs
from astroclip_book.run import Run


def index(run: Run, scratch: Path) -> dict:
    """Read the pairs once, drop what cannot be used, split the rest."""
    found, dropped = index_pairs(run.path("pairs.h5"), run.preset.data.validation_fraction, run.preset.seed)
    found.save(scratch / "index.h5")
    return {"counts": {name: len(found.where(name)) for name in SPLITS} | {"dropped": dropped}}
