"""The structure of the embedding space: maps and groups, and how much of what they show chance would show as well."""

import warnings
from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score, confusion_matrix, silhouette_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from astroclip_book.config import Analysis
from astroclip_book.data.pairs import Embeddings
from astroclip_book.errors import BookError

NUMBERS = range(2, 13)  # of clusters, to choose from
SHUFFLES, RESAMPLES = 100, 10  # behind what chance gives, and behind a stability


def make_maps(embeddings: Embeddings, config: Analysis, seed: int) -> dict:
    """Maps, islands and clusters of the n test galaxies: the content of ``analysis.h5``.

    ``umap`` (n, 2) and ``dbscan`` (n,) of image, spectrum and their joint space; ``kmeans`` (n,) of image and spectrum;
    ``silhouette``, of 2 and more clusters of the validation galaxies; ``index`` (n,), rows. BookError if n is too small.
    """
    test, validation = embeddings.where("test"), embeddings.where("validation")
    for name in ("umap_neighbors", "dbscan_min_samples", "n_clusters"):
        if (least := getattr(config, name) or 0) >= len(test):
            raise BookError(f"analysis.{name} = {least} needs more test galaxies than {len(test)}: lower it.")
    both = {"image": embeddings.image, "spectrum": embeddings.spectrum}
    spaces = {name: vectors[test] for name, vectors in both.items()}
    spaces["joint"] = normalize(spaces["image"] + spaces["spectrum"])
    maps = {name: project(x, config.umap_neighbors, config.umap_min_dist, seed) for name, x in spaces.items()}
    islands = {name: dbscan(points, config.dbscan_min_samples) for name, points in maps.items()}
    numbers = [k for k in NUMBERS if k < len(validation)]
    sample = {"sample_size": min(len(validation), 2000), "random_state": seed}
    silhouettes = {}
    for name, vectors in both.items():
        x = vectors[validation]
        silhouettes[name] = [silhouette_score(x, kmeans(x, k, seed), **sample) for k in numbers]
    number = config.n_clusters or numbers[np.argmax(np.sum(list(silhouettes.values()), axis=0))]
    image, spectrum = (kmeans(spaces[name], number, seed) for name in both)
    clusters = {"image": image, "spectrum": match(image, spectrum)}
    return {"umap": maps, "dbscan": islands, "kmeans": clusters, "silhouette": silhouettes, "index": test}


def project(vectors: np.ndarray, neighbors: int, min_dist: float, seed: int) -> np.ndarray:
    """Seeded UMAP (McInnes et al. 2018) of vectors (n, d) to the plane, (n, 2), from their exact neighbours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bars that it does not show; neighbours that are given; how it starts
        import umap  # takes seconds, and only this function needs it
        from umap.umap_ import compute_membership_strengths, smooth_knn_dist

        for function in (compute_membership_strengths, smooth_knn_dist):
            function.enable_caching()  # otherwise each process compiles them, for seconds

        # Its own search for neighbours takes most of its time. Given ones begin with the point itself.
        far, found = NearestNeighbors(n_neighbors=neighbors - 1, algorithm="brute").fit(vectors).kneighbors()
        own = np.arange(len(vectors))
        known = np.column_stack([own, found]), np.column_stack([0 * own, far]).astype(np.float32)
        options = {"min_dist": min_dist, "precomputed_knn": known, "force_approximation_algorithm": True}
        return umap.UMAP(neighbors, random_state=seed, n_jobs=1, **options).fit_transform(vectors)


def knee(points: np.ndarray, k: int) -> tuple[float, np.ndarray]:
    """Radius for DBSCAN, and the ascending distances (n,) of points (n, 2) to their k-th neighbour, whose knee it is.

    In the unit square the knee lies furthest below the diagonal (Kneedle, Satopää et al. 2011, without smoothing).
    """
    curve = np.sort(NearestNeighbors(n_neighbors=k).fit(points).kneighbors()[0][:, -1])
    rise = (curve - curve[0]) / ((curve[-1] - curve[0]) or 1)
    return float(curve[np.argmax(np.linspace(0, 1, len(curve)) - rise)]), curve


def dbscan(points: np.ndarray, k: int) -> np.ndarray:
    """Islands (n,) of a map (n, 2) by DBSCAN (Ester et al. 1996): 0 for the largest, -1 for points of none."""
    radius = max(knee(points, k)[0], np.finfo(np.float32).tiny)  # points may coincide
    return by_size(DBSCAN(eps=radius, min_samples=k).fit_predict(points))


def kmeans(vectors: np.ndarray, number: int, seed: int) -> np.ndarray:
    """k-means clusters (n,) of vectors (n, d), 0 for the largest."""
    return by_size(KMeans(number, n_init=5, random_state=seed).fit_predict(vectors))


def by_size(groups: np.ndarray) -> np.ndarray:
    """Groups (n,) numbered anew, 0 for the largest; negative numbers (no group) stay."""
    names, counts = np.unique(groups[groups >= 0], return_counts=True)
    places = np.append(np.argsort(np.argsort(-counts, kind="stable")), -1)
    return places[np.where(groups < 0, -1, np.searchsorted(names, groups))]


def match(reference: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Groups (n,) numbered anew, so that as many galaxies as possible have their number in ``reference`` (n,)."""
    return linear_sum_assignment(-confusion_matrix(groups, reference))[1][groups]


