"""Scores with intervals. All take arrays and know nothing of files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.metrics import r2_score


def standardise(x: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Features (n, d) float32 with the mean 0 and the variance 1 of the rows ``fit``; constant ones become 0 there."""
    std = x[fit].std(0)
    return ((x - x[fit].mean(0)) / np.where(std > 0, std, 1)).astype(np.float32)


def resamples(n: int, bootstrap: int, seed: int) -> np.ndarray:
    """Rows (bootstrap, n) of n objects drawn with replacement."""
    return np.random.default_rng(seed).integers(n, size=(bootstrap, n))


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
    rows = resamples(len(truth), bootstrap, seed)
    drawn = truth[rows].astype(float)
    residual = np.square(truth.astype(float) - prediction)[rows].sum(1)
    scores = 1 - residual / np.square(drawn - drawn.mean(1, keepdims=True)).sum(1)
    low, high = np.percentile(scores, [2.5, 97.5])
    return {"r2": float(r2_score(truth, prediction)), "r2_ci95": [float(low), float(high)], "n": len(truth)}
