"""The claims of the executive summary, judged: numbers only, made of those of other steps."""

from pathlib import Path

from astroclip_book.claims import claims as judged
from astroclip_book.run import Run
from astroclip_book.yardsticks import standing


def claims(run: Run, scratch: Path) -> dict:
    """Judge the claims, and say where the results stand between floor and ceiling."""
    metrics = run.metrics
    return {"claims": judged(metrics), "standing": standing(metrics)}