def by_chance(statistic: Callable, values: np.ndarray, seed: int | list[int]) -> float:
    """What a statistic of shuffled values (n,) exceeds once in twenty."""
    rng = np.random.default_rng(seed)
    return float(np.quantile([statistic(rng.permutation(values)) for _ in range(SHUFFLES)], 0.95))


def found_again(members: np.ndarray, groups: np.ndarray) -> float:
    """The largest Jaccard index of a group (n,) bool with one of another division (n,) of the same galaxies."""
    largest = 0.0
    for group in range(groups.max() + 1):
        other = groups == group
        largest = max(largest, float((members & other).sum() / (members | other).sum()))
    return largest


def stability(vectors: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """Mean adjusted Rand index (Hubert & Arabie 1985) of k-means clusters (n,) and those of bootstrap resamples of the vectors (n, d)."""
    rng, number, rand = np.random.default_rng([seed, 2]), groups.max() + 1, []
    for resample in range(1, RESAMPLES + 1):
        rows = rng.integers(len(vectors), size=len(vectors))
        again = KMeans(number, n_init=5, random_state=seed + resample).fit(vectors[rows]).predict(vectors)
        rand.append(adjusted_rand_score(groups, again))
    return float(np.mean(rand))


def find_island(groupings: dict[str, np.ndarray], wanted: np.ndarray, seed: int) -> tuple[np.ndarray, dict]:
    """Members (n,) bool of the group that matches the wanted galaxies (n,) bool best, of groups found without knowing them.

    Best is the largest F1 score. As the choice looks at the labels, so does the same choice on shuffled labels, ``f1_null``:
    a group that is not above it is no island, and has no members. ``groupings`` are groups (n,), negative for none, by the
    name of the method. Scores: ``precision`` and ``recall`` with ``_ci95`` (Wilson), ``group`` ("method number"), ``size``,
    ``f1``, ``f1_null``, ``wanted``; None where there is no island.
    """
    scores = dict.fromkeys(("precision", "recall", "group", "size", "f1", "f1_null")) | {"wanted": int(wanted.sum())}
    nothing = np.zeros(len(wanted), bool)
    if not wanted.any():
        return nothing, scores
    named = {}
    for method, groups in groupings.items():
        named |= {f"{method} {group}": groups == group for group in range(groups.max() + 1)}
    table = np.array(list(named.values()))

    def f1(wanted: np.ndarray) -> np.ndarray:
        return 2 * (table & wanted).sum(1) / (table.sum(1) + wanted.sum())

    best = int(f1(wanted).argmax())
    scores |= {"f1": float(f1(wanted)[best]), "f1_null": by_chance(lambda labels: f1(labels).max(), wanted, [seed, 3])}
    if scores["f1"] <= scores["f1_null"]:
        return nothing, scores
    members, hits = table[best], int((table[best] & wanted).sum())
    for share, of in (("precision", int(members.sum())), ("recall", int(wanted.sum()))):
        scores |= {share: hits / of, f"{share}_ci95": list(binomtest(hits, of).proportion_ci(method="wilson"))}
    return members, scores | {"group": list(named)[best], "size": int(members.sum())}
