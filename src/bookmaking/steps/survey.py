"""Mock survey: ``pairs.h5`` and ``catalog.h5``."""

from pathlib import Path

from astroclip_book.mock.survey import simulate
from astroclip_book.run import Run


def survey(run: Run, scratch: Path) -> dict:
    """Simulate the survey of the preset."""
    return simulate(run.preset.survey, run.preset.seed, scratch)
