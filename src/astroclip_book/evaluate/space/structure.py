"""What lives where: how the properties of galaxies go with their place in the space and with the groups they are in."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score, r2_score

from astroclip_book.evaluate.search import nearest, others
from astroclip_book.evaluate.space.clusters import PERMUTATIONS, null, shuffled_ami
from astroclip_book.evaluate.space.islands import is_artefact

BINS = 10  # of a property, held against groups
NEIGHBOURS = 10  # on a map or in the space, that are compared with a galaxy
NUMBERS = {
    "redshift": "Z", "log_mstar": "LOG_MSTAR", "log_ssfr": "LOG_SSFR", "mag_r": "MAG_R", "half_light_radius": "HALF_LIGHT_RADIUS",
    "bulge_to_total": "BULGE_TO_TOTAL", "axis_ratio": "AXIS_RATIO", "spiral": "SPIRAL", "merger": "MERGER",
}  # fmt: skip


def properties(labels: dict[str, np.ndarray], n: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Numbers that are known of the galaxies and differ between them.

    Parameters
    ----------
    labels : dict of (n,) arrays
        Columns of the catalogue.
    n : int

    Returns
    -------
    known : dict of (n,) float arrays
        By name, NaN where one is not known; yes and no are 1 and 0. ``artefact`` is one of them where the catalogue has it.
    left_out : dict of str
        Why each other has no number.
    """
    columns = {name: labels.get(column) for name, column in NUMBERS.items()}
    columns["artefact"] = is_artefact(labels, n) if "ARTEFACT" in labels else None
    known, left_out = {}, {}
    for name, column in columns.items():
        values = np.full(n, np.nan) if column is None else np.asarray(column, float)
        finite = values[np.isfinite(values)]
        if len(finite) <= BINS:
            left_out[name] = f"known of {len(finite)} galaxies"
        elif finite.min() == finite.max():
            left_out[name] = "the same for all galaxies"
        else:
            known[name] = values
    return known, left_out


def kinds(labels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Properties that have names and no order, as numbers (n,) that stand for them: ``morphology``, NaN where it is unknown."""
    names = np.asarray(labels.get("MORPHOLOGY", []), str)
    there, codes = np.unique(names[names != ""], return_inverse=True)
    numbers = np.full(len(names), np.nan)
    numbers[names != ""] = codes
    return {"morphology": numbers} if len(there) > 1 else {}


def group_ami(groups: np.ndarray, known: dict[str, np.ndarray], seed: int) -> tuple[dict[str, float], dict[str, float]]:
    """Do groups differ in a property? Adjusted mutual information of groups (n,) with ten equally full bins of each.

    Source: Vinh et al. (2010), as in scikit-learn. A property with no more than ten values is taken as it is.

    Returns
    -------
    ami, ami_null : dicts
        0 by chance and 1 where the property makes the groups; what chance exceeds once in twenty, from shuffled galaxies.
    """
    rng = np.random.default_rng([seed, 6])
    ami, by_chance = {}, {}
    for name, values in known.items():
        rows = np.isfinite(values)
        edges = np.unique(values[rows])
        if len(edges) > BINS:
            edges = np.quantile(values[rows], np.linspace(0, 1, BINS + 1)[1:-1])
        bins = np.searchsorted(edges, values[rows])
        ami[name] = float(adjusted_mutual_info_score(groups[rows], bins))
        by_chance[name] = null(shuffled_ami(groups[rows], bins, rng))
    return ami, by_chance


def effect_sizes(groups: np.ndarray, known: dict[str, np.ndarray]) -> dict[str, list[float | None]]:
    """What sets each group apart: Cohen's d of each property between the group's galaxies and all others.

    Source: Cohen (1988), "Statistical Power Analysis for the Behavioral Sciences", section 2.2: the difference of the means in units of
    the pooled standard deviation; 0.2 is small and 0.8 large.

    Returns
    -------
    dict
        Property to one number for each group, None where fewer than two galaxies on either side have it.
    """
    return {
        name: [_cohen(values[groups == g], values[groups != g]) for g in range(groups.max() + 1)]
        for name, values in known.items()
    }


def _cohen(inside: np.ndarray, outside: np.ndarray) -> float | None:
    inside, outside = inside[np.isfinite(inside)], outside[np.isfinite(outside)]
    if min(len(inside), len(outside)) < 2:
        return None
    freedom = len(inside) + len(outside) - 2
    spread = np.sqrt(((len(inside) - 1) * inside.var(ddof=1) + (len(outside) - 1) * outside.var(ddof=1)) / freedom)
    return float((inside.mean() - outside.mean()) / spread) if spread > 0 else None


def order(points: np.ndarray, known: dict[str, np.ndarray], seed: int) -> dict[str, dict[str, float]]:
    """Does a property change smoothly along a map, or along the space itself? No galaxy is its own neighbour.

    Parameters
    ----------
    points : (n, d) array
        A map, or unit vectors.
    known : dict of (n,) arrays
        From `properties`.
    seed : int

    Returns
    -------
    dict
        By property: ``moran``, Moran's I (1950) with equal weights of ten nearest neighbours: 1 where they are alike,
        0 by chance; ``moran_null``: what shuffled values exceed once in twenty; ``r2``: coefficient of determination
        of the mean of these neighbours.
    """
    rng = np.random.default_rng([seed, 7])
    found, neighbourhoods = (
        {},
        {},
    )  # most properties are known of the same galaxies, which then have the same neighbours
    for name, values in known.items():
        rows = np.flatnonzero(np.isfinite(values))
        around = neighbourhoods.get(rows.tobytes())
        if around is None:
            k = min(NEIGHBOURS, len(rows) - 1)
            around = others(nearest(points[rows], points[rows], k + 1)[0], np.arange(len(rows)), k)
            neighbourhoods[rows.tobytes()] = around
        z = values[rows] - values[rows].mean()
        found[name] = {
            "moran": _moran(z, around),
            "moran_null": null([_moran(rng.permutation(z), around) for _ in range(PERMUTATIONS)]),
            "r2": float(r2_score(z, z[around].mean(1))),
        }
    return found


def _moran(z: np.ndarray, around: np.ndarray) -> float:
    return float((z * z[around].mean(1)).mean() / np.square(z).mean())
