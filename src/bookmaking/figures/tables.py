"""Tables and sentences made of a run's numbers, as Markdown that a notebook renders."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown
from myst_nb import glue

PROPERTIES = {"redshift": "redshift", "log_mstar": "log stellar mass"}


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


def glue_numbers(metrics: dict, places: dict[str, str], form: str = ".2f") -> None:
    """Glue numbers as text under the names by which a page refers to them, a dash where the run has none.

    Their places are keys joined by slashes, as some keys have dots; the last may be a place in a list.
    """
    for name, place in places.items():
        value = metrics
        for key in place.split("/"):
            value = value[int(key)] if isinstance(value, list) else (value or {}).get(key)
        glue(name, number(value, form), display=False)


def no_training(weights: str) -> Markdown:
    """What stands in the place of a figure where published weights were used and nothing was trained."""
    return Markdown(f"*Nothing was trained here: the weights are those of `{Path(weights).name}`.*")


def distances_table(scores: dict) -> Markdown:
    """How far the survey is from the sky, with the mark to reach beside each number.

    Parameters
    ----------
    scores : dict
        ``sky`` of the metrics; what it does not have gets no row.
    """
    rows: list[list] = [["redshifts: Kolmogorov–Smirnov distance", scores["redshift_ks"], "≤ 0.08"]]
    rows.append(["spectra: share of pixels with a spread within 30%", scores["spectra_std_within_30"], "≥ 0.9"])
    rows += [[f"sky noise in *{band}*, ratio", ratio, "1 ± 0.3"] for band, ratio in scores["noise_ratio"].items()]
    if "probe" in scores:
        rows.append([f"probe: AUC {_interval(scores['probe'], 'auc')}", scores["probe"]["auc"], "0.5"])
    if "transfer" in scores:
        found = scores["transfer"]["redshift"]
        rows.append([f"redshifts of {found['n']} real galaxies: $R^2$ {_interval(found, 'r2')}", found["r2"], "≥ 0.8"])
        rows.append([f"… beyond 0.05 (1 + *z*) {_interval(found, 'failures')}", found["failures"], "≤ 0.2"])
        rows.append([f"… scatter (NMAD) {_interval(found, 'nmad')}", found["nmad"], None])
    return table(["", "this run", "to reach"], rows)


def colours_table(scores: dict) -> Markdown:
    """How far colours at fixed magnitude are from the sky's, as they are and weighted as hosts of supernovae.

    Parameters
    ----------
    scores : dict
        ``sky`` of the metrics, with ``colour`` and ``colour_as_hosts``.
    """
    rows: list[list] = []
    for colour, bins in scores["colour"].items():
        for edge, direct in bins.items():
            weighted = scores["colour_as_hosts"][colour].get(edge, {})
            numbers = [one.get(name) for name in ("median_difference", "width_ratio") for one in (direct, weighted)]
            rows.append([f"*{colour[0]}* − *{colour[2]}*, *r* from {edge}", *numbers])
    rows.append(["to reach", "0 ± 0.08", "0 ± 0.08", "1 ± 0.25", "1 ± 0.25"])
    columns = ["median (mag): this run − sky", "weighted − sky", "5–95% width: this run / sky", "weighted / sky"]
    return table(["", *columns], rows)


def _interval(scores: dict, name: str) -> str:
    return "[{}]".format(", ".join(map(number, scores[f"{name}_ci95"])))
