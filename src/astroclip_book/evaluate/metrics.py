"""Scores with intervals. All take arrays and know nothing of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import r2_score

if TYPE_CHECKING:
    import h5py


BLOCK = 4096  # rows of features, of which double precision is in memory at a time


def standardise(x: np.ndarray | h5py.Dataset, fit: np.ndarray) -> np.ndarray:
    """Features (n, d) as float32 with the mean 0 and the variance 1 of the rows ``fit``; constant ones become 0 there.

    Of what is on disk, or in half precision, nothing but the result is ever wholly in memory.
    """
    fitted = np.zeros(len(x), bool)
    fitted[fit] = True
    blocks = [slice(start, start + BLOCK) for start in range(0, len(x), BLOCK)]
    origin = np.asarray(
        x[int(np.flatnonzero(fitted)[0])], float
    )  # near the mean, so that squares do not drown the differences
    total, squares = np.zeros_like(origin), np.zeros_like(origin)
    for block in blocks:
        some = x[block][fitted[block]] - origin
        total += some.sum(0)
        squares += np.square(some).sum(0)
    mean = total / fitted.sum()
    std = np.sqrt(np.maximum(squares / fitted.sum() - np.square(mean), 0))
    result = np.empty(x.shape, np.float32)
    for block in blocks:
        result[block] = (x[block] - origin - mean) / np.where(std > 0, std, 1)
    return result


def resamples(n: int, bootstrap: int, seed: int) -> Iterator[np.ndarray]:
    """Rows (n,) of n objects drawn with replacement, one resample after the other."""
    rng = np.random.default_rng(seed)
    return (rng.integers(n, size=n) for _ in range(bootstrap))


def with_interval(
    statistic: Callable[..., dict[str, float]], arrays: tuple[np.ndarray, ...], bootstrap: int, seed: int
) -> dict:
    """Statistics of some objects with their 95 % percentile-bootstrap intervals over objects.

    Parameters
    ----------
    statistic : callable
        Arrays to one or more numbers by name.
    arrays : tuple of (n, …) arrays
        What it takes; row i of each is the same object.
    bootstrap : int
        Number of resamples.
    seed : int

    Returns
    -------
    dict
        Each number under its name and, under ``<name>_ci95``, [low, high]; ``n``.
    """
    n = len(arrays[0])
    draws = [statistic(*(values[rows] for values in arrays)) for rows in resamples(n, bootstrap, seed)]
    result: dict = {"n": n}
    for name, value in statistic(*arrays).items():
        low, high = np.percentile([draw[name] for draw in draws], [2.5, 97.5])
        result |= {name: float(value), f"{name}_ci95": [float(low), float(high)]}
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
    hits = np.cumsum(truth[order])[ends]
    told = ends + 1
    recall = np.append(0, hits) / wanted
    false = np.append(0, told - hits) / (len(truth) - wanted)
    return {
        "auc": np.trapezoid(recall, false),
        "average_precision": (np.diff(recall) * hits / told).sum(),
    }


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
    residual, known = np.square(truth.astype(float) - prediction), truth.astype(float)
    scores = [
        1 - residual[rows].sum() / np.square(known[rows] - known[rows].mean()).sum()
        for rows in resamples(len(truth), bootstrap, seed)
    ]
    low, high = np.percentile(scores, [2.5, 97.5])
    return {"r2": float(r2_score(truth, prediction)), "r2_ci95": [float(low), float(high)], "n": len(truth)}
