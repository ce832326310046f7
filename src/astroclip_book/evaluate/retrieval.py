"""Retrieval across modalities: how well one finds the same galaxy in the other."""

from __future__ import annotations

import numpy as np
import torch

CUTS = (1, 5, 10)  # k of recall at k
BLOCK = 1024  # queries compared with all at a time


def match_ranks(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Rank (n,), 1 = first, at which each query (n, d) finds its own counterpart, row i of the gallery (n, d), by cosine.

    Ties and what is not a number count against the query, so that constant and broken embeddings score as chance or worse.
    """
    asked, columns, ranks = torch.from_numpy(query.copy()), torch.from_numpy(gallery.copy()).T, []
    for rows in torch.arange(len(asked)).split(BLOCK):
        cosine = asked[rows] @ columns
        own = cosine[torch.arange(len(rows)), rows]  # of the same product: computed apart, it would differ by rounding
        ranks.append(len(asked) - torch.count_nonzero(cosine < own[:, None], dim=1))
    return torch.cat(ranks).numpy()


def rank_scores(ranks: np.ndarray) -> dict[str, float]:
    """Recall at 1, 5 and 10, mean reciprocal rank (``mrr``) and median of ranks (n,) that start at 1."""
    recall = {f"recall_at_{k}": float((ranks <= k).mean()) for k in CUTS}
    return {**recall, "mrr": float((1 / ranks).mean()), "median_rank": float(np.median(ranks))}


def chance(pool: int) -> dict[str, float]:
    """What guessing scores on average in a gallery of that size: each rank from 1 to ``pool`` is as likely."""
    recall = {f"recall_at_{k}": min(k / pool, 1.0) for k in CUTS}
    return {**recall, "mrr": float((1 / np.arange(1, pool + 1)).sum()) / pool, "median_rank": (pool + 1) / 2}
