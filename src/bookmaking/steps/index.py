"""Usable rows and their splits: ``index.h5``."""

from pathlib import Path

from astroclip_book.data.pairs import SPLITS, index_pairs
from bookmaking.run import Run
from bookmaking.steps.truth import truth_and_cuts


def index(run: Run, scratch: Path) -> dict:
    """Read the pairs once, drop what cannot be used, split the rest; count what the catalogue knows of them."""
    found, dropped = index_pairs(run.path("pairs.h5"), run.preset.data.validation_fraction, run.preset.seed)
    found.save(scratch / "index.h5")
    _, cuts = truth_and_cuts(run, found.targetid)
    return {"counts": {name: len(found.where(name)) for name in SPLITS} | {"dropped": dropped, "catalog": cuts}}
