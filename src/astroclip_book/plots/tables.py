"""Tables and sentences made of a run's numbers, as Markdown that a notebook renders."""

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


def scores_table(scores: dict[str, dict], names: dict[str, str], ways: dict[str, str]) -> Markdown:
    """R² with its interval and the number of test galaxies, a row for each property and way of asking.

    Parameters
    ----------
    scores : dict
        ``property`` of the metrics: name to way to ``r2``, ``r2_ci95``, ``n``. Names that are not there get no row.
    names, ways : dict
        What the reader is to see for each key.
    """
    rows = []
    for name in [name for name in names if name in scores]:
        for way, title in ways.items():
            score = scores[name][way]
            rows.append([names[name], title, score["r2"], " to ".join(map(_text, score["r2_ci95"])), score["n"]])
    return table(["property", "asked → answered", "$R^2$", "95% interval", "test galaxies"], rows)


def island_sentence(scores: dict) -> Markdown:
    """What `astroclip_book.clusters.find_island` found, in words."""
    if not scores["wanted"]:
        return Markdown("No image of the test set is labelled as an artefact, so there is nothing to score.")
    luck = f"the best group reaches {scores['f1_null']:.2f} on shuffled labels once in twenty times"
    if scores["group"] is None:
        return Markdown(
            f"**There is none.** Artefacts in the test set: {scores['wanted']}. The island or cluster that matches them best "
            f"has an F1 score of {scores['f1']:.2f}, which is no better than luck: {luck}."
        )
    method, number = scores["group"].split(" ")
    kind = "island" if method.startswith("dbscan") else "k-means cluster"
    return Markdown(
        f"**There is one.** Artefacts in the test set: {scores['wanted']}; {scores['recall']:.0%} of them are in {kind} "
        f"{number} of the images, and {scores['precision']:.0%} of its members are artefacts. Its F1 score is "
        f"{scores['f1']:.2f}; {luck}."
    )


def _text(value) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}".replace("-", "−")
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)
