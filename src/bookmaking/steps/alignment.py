"""Alignment: ``heads.pt`` and ``embeddings.h5``."""

from pathlib import Path

from astroclip_book.train.alignment import align
from bookmaking.run import Run


def alignment(run: Run, scratch: Path) -> dict:
    """Train the heads on the cached features."""
    return align(run.path("features.h5"), run.preset.alignment, run.device, run.preset.seed, scratch)
