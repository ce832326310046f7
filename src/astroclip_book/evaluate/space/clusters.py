"""Clusters of the embedding space by k-means: how many, how stable, and whether image and spectrum agree on them."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import entropy
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, mutual_info_score, silhouette_score
from sklearn.metrics.cluster import contingency_matrix, expected_mutual_information

from astroclip_book.errors import BookError

CANDIDATES = range(2, 13)  # numbers of clusters to choose from
PERMUTATIONS = 100  # shuffles behind each null
RESAMPLES = 10  # bootstraps behind the stability
SAMPLE = 2000  # galaxies whose silhouettes are averaged
NULL_QUANTILE = 0.95
SAME = {"ami": adjusted_mutual_info_score, "ari": adjusted_rand_score}


def kmeans(vectors: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    """k-means clusters (n,) of unit vectors (n, d) in the embedding space itself, 0 for the largest.

    Raises
    ------
    BookError
        When there are no more vectors than clusters.
    """
    return by_size(_fit_kmeans(vectors, n_clusters, seed).labels_)


def _fit_kmeans(vectors: np.ndarray, n_clusters: int, seed: int) -> KMeans:
    if len(vectors) <= n_clusters:
        raise BookError(
            f"k-means with analysis.n_clusters = {n_clusters} needs more than {n_clusters} galaxies, "
            f"and there are {len(vectors)}: lower it, or use more pairs."
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Number of distinct clusters")  # coinciding points
        return KMeans(n_clusters, n_init=5, random_state=seed).fit(vectors)


def silhouettes(vectors: np.ndarray, seed: int) -> dict[int, float]:
    """Mean silhouette (Rousseeuw 1987) of k-means with each number of `CANDIDATES` that the unit vectors (n, d) allow.

    A galaxy's silhouette is 1 when it is far nearer to its own cluster than to the next, 0 on the border.

    Raises
    ------
    BookError
        When there are fewer than four vectors.
    """
    if len(vectors) < 4:
        raise BookError(
            f"The number of clusters is chosen on the validation galaxies, of which there are {len(vectors)}: "
            "set analysis.n_clusters, or use more pairs."
        )
    sample = {"sample_size": SAMPLE, "random_state": seed} if len(vectors) > SAMPLE else {}
    clustered = {k: kmeans(vectors, k, seed) for k in CANDIDATES if k < len(vectors)}
    return {
        k: float(silhouette_score(vectors, groups, **sample)) for k, groups in clustered.items() if groups.max() > 0
    }


def by_size(groups: np.ndarray) -> np.ndarray:
    """Renumber groups so that 0 is the largest; negative numbers (no group) stay."""
    names, counts = np.unique(groups[groups >= 0], return_counts=True)
    renumbered = np.full(len(groups), -1)
    for new, old in enumerate(names[np.argsort(-counts, kind="stable")]):
        renumbered[groups == old] = new
    return renumbered


def match(reference: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Renumber ``groups`` so that as many galaxies as possible have the number they have in ``reference``."""
    n = max(reference.max(), groups.max()) + 1
    overlap = np.zeros((n, n), int)
    np.add.at(overlap, (groups, reference), 1)
    return linear_sum_assignment(-overlap)[1][groups]


def consistency(image_groups: np.ndarray, spectrum_groups: np.ndarray, seed: int) -> dict[str, float]:
    """Do the clusters of images and of spectra, found apart, hold the same galaxies?

    Returns
    -------
    dict
        ``cross_modal_ami`` and ``cross_modal_ari``: adjusted mutual information (Vinh et al. 2010) and adjusted Rand index
        (Hubert & Arabie 1985), 0 by chance and 1 for the same clusters, with their 95 % bootstrap intervals over
        galaxies, ``_ci95``, and what chance exceeds once in twenty, from shuffled galaxies, ``_null``.
    """
    rng = np.random.default_rng([seed, 1])
    n = len(image_groups)
    shuffled = {
        "ami": shuffled_ami(image_groups, spectrum_groups, rng),
        "ari": [adjusted_rand_score(image_groups, rng.permutation(spectrum_groups)) for _ in range(PERMUTATIONS)],
    }
    drawn = rng.integers(n, size=(PERMUTATIONS, n))
    found = {}
    for name, same in SAME.items():
        again = [same(image_groups[rows], spectrum_groups[rows]) for rows in drawn]
        found[f"cross_modal_{name}"] = float(same(image_groups, spectrum_groups))
        found[f"cross_modal_{name}_ci95"] = np.percentile(again, [2.5, 97.5]).tolist()
        found[f"cross_modal_{name}_null"] = null(shuffled[name])
    return found


def shuffled_ami(groups: np.ndarray, others: np.ndarray, rng: np.random.Generator) -> list[float]:
    """Adjusted mutual information of ``groups`` (n,) with `PERMUTATIONS` shuffles of ``others`` (n,).

    What it is adjusted by depends on the sizes of the groups alone and takes most of the time: it is computed once.
    """
    expected = expected_mutual_information(contingency_matrix(groups, others, sparse=True), len(groups))
    entropies = [entropy(np.unique(of, return_counts=True)[1]) for of in (groups, others)]
    scale = np.mean(entropies) - expected
    return [(mutual_info_score(groups, rng.permutation(others)) - expected) / scale for _ in range(PERMUTATIONS)]


def null(scores: list[float]) -> float:
    """What scores of shuffled data exceed once in twenty."""
    return float(np.quantile(scores, NULL_QUANTILE))


def stability(vectors: np.ndarray, n_clusters: int, seed: int) -> dict:
    """How far k-means of all galaxies is found again by k-means of bootstraps with other seeds.

    Each refit is fitted to a resample and then assigns all galaxies; 1 means that clusters do not depend on which
    galaxies happened to be observed nor on the start.

    Returns
    -------
    dict
        ``ari``: mean adjusted Rand index over refits; ``clusters``: for each cluster, in the order of `kmeans`, the mean Jaccard index
        with the cluster of a refit that is most like it (Hennig 2007, "Cluster-wise assessment of cluster stability").
    """
    rng = np.random.default_rng([seed, 2])
    reference = kmeans(vectors, n_clusters, seed)
    scores, alike = [], []
    for resample in range(RESAMPLES):
        rows = rng.integers(len(vectors), size=len(vectors))
        refitted = _fit_kmeans(vectors[rows], n_clusters, seed + resample + 1).predict(vectors)
        scores.append(adjusted_rand_score(reference, refitted))
        alike.append([found_again(reference == group, refitted) for group in range(reference.max() + 1)])
    return {"ari": float(np.mean(scores)), "clusters": np.mean(alike, axis=0).tolist()}


def found_again(members: np.ndarray, groups: np.ndarray) -> float:
    """The largest Jaccard index of a group (n,) bool with one of another division (n,) of the same galaxies."""
    others = (groups == group for group in range(groups.max() + 1))
    return max((float((members & other).sum() / (members | other).sum()) for other in others), default=0.0)


def chosen(curves: list[dict[int, float]]) -> int:
    """The number of clusters with the largest silhouette, averaged over the modalities' curves from `silhouettes`.

    Raises
    ------
    BookError
        When no number has a silhouette, as embeddings coincide.
    """
    common = set.intersection(*map(set, curves))
    if not common:
        raise BookError(
            "The embeddings of the validation galaxies coincide, so no number of clusters can be chosen: "
            "look at the losses of chapter 04, or set analysis.n_clusters."
        )
    return max(sorted(common), key=lambda k: sum(curve[k] for curve in curves))
