"""Numbers: k-NN regression, its R² with an interval, and retrieval. All take arrays and know nothing of files."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

from astroclip_book.errors import BookError


def knn_predict(train_x: np.ndarray, train_y: np.ndarray, query_x: np.ndarray, k: int) -> np.ndarray:
    """Mean of the k nearest training objects' values, weighted by inverse Euclidean distance.

    On unit vectors the order of Euclidean distance is that of the cosine.

    Parameters
    ----------
    train_x : (n, d), train_y : (n,), query_x : (m, d) arrays
        Training and query objects are different ones: nothing here leaves out an object's own entry.
    k : int

    Returns
    -------
    (m,) array

    Raises
    ------
    BookError
        If k exceeds the number of training objects.
    """
    if k > len(train_x):
        raise BookError(f"k = {k} neighbours asked of {len(train_x)} training objects: lower k or use more pairs.")
    model = KNeighborsRegressor(k, weights="distance", algorithm="brute", n_jobs=-1)
    return model.fit(train_x, train_y).predict(query_x)


def standardise(x: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Features (n, d) float32 with the mean 0 and the variance 1 of the rows ``fit``; constant ones become 0 there."""
    std = x[fit].std(0)
    return ((x - x[fit].mean(0)) / np.where(std > 0, std, 1)).astype(np.float32)


def r2_interval(truth: np.ndarray, prediction: np.ndarray, bootstrap: int, seed: int) -> dict:
    """Coefficient of determination with its 95 % percentile-bootstrap interval over objects.

    Parameters
    ----------
    truth, prediction : (n,) arrays
    bootstrap : int
        Number of resamples.
    seed : int

    Returns
    -------
    dict
        ``r2``, ``r2_ci95`` as [low, high], ``n``.
    """
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(truth), size=(bootstrap, len(truth)))
    scores = [r2_score(truth[rows], prediction[rows]) for rows in draws]
    low, high = np.percentile(scores, [2.5, 97.5])
    return {"r2": float(r2_score(truth, prediction)), "r2_ci95": [float(low), float(high)], "n": len(truth)}


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
