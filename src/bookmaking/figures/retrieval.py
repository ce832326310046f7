"""The scores of searches as tables."""

from __future__ import annotations

from IPython.display import Markdown

from bookmaking.figures.search import DIRECTIONS, KINDS, RETRIEVAL
from bookmaking.figures.tables import number, table

SCORES = {
    "recall_at_1": ("recall at 1", ".3f"),
    "recall_at_5": ("at 5", ".3f"),
    "recall_at_10": ("at 10", ".3f"),
    "mrr": ("reciprocal rank", ".3f"),
    "median_rank": ("median rank", ".1f"),
}


def retrieval_table(scores: dict[str, dict]) -> Markdown:
    """Recall and ranks with their intervals, both ways, in the smaller galleries and in the full one, beside chance.

    Where the full gallery is no larger, it alone is there.

    Parameters
    ----------
    scores : dict
        ``image_to_spectrum`` and ``spectrum_to_image``, each from `astroclip_book.evaluate.retrieval.retrieval`, with
        ``recall_at_10_seeds``.
    """
    rows = []
    sizes = {name: {one["pool"]: one for one in (of_pool, of_pool["full"])} for name, of_pool in scores.items()}
    for pool in next(iter(sizes.values())):
        for name, of_size in sizes.items():
            rows.append([f"{pool:,}", RETRIEVAL[name][0], *_numbers(of_size[pool])])
            rows.append(["", "95% interval", *_intervals(of_size[pool])])
        rows.append(["", "chance", *_numbers(of_size[pool]["chance"])])
    for name, one in scores.items():
        seeds = one["recall_at_10_seeds"]
        spread = {"recall_at_10": _interval([min(seeds), max(seeds)], ".3f")}
        cells = [spread.get(score, "") for score in SCORES]
        rows.append([f"{one['pool']:,}", f"{RETRIEVAL[name][0]}, {len(seeds)} seeds of heads", *cells])
    return table(["gallery", "", *(title for title, _ in SCORES.values())], rows)


def rare_table(scores: dict[str, dict[str, dict]]) -> Markdown:
    """Precision with its interval, base rate and number of queries, a row for each kind and direction.

    Parameters
    ----------
    scores : dict
        From `astroclip_book.evaluate.rare.rare_precision`.
    """
    rows = []
    for kind, ways in scores.items():
        for way, one in ways.items():
            interval = _interval(one["precision_ci95"], ".3f")
            rows.append([KINDS[kind], DIRECTIONS[way][0], one["precision"], interval, one["base_rate"], one["n"]])
    return table(["kind", "asked → answered", "precision", "95% interval", "base rate", "queries"], rows)


def _numbers(scores: dict) -> list[str]:
    return [number(scores[name], form) for name, (_, form) in SCORES.items()]


def _intervals(scores: dict) -> list[str]:
    return [_interval(scores[f"{name}_ci95"], form) for name, (_, form) in SCORES.items()]


def _interval(edges: list[float], form: str) -> str:
    return "–".join(number(edge, form) for edge in edges)
