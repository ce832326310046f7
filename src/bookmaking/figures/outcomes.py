"""What was expected of an experiment beside what came out, here and in two committed runs."""

from __future__ import annotations

from IPython.display import Markdown

from bookmaking.figures.tables import interval, number, table
from bookmaking.store.run import Run
from bookmaking.verify import committed


def outcomes_table(run: Run, rows: list[tuple[str, str]]) -> Markdown:
    """Numbers of a run, with their 95 % intervals, beside those of two committed runs, on which the text comments.

    Parameters
    ----------
    run : Run
    rows : list of (str, str)
        What the number is, and its place in ``metrics.json``, keys joined by ``/``. A run without it gets a dash.
    """
    metrics, others, lines = run.metrics, committed(), []
    for name, place in rows:
        *path, last = place.split("/")
        scores = metrics
        for key in path:
            scores = scores.get(key) or {}
        beside = [number(one.get(place.replace("/", "."))) for one in others]
        lines.append([name, interval(scores, last), *beside])
    return table(["", "this run", "reference run", "another seed"], lines)
