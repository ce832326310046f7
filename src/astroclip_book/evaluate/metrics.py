"""Scores of predictions and of searches, with intervals. All take arrays and know nothing of files."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

CUTS = (1, 5, 10)  # k of recall at k
BLOCK = 1024  # vectors compared with all at a time


def standardise(x: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Features (n, d) as float32 with the mean 0 and the variance 1 of the rows ``fit``; constant ones become 0 there."""
    x = np.asarray(x, np.float32)
    return StandardScaler().fit(x[fit]).transform(x)


def r2(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Coefficient of determination of predictions (n,), fast enough to resample."""
    truth = truth.astype(float)
    return {"r2": 1 - np.square(truth - prediction).sum() / np.square(truth - truth.mean()).sum()}


def with_interval(
    statistic: Callable[..., dict[str, float]], arrays: tuple[np.ndarray, ...], bootstrap: int, seed: int
) -> dict:
    """Statistics of some objects with their 95 % percentile-bootstrap intervals over objects.

    ``statistic`` takes the arrays (n, …), in which row i is the same object, and returns one or more numbers by name. Each
    stands in the result under its name and, as [low, high] of the resamples, under ``<name>_ci95``; ``n`` beside them.
    """
    n, rng = len(arrays[0]), np.random.default_rng(seed)
    resampled = (rng.integers(n, size=n) for _ in range(bootstrap))
    draws = [statistic(*(values[rows] for values in arrays)) for rows in resampled]
    result: dict = {"n": n}
    for name, value in statistic(*arrays).items():
        edges = np.percentile([draw[name] for draw in draws], [2.5, 97.5])
        result |= {name: float(value), f"{name}_ci95": edges.tolist()}
    return result


def ranking(truth: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """Area under the ROC curve and average precision of scores (n,): scikit-learn's, but fast enough to resample.

    Resamples may hold objects of one kind alone; then they rank nothing: 0.5, and the share of the wanted.
    """
    wanted = truth.sum()
    if wanted in (0, len(truth)):
        return {"auc": 0.5, "average_precision": wanted / len(truth)}
    order = np.argsort(-score)
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # equal scores are one step
    hits, told = np.cumsum(truth[order])[ends], ends + 1
    recall, false = np.append(0, hits) / wanted, np.append(0, told - hits) / (len(truth) - wanted)
    return {"auc": np.trapezoid(recall, false), "average_precision": (np.diff(recall) * hits / told).sum()}


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
    return rank_scores(np.arange(1, pool + 1))
