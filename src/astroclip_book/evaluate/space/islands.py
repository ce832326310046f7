"""Islands of a map: found blind, and only then held against labels."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.neighbors import NearestNeighbors

from astroclip_book.errors import BookError
from astroclip_book.evaluate.space.clusters import PERMUTATIONS, by_size, null

BRIGHT_SHARE = 0.1  # of all galaxies, the brightest


def k_distances(points: np.ndarray, k: int) -> np.ndarray:
    """Distances (n,) of the points of a map (n, 2) to their k-th neighbour, ascending.

    Raises
    ------
    BookError
        When there are no more points than ``k``.
    """
    if len(points) <= k:
        raise BookError(
            f"DBSCAN with analysis.dbscan_min_samples = {k} needs more than {k} galaxies, "
            f"and the test set has {len(points)}: lower it, or use more pairs."
        )
    return np.sort(NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, -1])


def knee(curve: np.ndarray) -> float:
    """Radius for DBSCAN: the knee of the ascending distances to the k-th neighbour.

    The curve of distance against rank is scaled to the unit square; the knee is the point that lies furthest below the
    diagonal (Kneedle, Satopää et al. 2011, without smoothing). Left of it most points live; right of it distances
    shoot up for the points between islands.
    """
    span = curve[-1] - curve[0]
    if span == 0:
        return float(curve[0])
    rank = np.linspace(0, 1, len(curve))
    return float(curve[np.argmax(rank - (curve - curve[0]) / span)])


def dbscan(points: np.ndarray, min_samples: int, radius: float) -> np.ndarray:
    """Islands of a map (n, 2) by DBSCAN (Ester et al. 1996).

    Parameters
    ----------
    points : (n, 2) array
    min_samples : int
        Points within the radius, itself included, that make a point a core of an island.
    radius : float
        From `knee`.

    Returns
    -------
    (n,) int array
        0 for the largest island and so on; -1 for points of none.
    """
    # A radius of zero (coinciding points) is refused by scikit-learn.
    return by_size(DBSCAN(eps=max(radius, np.finfo(np.float32).tiny), min_samples=min_samples).fit_predict(points))


def hdbscan(points: np.ndarray, min_samples: int) -> np.ndarray:
    """Islands of a map (n, 2) by HDBSCAN (Campello et al. 2013), which needs no radius; numbered as those of `dbscan`.

    ``min_samples`` is the least size of an island, too.
    """
    return by_size(HDBSCAN(min_cluster_size=min_samples, copy=True).fit_predict(points))


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
        ``group`` ("method/space number"), None where there is no island, the first two with ``_ci95`` (Wilson); ``size``,
        ``f1``, ``f1_null``, ``wanted``.
    """
    rng = np.random.default_rng([seed, 3])
    members = [(f"{name} {g}", groups == g) for name, groups in groupings.items() for g in range(groups.max() + 1)]
    nothing = dict.fromkeys(("precision", "recall", "group", "size", "f1", "f1_null")) | {"wanted": int(wanted.sum())}
    if not wanted.any():
        return np.zeros(len(wanted), bool), nothing
    table = np.array([rows for _, rows in members])
    f1 = _f1(table, wanted)
    luck = null([_f1(table, rng.permutation(wanted)).max() for _ in range(PERMUTATIONS)])
    best = int(np.argmax(f1))
    scores = nothing | {"f1": float(f1[best]), "f1_null": luck}
    if f1[best] <= luck:
        return np.zeros(len(wanted), bool), scores
    name, rows = members[best]
    hits = (rows & wanted).sum()
    for share, of in (("precision", rows.sum()), ("recall", wanted.sum())):
        interval = binomtest(int(hits), int(of)).proportion_ci(method="wilson")
        scores |= {share: float(hits / of), f"{share}_ci95": [float(interval.low), float(interval.high)]}
    return rows, scores | {"group": name, "size": int(rows.sum())}


def kinds_in(members: np.ndarray, kinds: np.ndarray) -> dict[str, dict[str, int]]:
    """How many objects of each kind, (n,) of names, there are and are in an island: kind to ``n`` and ``found``."""
    return {
        str(kind): {"n": int((kinds == kind).sum()), "found": int((members & (kinds == kind)).sum())}
        for kind in np.unique(kinds)
    }


def _f1(table: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return 2 * (table & wanted).sum(1) / (table.sum(1) + wanted.sum())
