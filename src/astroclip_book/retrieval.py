"""Retrieval across modalities: how well one finds the same galaxy in the other."""

from __future__ import annotations

import numpy as np


def match_ranks(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Rank (1 = first) at which each query finds its own counterpart, row i of the gallery, by cosine.

    Ties count against the query, so that constant embeddings score as chance or worse.
    """
    cosine = query @ gallery.T
    own = np.diagonal(cosine)[:, None]
    return (cosine >= own).sum(1)


def retrieval(query: np.ndarray, gallery: np.ndarray, pool: int, seed: int, draws: int = 20) -> dict:
    """How well one modality finds the same galaxy in the other.

    Parameters
    ----------
    query, gallery : (n, d) arrays of unit vectors
        Row i of both is the same galaxy.
    pool : int
        Size of the gallery searched; the mean over ``draws`` random pools, or all objects once where there are no more.
    seed : int

    Returns
    -------
    dict
        ``pool``, ``recall_at_1``, ``recall_at_5``, ``recall_at_10``, ``median_rank``.
    """
    rng = np.random.default_rng(seed)
    n = len(query)
    pools = [np.arange(n)] if pool >= n else [rng.choice(n, pool, replace=False) for _ in range(draws)]
    ranks = [match_ranks(query[rows], gallery[rows]) for rows in pools]
    recall = {f"recall_at_{k}": float(np.mean([(r <= k).mean() for r in ranks])) for k in (1, 5, 10)}
    return {"pool": min(pool, n), **recall, "median_rank": float(np.mean([np.median(r) for r in ranks]))}
