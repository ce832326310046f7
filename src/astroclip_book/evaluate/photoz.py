"""Predicted redshifts: errors of the single values, and whether p(z), k values with weights (n, k) of sum 1, are honest."""

import numpy as np
from scipy.stats import binomtest

QUANTILES = 200  # of the redshifts of a survey, that stand for their distribution


def errors(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """(predicted − true) / (1 + true) of redshifts (n,), the scaled errors that all statistics here are made of."""
    truth = np.asarray(truth, float)
    return (prediction - truth) / (1 + truth)


def nmad(error: np.ndarray) -> float:
    """Normalised median absolute deviation of scaled errors (n,), blind to outliers: the standard deviation of normal ones.

    Brammer et al. 2008 (https://doi.org/10.1086/591786).
    """
    return 1.4826 * float(np.median(np.abs(error - np.median(error))))


def outliers(error: np.ndarray, limit: float) -> float:
    """Share of scaled errors (n,) whose absolute value exceeds ``limit``.

    0.15 is the usual one (Hildebrandt et al. 2010, https://doi.org/10.1051/0004-6361/201014885), 0.05 that of bright surveys.
    """
    return float(np.mean(np.abs(error) > limit))


def statistics(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """``bias``, the mean of scaled errors, ``nmad``, ``outliers_005`` and ``outliers_015`` of redshifts (n,).

    As in Pasquet et al. 2019 (https://doi.org/10.1051/0004-6361/201833617); `metrics.with_interval` takes this.
    """
    error = errors(truth, prediction)
    shares = {"outliers_005": outliers(error, 0.05), "outliers_015": outliers(error, 0.15)}
    return {"bias": float(np.mean(error)), "nmad": nmad(error)} | shares


def pit(values: np.ndarray, weights: np.ndarray, truth: np.ndarray, seed: int) -> np.ndarray:
    """Probability integral transform (n,): where in its own p(z) each true redshift (n,) lies, uniform if p(z) is honest.

    A distribution of k values is a staircase of k + 1 steps. So the truth joins the values, with the weight w₀ = Σ w², and
    is put at random within the step that it makes: u = (Σ of w below the truth + U w₀) / (1 + w₀), U uniform; of values
    equal to the truth, the share U counts as below. For equal weights this is (rank + U) / (k + 1), uniform if the truth is
    drawn as the values are. For any, w₀ is the one number that gives u the mean and the variance of a uniform variable; its
    distribution is off by less than 0.03 even where one of six values has 40 % of the weight. Sources: Dawid 1984
    (https://doi.org/10.2307/2981683), Polsterer et al. 2016 (arXiv:1608.08016); at random within a step: Czado et al. 2009
    (https://doi.org/10.1111/j.1541-0420.2009.01191.x).
    """
    place = np.random.default_rng(seed).uniform(size=len(truth))
    below = np.where(values < truth[:, None], weights, 0).sum(1)
    equal = np.where(values == truth[:, None], weights, 0).sum(1)
    own = np.square(weights).sum(1)
    return (below + place * (equal + own)) / (1 + own)


def quantiles(values: np.ndarray, weights: np.ndarray, at: tuple[float, ...]) -> np.ndarray:
    """Quantiles (len(at), n) of distributions, between the values by straight lines; beyond the outermost, these.

    It is `pit` turned round: a value that has the weight W below it and w of its own stands at (W + w / 2 + w₀ / 2) /
    (1 + w₀), which for equal weights is the rank over k + 1.
    """
    order = values.argsort(1)
    values, weights = (np.take_along_axis(array, order, 1) for array in (values, weights))
    own = np.square(weights).sum(1, keepdims=True)
    place = (weights.cumsum(1) - weights / 2 + own / 2) / (1 + own)
    return np.array([np.interp(at, *one) for one in zip(place, values, strict=True)]).T


def widening(low: np.ndarray, high: np.ndarray, truth: np.ndarray, share: float) -> float:
    """By how much of its width to move each end of an interval (n,) outwards, so that it holds a share of truths (n,).

    Conformalised quantile regression, relative to the width (Romano et al. 2019, arXiv:1905.03222; Sesia & Candès 2020,
    arXiv:1909.05433). Valid for objects drawn like those that are given; negative where intervals were too wide.
    """
    outside = np.maximum(low - truth, truth - high) / np.maximum(high - low, 1e-6)
    return float(np.quantile(outside, min(1, share * (1 + 1 / len(truth)))))


def local_coverage(inside: np.ndarray, by: np.ndarray, edges: np.ndarray) -> list[dict]:
    """Coverage of intervals in bins of a quantity (n,), by whether the truth lies ``inside`` (n,) bool; ``edges`` are the inner ones.

    Of each bin, the number ``n``, the share ``coverage``, and ``coverage_ci95``, the interval of Wilson 1927
    (https://doi.org/10.1080/01621459.1927.10502953). An empty bin has None. Objects whose quantity is NaN are in no bin.
    """
    place, bins = np.where(np.isnan(by), -1, np.digitize(by, edges)), []
    for i in range(len(edges) + 1):
        hits = inside[place == i]
        scores = {"n": len(hits), "coverage": None, "coverage_ci95": None}
        if len(hits):
            wilson = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
            scores |= {"coverage": float(hits.mean()), "coverage_ci95": [wilson.low, wilson.high]}
        bins.append(scores)
    return bins


def crps(values: np.ndarray, weights: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score (n,) of distributions, in the unit of the values; 0 is perfect.

    E|X − y| − E|X − X′| / 2 for X, X′ drawn from the distribution and y the truth (Gneiting & Raftery 2007,
    https://doi.org/10.1198/016214506000001437): the absolute error for a single value, and more for a distribution that is
    off, too wide or too narrow. Exact, by sorting: E|X − X′| / 2 is the integral of F (1 − F).
    """
    values, weights = np.asarray(values, float), np.asarray(weights, float)
    error = (weights * np.abs(values - truth[:, None])).sum(1)
    order = values.argsort(1)
    below = np.take_along_axis(weights, order, 1).cumsum(1)[:, :-1]
    spread = below * (1 - below) * np.diff(np.take_along_axis(values, order, 1), axis=1)
    return error - spread.sum(1)


def minus_crps(truth: np.ndarray, answer) -> float:
    """Minus the mean score of p(z) of neighbours, a `knn.Answer`: what `knn.Neighbours.choose` makes as large as it can."""
    return -crps(answer.values, answer.weights, truth).mean()


def prior(known: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The p(z) of somebody who knows the survey but not the galaxy: values and weights (n, 200), the same for all.

    Its values are evenly spaced quantiles of the redshifts ``known``. It is honest and useless: what any p(z) has to beat.
    """
    values = np.quantile(known, (np.arange(QUANTILES) + 0.5) / QUANTILES)
    return np.broadcast_to(values, (n, QUANTILES)), np.full((n, QUANTILES), 1 / QUANTILES)
