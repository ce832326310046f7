"""Numbers of a run for the front page, put where its text can refer to them."""

from __future__ import annotations

from myst_nb import glue

from bookmaking.figures.tables import number
from bookmaking.run import MOCK, Run, titled

MISSING = "–"
FEW = 500  # test galaxies, below which every interval is wide


def glue_summary(run: Run) -> None:
    """Glue the run's identity, its counts, the six R² with their intervals, and the scores of search and structure.

    All are glued as text, a dash where the run has no such number (stellar masses without a catalogue, for one).
    """
    scores = run.metrics
    for name, text in {**_identity(run), **_properties(scores["property"]), **_structure(scores)}.items():
        glue(name, text, display=False)


def glue_numbers(metrics: dict, paths: dict[str, str], form: str = ".2f") -> None:
    """Glue single numbers of a run as text, a dash where the run has no such number.

    Parameters
    ----------
    metrics : dict
    paths : dict of str to str
        Name in the text to the keys that lead to the number, with slashes between them, as some keys have dots.
    form : str
        Of the text.
    """
    for name, path in paths.items():
        value = metrics
        for key in path.split("/"):
            value = value.get(key, {})
        glue(name, number(value if value != {} else None, form), display=False)


def _identity(run: Run) -> dict[str, str]:
    kind = "A MOCK SURVEY: every galaxy is simulated." if run.source == MOCK else f"{titled(run.source)}."
    if run.metrics["counts"]["test"] < FEW:
        kind += " It is too small for its numbers to mean anything: it shows what the pages look like."
    counts = {f"n_{name}": f"{run.metrics['counts'][name]:,}" for name in ("train", "validation", "test")}
    return {"data": kind, "preset": run.preset.name, "seed": str(run.preset.seed), **counts}


def _properties(scores: dict) -> dict[str, str]:
    texts = {"n_scored": f"{scores['redshift']['image']['n']:,}"}
    for name in ("redshift", "log_mstar"):
        for way in ("image", "spectrum", "cross"):
            score = scores.get(name, {}).get(way)
            values = [score["r2"], *score["r2_ci95"]] if score else [None] * 3
            for suffix, value in zip(("", "_low", "_high"), values, strict=True):
                texts[f"{name}_{way}{suffix}"] = MISSING if value is None else f"{value:.2f}".replace("-", "−")
    return texts


def _structure(scores: dict) -> dict[str, str]:
    found, clusters = scores["retrieval"]["image_to_spectrum"], scores["clusters"]
    return {
        "pool": f"{found['pool']:,}",
        "recall": f"{found['recall_at_10']:.0%}",
        "recall_chance": f"{min(1, 10 / found['pool']):.1%}",
        "rank": f"{found['median_rank']:.0f}",
        "ami": f"{clusters['cross_modal_ami']:.2f}".replace("-", "−"),
        "ami_null": f"{clusters['cross_modal_ami_null']:.3f}",
        "auc": f"{scores['anomalies']['swapped_pairs_auc']:.0%}",
    }
