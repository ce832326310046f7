"""The claims of the executive summary: thresholds, in ``claims.csv``, and the verdicts that follow from a run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

SUPPORTED, OPEN, REFUSED, UNKNOWN = "supported", "open", "not supported", "not measured"


def judge(value: float, interval: list[float] | None, threshold: float, most: bool = False) -> str:
    """``supported`` or ``not supported`` where the whole interval is on that side of the threshold, else ``open``.

    Without an interval the value alone decides. ``most`` says that the threshold is the largest value allowed, not the least.
    """
    low, high = interval or (value, value)
    if most:
        low, high, threshold = -high, -low, -threshold
    return SUPPORTED if low >= threshold else REFUSED if high < threshold else OPEN


def claims(metrics: dict) -> list[dict]:
    """All measures with their values in a run, `Run.metrics`, and the verdicts.

    Each has ``claim``, ``measure``, ``threshold``, ``most``, ``value``, ``ci95``, ``published`` and ``verdict``. Value and interval
    are None, and the verdict ``not measured``, where a run has no such number.
    """
    rows = pd.read_csv(Path(__file__).with_suffix(".csv"), encoding="utf-8", keep_default_na=False).to_dict("records")
    for row in rows:
        try:
            row["value"], row["ci95"] = _at(metrics, row["value"])
            row["verdict"] = judge(row["value"], row["ci95"], row["threshold"], row["most"])
        except (KeyError, TypeError):
            row |= {"value": None, "ci95": None, "verdict": UNKNOWN}
    return rows


def _at(metrics: dict, place: str) -> tuple[float, list[float] | None]:
    """The number under keys joined by slashes, and the interval beside it."""
    if place == "artefacts/best/auc":  # of the features and the method that were best on validation objects
        space = metrics["artefacts"]["best_space"]
        place = f"artefacts/{space}/{metrics['artefacts']['best'][space]}/auc"
    *path, last = place.split("/")
    for key in path:
        metrics = metrics[key]
    if path[0] == "islands" and metrics["wanted"] and metrics["group"] is None:  # nothing that was found beats luck
        return 0.0, None
    return metrics[last], metrics.get(f"{last}_ci95")
