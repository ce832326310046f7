"""Structure of the embedding space: maps, islands and clusters, each with a number that says how far to trust it."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors

from astroclip_book.errors import BookError
from astroclip_book.presets import Analysis

PERMUTATIONS = 100  # shuffles behind each null
RESAMPLES = 10  # bootstraps behind the stability, swaps behind the anomaly score
SWAPPED_SHARE = 0.1  # of the pairs, given another galaxy's spectrum
NULL_QUANTILE = 0.95
BINS = 10  # of redshift and of mass, held against clusters
BRIGHT_SHARE = 0.1  # of all galaxies, the brightest


def analyse(
    image: np.ndarray, spectrum: np.ndarray, labels: dict[str, np.ndarray], config: Analysis, seed: int
) -> tuple[dict[str, np.ndarray], dict]:
    """Maps, islands and clusters of the test set, and the numbers about them.

    Parameters
    ----------
    image, spectrum : (n, d) arrays
        Unit vectors; row i of both is the same galaxy.
    labels : dict of (n,) arrays
        Columns of the catalogue. ``ARTEFACT`` ("none" for a clean image) scores the artefact island, ``SPIRAL`` and ``MAG_R`` that
        of bright spirals; where they are absent those scores are None. ``Z`` and ``LOG_MSTAR``, where they are known, are
        compared with the clusters.
    config : presets.Analysis
    seed : int

    Returns
    -------
    arrays : dict
        ``umap/<space>`` (n, 2) and ``dbscan/<space>`` (n,) for image, spectrum and joint; ``kmeans/<space>`` (n,) for
        image and spectrum, numbered so that the same number means the same galaxies as far as possible;
        ``island/artefact`` and ``island/bright_spirals`` (n,) bool.
    metrics : dict
        ``clusters``, ``islands`` and ``anomalies``.

    Raises
    ------
    BookError
        When there are fewer galaxies than clusters or neighbours.
    """
    spaces = {"image": image, "spectrum": spectrum, "joint": joint(image, spectrum)}
    arrays, islands = {}, {}
    for name, vectors in spaces.items():
        arrays[f"umap/{name}"] = project(vectors, config.umap_neighbors, config.umap_min_dist, seed)
        arrays[f"dbscan/{name}"], eps = dbscan(arrays[f"umap/{name}"], config.dbscan_min_samples)
        groups = arrays[f"dbscan/{name}"]
        islands[name] = {"number": int(groups.max() + 1), "unassigned": float(np.mean(groups < 0)), "eps": eps}
    arrays["kmeans/image"] = kmeans(image, config.n_clusters, seed)
    arrays["kmeans/spectrum"] = match(arrays["kmeans/image"], kmeans(spectrum, config.n_clusters, seed))
    stability = {name: stability_ari(spaces[name], config.n_clusters, seed) for name in ("image", "spectrum")}
    # Artefacts spoil the image alone: look for them there.
    candidates = {name: arrays[name] for name in ("dbscan/image", "kmeans/image")}
    kinds = {"artefact": is_artefact(labels, len(image)), "bright_spirals": is_bright_spiral(labels, len(image))}
    found = {}
    for kind, wanted in kinds.items():
        arrays[f"island/{kind}"], found[kind] = find_island(candidates, wanted, seed)
    metrics = {
        "clusters": {
            **cross_modal_ami(arrays["kmeans/image"], arrays["kmeans/spectrum"], seed),
            **order_ami(arrays["kmeans/image"], labels, seed),
            "stability_ari": float(np.mean(list(stability.values()))),
            "stability_ari_image": stability["image"],
            "stability_ari_spectrum": stability["spectrum"],
            "number": config.n_clusters,
        },
        "islands": {**islands, **found},
        "anomalies": {"swapped_pairs_auc": swapped_pairs_auc(image, spectrum, seed), "swapped_share": SWAPPED_SHARE},
    }
    return arrays, metrics


def joint(image: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """One unit vector (n, d) per galaxy from both modalities: their normalised mean."""
    mean = image + spectrum
    return mean / np.linalg.norm(mean, axis=1, keepdims=True).clip(np.finfo(np.float32).tiny)


def project(vectors: np.ndarray, n_neighbors: int, min_dist: float, seed: int) -> np.ndarray:
    """Seeded UMAP (McInnes et al. 2018) of unit vectors (n, d) to the plane, (n, 2) float32.

    Distances in the plane are not distances in the embedding space: gaps and densities are only a guide.
    """
    if len(vectors) <= n_neighbors:
        raise BookError(f"UMAP with analysis.umap_neighbors = {n_neighbors} needs more than {n_neighbors} galaxies, "
                        f"and the test set has {len(vectors)}: lower it, or use more pairs.")
    import umap  # takes seconds to import, and only this function needs it

    mapper = umap.UMAP(n_neighbors=n_neighbors, min_dist=min_dist, random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Spectral initialisation failed|.*spectral.*")
        return mapper.fit_transform(np.asarray(vectors, np.float32)).astype(np.float32)


def knee(points: np.ndarray, k: int) -> float:
    """Radius for DBSCAN: the knee of the sorted distances to the k-th neighbour.

    The curve of distance against rank is scaled to the unit square; the knee is the point that lies furthest below the
    diagonal (Kneedle, Satopää et al. 2011, without smoothing). Left of it most points live; right of it distances
    shoot up for the points between islands.
    """
    distance = NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, -1]
    curve = np.sort(distance)
    span = curve[-1] - curve[0]
    if span == 0:
        return float(curve[0])
    rank = np.linspace(0, 1, len(curve))
    return float(curve[np.argmax(rank - (curve - curve[0]) / span)])


def dbscan(points: np.ndarray, min_samples: int) -> tuple[np.ndarray, float]:
    """Islands of a map by DBSCAN (Ester et al. 1996), its radius from `knee`.

    Parameters
    ----------
    points : (n, 2) array
    min_samples : int
        Points within the radius, itself included, that make a point a core of an island.

    Returns
    -------
    island : (n,) int array
        0 for the largest island and so on; -1 for points of none.
    eps : float
        The radius.

    Raises
    ------
    BookError
        When there are no more points than ``min_samples``.
    """
    if len(points) <= min_samples:
        raise BookError(f"DBSCAN with analysis.dbscan_min_samples = {min_samples} needs more than {min_samples} galaxies, "
                        f"and the test set has {len(points)}: lower it, or use more pairs.")
    eps = knee(points, min_samples)
    # A radius of zero (coinciding points) is refused by scikit-learn.
    island = DBSCAN(eps=max(eps, np.finfo(np.float32).tiny), min_samples=min_samples).fit_predict(points)
    return by_size(island), eps


def kmeans(vectors: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    """k-means clusters (n,) of unit vectors (n, d) in the embedding space itself, 0 for the largest."""
    return by_size(_fit_kmeans(vectors, n_clusters, seed).labels_)


def _fit_kmeans(vectors: np.ndarray, n_clusters: int, seed: int) -> KMeans:
    if len(vectors) <= n_clusters:
        raise BookError(f"k-means with analysis.n_clusters = {n_clusters} needs more than {n_clusters} galaxies, "
                        f"and the test set has {len(vectors)}: lower it, or use more pairs.")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Number of distinct clusters")  # coinciding points
        return KMeans(n_clusters, n_init=5, random_state=seed).fit(vectors)


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


def cross_modal_ami(image_groups: np.ndarray, spectrum_groups: np.ndarray, seed: int) -> dict[str, float]:
    """Do the clusters of images and of spectra, found apart, hold the same galaxies?

    Returns
    -------
    dict
        ``cross_modal_ami``: adjusted mutual information (Vinh et al. 2010), 0 by chance and 1 for the same clusters, with
        its 95 % bootstrap interval over galaxies; ``cross_modal_ami_null``: what chance exceeds once in twenty, from
        shuffled galaxies.
    """
    rng = np.random.default_rng([seed, 1])
    null = [adjusted_mutual_info_score(image_groups, rng.permutation(spectrum_groups)) for _ in range(PERMUTATIONS)]
    drawn = rng.integers(len(image_groups), size=(PERMUTATIONS, len(image_groups)))
    again = [adjusted_mutual_info_score(image_groups[rows], spectrum_groups[rows]) for rows in drawn]
    return {
        "cross_modal_ami": float(adjusted_mutual_info_score(image_groups, spectrum_groups)),
        "cross_modal_ami_ci95": np.percentile(again, [2.5, 97.5]).tolist(),
        "cross_modal_ami_null": float(np.quantile(null, NULL_QUANTILE)),
    }


def order_ami(groups: np.ndarray, labels: dict[str, np.ndarray], seed: int) -> dict[str, dict]:
    """Do clusters differ in redshift and mass?

    Returns
    -------
    dict
        ``image_ami``: adjusted mutual information of the clusters with ten equally full bins of ``redshift`` and of
        ``log_mstar``, of those that are known; ``image_ami_null``: what chance exceeds once in twenty.
    """
    rng = np.random.default_rng([seed, 6])
    found: dict = {"image_ami": {}, "image_ami_null": {}}
    for name, column in (("redshift", "Z"), ("log_mstar", "LOG_MSTAR")):
        values = np.asarray(labels.get(column, np.full(len(groups), np.nan)), float)
        known = np.isfinite(values)
        if known.sum() < BINS:
            continue
        bins = np.searchsorted(np.quantile(values[known], np.linspace(0, 1, BINS + 1)[1:-1]), values[known])
        null = [adjusted_mutual_info_score(groups[known], rng.permutation(bins)) for _ in range(PERMUTATIONS)]
        found["image_ami"][name] = float(adjusted_mutual_info_score(groups[known], bins))
        found["image_ami_null"][name] = float(np.quantile(null, NULL_QUANTILE))
    return found


def stability_ari(vectors: np.ndarray, n_clusters: int, seed: int) -> float:
    """Mean adjusted Rand index between k-means of all galaxies and k-means refitted to bootstraps with other seeds.

    Each refit is fitted to a resample and then assigns all galaxies; 1 means that clusters do not depend on which
    galaxies happened to be observed nor on the start.
    """
    rng = np.random.default_rng([seed, 2])
    reference = kmeans(vectors, n_clusters, seed)
    scores = []
    for resample in range(RESAMPLES):
        rows = rng.integers(len(vectors), size=len(vectors))
        refitted = _fit_kmeans(vectors[rows], n_clusters, seed + resample + 1).predict(vectors)
        scores.append(adjusted_rand_score(reference, refitted))
    return float(np.mean(scores))


def is_artefact(labels: dict[str, np.ndarray], n: int) -> np.ndarray:
    """Which images carry a labelled artefact, (n,) bool; none without a column ``ARTEFACT``."""
    names = np.asarray(labels.get("ARTEFACT", np.full(n, "none")))
    return ~np.isin(names, ["none", ""])


def is_bright_spiral(labels: dict[str, np.ndarray], n: int) -> np.ndarray:
    """Which galaxies are spirals among the brightest tenth in r, (n,) bool; none without ``SPIRAL`` and ``MAG_R``."""
    spiral = np.asarray(labels.get("SPIRAL", np.zeros(n)), bool)
    magnitude = np.asarray(labels.get("MAG_R", np.full(n, np.nan)), float)
    if not np.isfinite(magnitude).any():
        return np.zeros(n, bool)
    return spiral & (magnitude < np.nanquantile(magnitude, BRIGHT_SHARE))


def find_island(groupings: dict[str, np.ndarray], wanted: np.ndarray, seed: int) -> tuple[np.ndarray, dict]:
    """The group that holds the wanted objects best, out of groups that were found without knowing them.

    Best is the largest F1 score. As the choice looks at the labels, the same choice on shuffled labels says what luck
    gives: a group that does not beat the 95th percentile of that is no island.

    Parameters
    ----------
    groupings : dict of (n,) int arrays
        Group of each object, negative for none, by the name of the method.
    wanted : (n,) bool array
    seed : int

    Returns
    -------
    members : (n,) bool array
        All False where there is no island.
    scores : dict
        ``precision`` (share of the island that is wanted), ``recall`` (share of the wanted that is in the island) and
        ``group`` ("method/space number"), None where there is no island, the first two with ``_ci95`` (Wilson); ``f1``, ``f1_null``,
        ``wanted``.
    """
    rng = np.random.default_rng([seed, 3])
    members = [(f"{name} {g}", groups == g) for name, groups in groupings.items() for g in range(groups.max() + 1)]
    nothing = {"precision": None, "recall": None, "group": None, "f1": None, "f1_null": None, "wanted": int(wanted.sum())}
    if not wanted.any():
        return np.zeros(len(wanted), bool), nothing
    table = np.array([rows for _, rows in members])
    f1 = _f1(table, wanted)
    null = float(np.quantile([_f1(table, rng.permutation(wanted)).max() for _ in range(PERMUTATIONS)], NULL_QUANTILE))
    best = int(np.argmax(f1))
    scores = nothing | {"f1": float(f1[best]), "f1_null": null}
    if f1[best] <= null:
        return np.zeros(len(wanted), bool), scores
    name, rows = members[best]
    hits = (rows & wanted).sum()
    for share, of in (("precision", rows.sum()), ("recall", wanted.sum())):
        interval = binomtest(int(hits), int(of)).proportion_ci(method="wilson")
        scores |= {share: float(hits / of), f"{share}_ci95": [float(interval.low), float(interval.high)]}
    return rows, scores | {"group": name}


def _f1(table: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return 2 * (table & wanted).sum(1) / (table.sum(1) + wanted.sum())


def swapped_pairs_auc(image: np.ndarray, spectrum: np.ndarray, seed: int) -> float:
    """How well a low image–spectrum cosine betrays a pair that is none.

    A tenth of the galaxies pass their spectra round among themselves, so that each gets another's; the area
    under the ROC curve of (1 − cosine) against "swapped" is averaged over ten such draws. 0.5 is chance.
    """
    n = len(image)
    n_swapped = max(2, round(SWAPPED_SHARE * n))
    rng = np.random.default_rng([seed, 4])
    scores = []
    for _ in range(RESAMPLES):
        rows = rng.permutation(n)[:n_swapped]
        partner = np.arange(n)
        partner[rows] = np.roll(rows, 1)
        cosine = np.einsum("ij,ij->i", image, spectrum[partner])
        scores.append(roc_auc_score(partner != np.arange(n), -cosine))
    return float(np.mean(scores))
