"""The claims and their verdicts as a table."""

from __future__ import annotations

from IPython.display import Markdown

from bookmaking.figures.tables import number, table


def claims_table(rows: list[dict]) -> Markdown:
    """A table for each claim, a row for each of its measures.

    Parameters
    ----------
    rows : list of dict
        As `bookmaking.claims.claims` returns them.
    """
    parts = []
    for claim in dict.fromkeys(row["claim"] for row in rows):
        lines = [
            [
                row["measure"],
                f"{'≤' if row['most'] else '≥'} {row['threshold']:g}",
                _value(row),
                row["published"],
                row["verdict"],
            ]
            for row in rows
            if row["claim"] == claim
        ]
        columns = ["measure", "threshold", "this run", "published", "verdict"]
        parts.append(f"**{claim}**\n\n{table(columns, lines).data}")
    return Markdown("\n\n".join(parts))


def _value(row: dict) -> str:
    value = number(row["value"], ".3g")
    return value if row["ci95"] is None else "{} [{}, {}]".format(value, *(number(edge, ".3g") for edge in row["ci95"]))


def verdicts_sentence(rows: list[dict]) -> Markdown:
    """How many measures came out how."""
    counts = {
        verdict: sum(row["verdict"] == verdict for row in rows) for verdict in dict.fromkeys(r["verdict"] for r in rows)
    }
    return Markdown(
        f"Of {len(rows)} measures, " + ", ".join(f"{n} came out **{verdict}**" for verdict, n in counts.items()) + "."
    )
