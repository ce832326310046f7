"""The claims and their verdicts as a table."""

from __future__ import annotations

from IPython.display import Markdown

from astroclip_book.plots.tables import number, table


def claims_table(rows: list[dict]) -> Markdown:
    """A row for each measure of each claim.

    Parameters
    ----------
    rows : list of dict
        As `astroclip_book.claims.claims` returns them.
    """
    lines, before = [], None
    for row in rows:
        interval = "–" if row["ci95"] is None else "{} to {}".format(*(number(edge, ".3g") for edge in row["ci95"]))
        bound = f"{'≤' if row['most'] else '≥'} {row['threshold']:g}"
        claim = "" if row["claim"] == before else f"**{row['claim']}**"
        before = row["claim"]
        lines.append([claim, row["measure"], bound, number(row["value"], ".3g"), interval, row["published"], row["verdict"]])
    return table(["claim", "measure", "threshold", "this run", "95% interval", "published", "verdict"], lines)


def verdicts_sentence(rows: list[dict]) -> Markdown:
    """How many measures came out how."""
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in dict.fromkeys(r["verdict"] for r in rows)}
    return Markdown(f"Of {len(rows)} measures, " + ", ".join(f"{n} came out **{verdict}**" for verdict, n in counts.items()) + ".")
