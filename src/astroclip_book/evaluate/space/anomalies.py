"""What does not belong: rankings of strange galaxies, held against what is known to be strange."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest
from sklearn.ensemble import IsolationForest

from astroclip_book.evaluate.metrics import ranking, with_interval
from astroclip_book.evaluate.rare import rare_kinds
from astroclip_book.evaluate.search import neighbours, others

NEIGHBOURS = 10  # whose mean distance says how lonely an embedding is
TREES = 200
TOP = 20  # of a ranking, looked at
SWAPPED_SHARE = 0.1  # of the pairs, given another galaxy's spectrum
DRAWS = 100  # of the pairs that are swapped


def strangeness(image: np.ndarray, spectrum: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """How strange each galaxy is to several detectors; the larger the stranger.

    Parameters
    ----------
    image, spectrum : (n, d) arrays
        Unit vectors; row i of both is the same galaxy.
    seed : int
        Of the forests.

    Returns
    -------
    dict of (n,) arrays
        ``<modality>_distance``: one less the mean cosine with the ten nearest others of the modality; ``<modality>_forest``:
        isolation forest (Liu et al. 2008); ``disagreement``: one less the cosine of the galaxy's own two embeddings.
    """
    found = {}
    for name, vectors in (("image", image), ("spectrum", spectrum)):
        found[f"{name}_distance"] = _distance(vectors)
        forest = IsolationForest(n_estimators=TREES, random_state=seed).fit(vectors)
        found[f"{name}_forest"] = -forest.score_samples(vectors)
    return found | {"disagreement": disagreement(image, spectrum)}


def disagreement(image: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """One less the cosine (n,) of image and spectrum of each galaxy: what no single modality can see."""
    return 1 - np.einsum("ij,ij->i", image, spectrum)


def detection(scores: dict[str, np.ndarray], labels: dict[str, np.ndarray], bootstrap: int, seed: int) -> dict:
    """Do the strangest galaxies of each ranking belong to a rare kind?

    Parameters
    ----------
    scores : dict of (n,) arrays
        From `strangeness`.
    labels : dict of (n,) arrays
        Columns of the catalogue; see `astroclip_book.evaluate.rare.rare_kinds`.
    bootstrap : int
        Resamples behind each interval of an area.
    seed : int

    Returns
    -------
    dict
        Kind to detector to ``precision`` among the `TOP` strangest with ``precision_ci95`` (Wilson), ``auc`` and
        ``average_precision`` with ``_ci95``, ``k``, ``n`` and ``base_rate``, the precision of a ranking at random.
    """
    return {
        kind: {name: _scored(values, wanted, bootstrap, seed) for name, values in scores.items()}
        for kind, wanted in rare_kinds(labels).items()
    }


def _scored(values: np.ndarray, wanted: np.ndarray, bootstrap: int, seed: int) -> dict:
    top = np.argsort(-values, kind="stable")[:TOP]
    hits = int(wanted[top].sum())
    interval = binomtest(hits, len(top)).proportion_ci(method="wilson")
    return {
        "precision": hits / len(top), "precision_ci95": [float(interval.low), float(interval.high)], "k": len(top),
        "base_rate": float(wanted.mean()), **with_interval(ranking, (wanted, values), bootstrap, seed),
    }  # fmt: skip


def swapped_pairs(image: np.ndarray, spectrum: np.ndarray, seed: int) -> dict:
    """How well disagreement betrays a pair that is none.

    A tenth of the galaxies pass their spectra round among themselves, so that each gets another's, in each of a hundred
    draws. Rankings of one modality cannot see this: the same images and spectra are there.

    Returns
    -------
    dict
        ``swapped_pairs_auc``: mean area under the ROC curve, 0.5 by chance, with ``_ci95`` over draws of the swaps and
        of the galaxies; ``swapped_pairs_precision``: mean share of swapped pairs among the `TOP` strangest;
        ``swapped_share``.
    """
    n = len(image)
    swapped = max(2, round(SWAPPED_SHARE * n))
    rng = np.random.default_rng([seed, 4])
    areas, again, precision = [], [], []
    for _ in range(DRAWS):
        rows = rng.permutation(n)[:swapped]
        partner = np.arange(n)
        partner[rows] = np.roll(rows, 1)
        wrong, strange = partner != np.arange(n), disagreement(image, spectrum[partner])
        areas.append(ranking(wrong, strange)["auc"])
        precision.append(wrong[np.argsort(-strange)[:TOP]].mean())
        drawn = rng.integers(n, size=n)
        again.append(ranking(wrong[drawn], strange[drawn])["auc"])
    return {
        "swapped_pairs_auc": float(np.mean(areas)), "swapped_pairs_auc_ci95": np.percentile(again, [2.5, 97.5]).tolist(),
        "swapped_pairs_precision": float(np.mean(precision)), "swapped_share": swapped / n,
    }  # fmt: skip


def _distance(vectors: np.ndarray) -> np.ndarray:
    rows = np.arange(len(vectors))
    k = min(NEIGHBOURS, len(vectors) - 1)
    around = others(neighbours(vectors, vectors, k + 1)[0], rows, k)
    return 1 - np.einsum("ij,ikj->i", vectors, vectors[around]) / k
