"""What was expected of an experiment beside what came out, here and in two committed runs."""

from __future__ import annotations

from IPython.display import Markdown

from astroclip_book.plots.tables import number, table
from astroclip_book.run import Run
from astroclip_book.storage import read_json
from astroclip_book.verify import COMMENTED


def outcomes_table(run: Run, rows: list[tuple[str, str]]) -> Markdown:
    """Table of some numbers of a run, with their 95 % intervals, beside those of two committed runs, on which the text comments.

    Parameters
    ----------
    run : Run
    rows : list of (str, str)
        What the number is, and its place in ``metrics.json``, keys joined by ``/``. A run without it gets a dash.
    """
    committed = [content["metrics"] | content["not_compared"] for content in map(read_json, COMMENTED)]
    lines = [
        [name, _value(run.metrics, place), *(number(found.get(place.replace("/", ".")), ".3f") for found in committed)]
        for name, place in rows
    ]
    return table(["", "this run", "reference run", "another seed"], lines)


def _value(metrics: dict, place: str) -> str:
    *path, last = place.split("/")
    for key in path:
        metrics = metrics.get(key) or {}
    low_high = metrics.get(f"{last}_ci95")
    value = metrics.get(last)
    if value is None or not low_high:
        return number(value, ".3f")
    return f"{number(value, '.3f')} [{', '.join(number(edge, '.3f') for edge in low_high)}]"
