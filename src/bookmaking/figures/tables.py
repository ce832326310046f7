"""Tables and sentences made of a run's numbers, as Markdown that a notebook renders."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown
from myst_nb import glue

from bookmaking.presets import flat
from bookmaking.store.run import Run
from bookmaking.verify import committed


def table(
    columns: list[str] | pd.DataFrame, rows: list[list] | None = None, form: str = ".3f", text: int = 1
) -> Markdown:
    """A DataFrame, or rows under the heads of columns, as a table; the first columns are ``text``, the others are aligned right.

    Numbers get the form, integers separators, and None (no such number in this run) a dash.
    """
    frame = columns if rows is None else pd.DataFrame(rows, columns=columns, dtype=object)
    cells = frame.astype(object).map(lambda value: value if isinstance(value, str) else number(value, form))
    alignment = ["left"] * text + ["right"] * (frame.shape[1] - text)
    return Markdown(re.sub(" +", " ", cells.to_markdown(index=False, colalign=alignment, disable_numparse=True)))


def number(value: float | None, form: str = ".3f") -> str:
    """A number as text, with a true minus sign; an integer without decimals; a dash where the run has none."""
    if value is None or np.isnan(value):
        return "–"
    if isinstance(value, (int, np.integer)) and form.endswith("f"):
        form = ",.0f"
    return f"{value:{form}}".replace("-", "−")


def interval(scores: dict, name: str = "r2", form: str = ".3f") -> str:
    """A number and its 95 % interval, which stands beside it under ``<name>_ci95``: "0.812 [0.790, 0.833]"."""
    edges = scores.get(f"{name}_ci95")
    text = number(scores.get(name), form)
    return text if edges is None else f"{text} [{', '.join(number(edge, form) for edge in edges)}]"


def scatter(score: dict) -> tuple[str, str]:
    """The scatter of predictions, relative to 1 + z or in dex, and the share of outliers of redshifts, of `properties.scored`."""
    spread = interval(score, "nmad", ".4f") if "nmad" in score else interval(score, "scatter")
    return spread, interval(score, "outliers_005", ".1%")


def glue_numbers(metrics: dict, places: dict[str, str], form: str = ".2f") -> None:
    """Glue numbers as text under the names by which a page refers to them, a dash where the run has none.

    Their places are keys joined by slashes, as some keys have dots; the last may be a place in a list.
    """
    for name, place in places.items():
        value = metrics
        for key in place.split("/"):
            value = value[int(key)] if isinstance(value, list) else (value or {}).get(key)
        glue(name, number(value, form), display=False)


def outcomes_table(run: Run, rows: list[tuple[str, str]]) -> Markdown:
    """Numbers of a run, with their 95 % intervals, beside those of the two committed runs on which the text comments.

    Each row is what the number is, and its place in ``metrics.json``, keys joined by ``/``; a run without it gets a dash.
    """
    scores, others, lines = flat(run.metrics), committed(), []
    for name, place in rows:
        dotted = place.replace("/", ".")
        lines.append([name, interval(scores, dotted), *(number(one.get(dotted)) for one in others)])
    return table(["", "this run", "reference run", "another seed"], lines)


def no_training(weights: str) -> Markdown:
    """What stands in the place of a figure where published weights were used and nothing was trained."""
    return Markdown(f"*Nothing was trained here: the weights are those of `{Path(weights).name}`.*")
