"""Retrieval across modalities: how well one finds the same galaxy in the other."""

from __future__ import annotations

import numpy as np
import torch

from astroclip_book.evaluate.metrics import with_interval

BLOCK = 2**24  # cosines in memory at a time, 64 MiB
CUTS = (1, 5, 10)  # k of recall at k


def match_ranks(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Rank (1 = first) at which each query finds its own counterpart, row i of the gallery, by cosine.

    Ties and what is not a number count against the query, so that constant and broken embeddings score as chance or worse.

    Parameters
    ----------
    query, gallery : (n, d) arrays

    Returns
    -------
    (n,) int64 array
    """
    asked, columns = torch.from_numpy(np.ascontiguousarray(query)), torch.from_numpy(np.ascontiguousarray(gallery)).T
    n = len(query)
    ranks = np.empty(n, np.int64)
    block = max(1, BLOCK // n)
    for start in range(0, n, block):
        rows = torch.arange(start, min(start + block, n))
        cosine = asked[rows] @ columns
        # From the same product as the others: computed apart, it would differ from them by rounding.
        own = cosine[rows - start, rows]
        ranks[rows] = n - torch.count_nonzero(cosine < own[:, None], dim=1)
    return ranks


def rank_scores(ranks: np.ndarray) -> dict[str, float]:
    """Recall at 1, 5 and 10, mean reciprocal rank (``mrr``) and median of ranks (n,) that start at 1."""
    recall = {f"recall_at_{k}": float((ranks <= k).mean()) for k in CUTS}
    return {**recall, "mrr": float((1 / ranks).mean()), "median_rank": float(np.median(ranks))}


def chance(pool: int) -> dict[str, float]:
    """What guessing scores on average in a gallery of that size: each rank from 1 to ``pool`` is as likely."""
    recall = {f"recall_at_{k}": min(k / pool, 1.0) for k in CUTS}
    harmonic = float((1 / np.arange(1, pool + 1)).sum())
    return {**recall, "mrr": harmonic / pool, "median_rank": (pool + 1) / 2}


def drawn_scores(
    query: np.ndarray, gallery: np.ndarray, pool: int, seed: int, draws: int = 20
) -> list[dict[str, float]]:
    """`rank_scores` in each of some galleries of ``pool`` objects drawn at random, or in the one of all if there are no more."""
    n, rng = len(query), np.random.default_rng(seed)
    rows = [np.arange(n)] if pool >= n else [rng.choice(n, pool, replace=False) for _ in range(draws)]
    return [rank_scores(match_ranks(query[chosen], gallery[chosen])) for chosen in rows]


def retrieval(
    query: np.ndarray, gallery: np.ndarray, pool: int, seed: int, draws: int = 20, bootstrap: int = 1000
) -> dict:
    """How well one modality finds the same galaxy in the other, in galleries of a given size and among all.

    Parameters
    ----------
    query, gallery : (n, d) arrays of unit vectors
        Row i of both is the same galaxy.
    pool : int
        Size of the smaller gallery, to compare with other works; where there are no more objects, all of them.
    seed : int
    draws : int
        Random galleries of that size; scores are means over them.
    bootstrap : int
        Resamples of the queries, for all objects.

    Returns
    -------
    dict
        ``recall_at_1``, ``recall_at_5``, ``recall_at_10``, ``mrr``, ``median_rank``, each with ``<name>_ci95``;
        ``pool`` (size of the gallery), ``draws`` (how many galleries), ``chance`` (the same scores of guessing), and
        ``full``, a dict of the same for the gallery of all objects. Intervals hold 95 % of the draws and, where there is
        one gallery, of bootstrap resamples of the queries.
    """
    n = len(query)
    scores = with_interval(rank_scores, (match_ranks(query, gallery),), bootstrap, seed)
    del scores["n"]
    full = {"pool": n, "draws": 1, **scores, "chance": chance(n)}
    if pool >= n:
        return {**full, "full": full}
    drawn = drawn_scores(query, gallery, pool, seed, draws)
    result: dict = {"pool": pool, "draws": draws}
    for name in drawn[0]:
        values = [one[name] for one in drawn]
        result |= {name: float(np.mean(values)), f"{name}_ci95": np.percentile(values, [2.5, 97.5]).tolist()}
    return {**result, "chance": chance(pool), "full": full}
