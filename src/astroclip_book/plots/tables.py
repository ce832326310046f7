"""Small tables of a run's numbers, as Markdown that a notebook renders."""

from __future__ import annotations

from IPython.display import Markdown


def table(columns: list[str], rows: list[list]) -> Markdown:
    """A table; the first column is text, the others are aligned right.

    Numbers that are not integers get three decimals, and None (no such number in this run) a dash.
    """
    head = "| " + " | ".join(columns) + " |"
    rule = "|" + "|".join([":---"] + ["---:"] * (len(columns) - 1)) + "|"
    body = ["| " + " | ".join(_text(value) for value in row) + " |" for row in rows]
    return Markdown("\n".join([head, rule, *body]))


def _text(value) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}".replace("-", "−")
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)
