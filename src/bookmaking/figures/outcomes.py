"""What was expected of an experiment beside what came out, here and in two committed runs."""

from __future__ import annotations

from IPython.display import Markdown

from astroclip_book.data.files import read_json
from bookmaking.figures.tables import number, table
from bookmaking.run import Run
from bookmaking.verify import COMMENTED


def outcomes_table(run: Run, rows: list[tuple[str, str]]) -> Markdown:
    """Table of some numbers of a run, with their 95 % intervals, beside those of two committed runs, on which the text comments.

    Counts have no decimals.

    Parameters
    ----------
    run : Run
    rows : list of (str, str)
        What the number is, and its place in ``metrics.json``, keys joined by ``/``. A run without it gets a dash.
    """
    committed = [content["metrics"] | content["not_compared"] for content in map(read_json, COMMENTED)]
    lines = []
    for name, place in rows:
        value, interval = _value(run.metrics, place)
        form = ",.0f" if isinstance(value, int) else ".3f"
        others = (number(found.get(place.replace("/", ".")), form) for found in committed)
        lines.append([name, number(value, form) + interval, *others])
    return table(["", "this run", "reference run", "another seed"], lines)


def _value(metrics: dict, place: str) -> tuple[float | None, str]:
    *path, last = place.split("/")
    for key in path:
        metrics = metrics.get(key) or {}
    low_high = metrics.get(f"{last}_ci95")
    value = metrics.get(last)
    if value is None or not low_high:
        return value, ""
    return value, f" [{', '.join(number(edge, '.3f') for edge in low_high)}]"
