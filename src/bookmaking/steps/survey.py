"""Mock survey: ``pairs.h5`` and ``catalog.h5``."""

from pathlib import Path

from bookmaking.run import Run
from mock_survey.survey import simulate


def survey(run: Run, scratch: Path) -> dict:
    """Simulate the survey of the preset."""
    return simulate(run.preset.survey, run.preset.seed, scratch)
