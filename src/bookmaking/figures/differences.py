"""What was done otherwise, and what that changes, as a table."""

from __future__ import annotations

from IPython.display import Markdown

from bookmaking.differences import DIFFERENCES, Difference, Effect
from bookmaking.figures.tables import number
from bookmaking.run import Run


def differences_table(side: str, run: Run) -> Markdown:
    """What they did, where, what this book does, and the effect that the run measured.

    Parameters
    ----------
    side : str
        `bookmaking.differences.PAPER` or `EARLIER`.
    run : Run
    """
    metrics = run.metrics
    lines = ["| what they did | source | this book | effect of theirs |", "|:---|:---|:---|:---|"]
    for one in DIFFERENCES:
        if one.side == side:
            ours = f"{one.ours.format(**vars(run.preset))} ({_link(one.chapter)})"
            cells = [one.theirs, one.source, ours, _effect(one, metrics)]
            lines.append("| " + " | ".join(cells) + " |")
    return Markdown("\n".join(lines))


def _effect(difference: Difference, metrics: dict) -> str:
    if isinstance(difference.effects, str):
        return difference.effects
    found = difference.effects(metrics)
    return "; ".join(_text(effect) for effect in found) or "not measured in this run"


def _link(chapter: str) -> str:
    return f"{{doc}}`{chapter.partition('_')[0]} <../notebooks/{chapter}>`"


def _text(effect: Effect) -> str:
    value = f"{effect.score}: {number(effect.value, '+z.3f')}"
    return (
        value
        if effect.interval is None
        else "{} [{}, {}]".format(value, *(number(edge, "+z.3f") for edge in effect.interval))
    )
