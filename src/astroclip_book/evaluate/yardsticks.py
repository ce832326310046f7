"""Better than what? Scores that were easier to get, those that labels give, and where the aligned ones stand between."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score
from threadpoolctl import threadpool_limits

from astroclip_book.config import Evaluation
from astroclip_book.data.embeddings import Embeddings
from astroclip_book.evaluate.knn import Roles, answers, on_test
from astroclip_book.evaluate.metrics import r2_interval, standardise
from astroclip_book.evaluate.photoz import errors, nmad
from astroclip_book.evaluate.properties import DIRECTIONS, MAIN, with_enough

MAGNITUDES = ("MAG_G", "MAG_R", "MAG_Z")
SIZE = "HALF_LIGHT_RADIUS"
LEAVES = (8, 31)  # of a tree, to choose from; 31 is scikit-learn's default
TREES = 300  # at most
FLOOR, CEILING = "photometry_boosted", "supervised"


def photometry(catalog: dict[str, np.ndarray]) -> np.ndarray | None:
    """What an image says in a few numbers: r, g − r, r − z (mag), and log10 of the half-light radius where it is listed.

    In the mock these are the true ones, without noise: a hard yardstick. NaN where something is missing.

    Parameters
    ----------
    catalog : dict of (N,) arrays
        ``MAG_G``, ``MAG_R``, ``MAG_Z``, and maybe ``HALF_LIGHT_RADIUS`` (arcsec). Values that are not positive count as missing.

    Returns
    -------
    (N, 3) or (N, 4) array
        None if the catalogue has no magnitudes.
    """
    if not all(name in catalog for name in MAGNITUDES):
        return None
    g, r, z, *size = (
        np.where(catalog[name] > 0, catalog[name], np.nan) for name in (*MAGNITUDES, SIZE) if name in catalog
    )
    return np.stack([r, g - r, r - z, *map(np.log10, size)], axis=1)


def yardsticks(
    embeddings: Embeddings,
    features: Path,
    catalog: dict[str, np.ndarray],
    known: dict[str, np.ndarray],
    config: Evaluation,
    seed: int,
) -> tuple[dict, dict]:
    """Scores on the same split of what needs no alignment.

    ``unaligned``: nearest neighbours in the frozen features, standardised. ``photometry``: nearest neighbours in
    `photometry`, standardised; ``photometry_boosted``: gradient-boosted trees on the same numbers. Both count as ways to
    look at an image. All choices are made on validation objects.

    Parameters
    ----------
    embeddings : Embeddings
        For the split.
    features : Path
        ``features.h5``.
    catalog : dict of (N,) arrays
        Columns aligned with the embeddings' rows.
    known : dict of (N,) arrays
        What to predict, as `properties.known_properties` gives it.
    config : Evaluation
    seed : int

    Returns
    -------
    scores : dict
        ``<name>.<property>.<modality>`` with ``r2``, ``r2_ci95``, ``n``, and for nearest neighbours ``k`` and ``weighting``, and of
        redshift ``nmad``.
    predictions : dict
        ``<property>.<modality>`` of the unaligned features, (n,) of the test objects, NaN where the true value is unknown.
    """
    train = embeddings.where("train")
    scores: dict = {"unaligned": {name: {} for name in known}}
    predictions: dict = {name: {} for name in known}
    for modality in ("image", "spectrum"):
        with h5py.File(features) as file:
            x = standardise(file[modality]["clean"], train)
        for name, (score, predicted) in _by_neighbours(x, embeddings, known, config, seed).items():
            scores["unaligned"][name][modality], predictions[name][modality] = score, predicted
    x = photometry(catalog)
    if x is None:
        return scores, predictions
    # An object without photometry is not asked, and does not answer.
    seen = np.isfinite(x).all(axis=1)
    known = with_enough(embeddings, {name: np.where(seen, values, np.nan) for name, values in known.items()})
    if not known:
        return scores, predictions
    x = standardise(x, train[seen[train]])
    neighbours = {name: score for name, (score, _) in _by_neighbours(x, embeddings, known, config, seed).items()}
    with threadpool_limits(1, "openmp"):  # hundreds of short loops: threads wait for each other longer than they work
        boosted = {name: _boosted(x, y, Roles.known(embeddings, y), config, seed) for name, y in known.items()}
    for way, found in (("photometry", neighbours), (FLOOR, boosted)):
        scores[way] = {name: {"image": score} for name, score in found.items()}
    return scores, predictions


def progress_share(value: float, floor: float | None, ceiling: float | None) -> float | None:
    """How much of the way from ``floor`` to ``ceiling`` a value has come: 0 to 1, beyond where it is outside.

    None where there is no such way: one of them is missing, or the floor is not below the ceiling.
    """
    if floor is None or ceiling is None or ceiling <= floor:
        return None
    return (value - floor) / (ceiling - floor)


def standing(metrics: dict) -> dict:
    """Where redshift and stellar mass by aligned embeddings stand among all yardsticks of a run.

    Yardsticks are those of the modality that is asked: with ``cross``, of images.

    Parameters
    ----------
    metrics : dict
        `Run.metrics`: ``property`` with the scores, ``baseline`` and ``oracle`` with the yardsticks.

    Returns
    -------
    dict
        ``<property>.<direction>`` with ``r2`` and ``r2_ci95``; the R² of each of ``unaligned``, ``random``, ``pca``, ``photometry``,
        ``photometry_boosted``, ``supervised``, ``oracle``; ``share_of_way`` from boosted photometry to the supervised network, as
        `progress_share` gives it; ``of_supervised``, R² as a share of that of the supervised network. None for what is not there.
    """
    baselines = metrics.get("baseline", {})
    names = ("unaligned", "random", "pca", "photometry", FLOOR, CEILING)
    ways = {name: baselines.get(name, {}) for name in names} | {"oracle": metrics.get("oracle", {})}
    rows: dict = {}
    for name in (name for name in MAIN if name in metrics["property"]):
        rows[name] = {}
        for direction, (_, asked) in DIRECTIONS.items():
            score = metrics["property"][name][direction]
            r2 = {way: found.get(name, {}).get(asked, {}).get("r2") for way, found in ways.items()}
            rows[name][direction] = {"r2": score["r2"], "r2_ci95": score["r2_ci95"], **r2} | {
                "share_of_way": progress_share(score["r2"], r2[FLOOR], r2[CEILING]),
                "of_supervised": progress_share(score["r2"], 0, r2[CEILING]),
            }
    return rows


def _by_neighbours(
    x: np.ndarray, split: Embeddings, known: dict[str, np.ndarray], config: Evaluation, seed: int
) -> dict:
    """By property, the score and the predictions of the test objects."""
    found = {}
    for name, roles, answer in answers(x, x, split, known, config.k):
        score = r2_interval(known[name][roles.test], answer.prediction, config.bootstrap, seed)
        score |= {"k": answer.k, "weighting": answer.weighting}
        if name == "redshift":  # few large errors rule R², and none the scatter
            score["nmad"] = nmad(errors(known[name][roles.test], answer.prediction))
        found[name] = score, on_test(answer.prediction, known[name][split.where("test")])
    return {name: found[name] for name in known}


def _boosted(x: np.ndarray, y: np.ndarray, roles: Roles, config: Evaluation, seed: int) -> dict:
    """Size and number of trees are chosen on validation objects; then all but the test objects train."""

    def trees(leaves: int, n: int) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(max_leaf_nodes=leaves, max_iter=n, early_stopping=False, random_state=seed)

    choices = {}
    for leaves in LEAVES:
        stages = trees(leaves, TREES).fit(x[roles.train], y[roles.train]).staged_predict(x[roles.validation])
        choices |= {(leaves, n): r2_score(y[roles.validation], told) for n, told in enumerate(stages, start=1)}
    best = trees(*max(choices, key=choices.get)).fit(x[roles.gallery], y[roles.gallery])
    return r2_interval(y[roles.test], best.predict(x[roles.test]), config.bootstrap, seed)
