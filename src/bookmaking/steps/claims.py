"""The claims of the executive summary, judged: numbers only, made of those of other steps."""

from pathlib import Path

from astroclip_book.evaluate.yardsticks import standing
from bookmaking.claims import claims as judged
from bookmaking.run import Run


def claims(run: Run, scratch: Path) -> dict:
    """Judge the claims, and say where the results stand between floor and ceiling."""
    metrics = run.metrics
    return {"claims": judged(metrics), "standing": standing(metrics)}
