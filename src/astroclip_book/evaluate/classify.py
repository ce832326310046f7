"""Kinds of galaxies and of spoilt images, told from embeddings by what some labels say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, roc_curve
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from astroclip_book.config import Evaluation
from astroclip_book.data.embeddings import Embeddings
from astroclip_book.evaluate.knn import Roles
from astroclip_book.evaluate.metrics import ranking, standardise, with_interval
from astroclip_book.evaluate.properties import DIRECTIONS

FOLDS = 3
FEWEST = 5  # members of a class among those that train and those that are tested, or it is left out
NEIGHBOURS = (4, 16, 64)
STRENGTHS = (1e-4, 1e-3, 1e-2, 0.1, 1.0)  # inverse penalties of the logistic regression, on standardised vectors
WAYS = ("image", "spectrum", "cross")  # of `properties.DIRECTIONS`
Criterion = Callable[[np.ndarray, np.ndarray], float]  # codes (n,) and scores (n, C) to a number, the larger the better


def vote(x: np.ndarray, y: np.ndarray, asked: np.ndarray, k: int) -> np.ndarray:
    """Shares (m, C) of the k nearest, weighted by inverse distance, that are of each class."""
    return KNeighborsClassifier(k, weights="distance", algorithm="brute").fit(x, y).predict_proba(asked)


def logistic(x: np.ndarray, y: np.ndarray, asked: np.ndarray, strength: float) -> np.ndarray:
    """Probabilities (m, C) by a logistic regression that counts all classes alike, however few their members."""
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000, tol=1e-3)
    return model.fit(x, y).predict_proba(asked)


def distance(x: np.ndarray, y: np.ndarray, asked: np.ndarray, k: int) -> np.ndarray:
    """Minus and plus the distance to the k-th nearest, (m, 2): the odd ones are far from all others. Sees no label."""
    far = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors(asked)[0][:, -1]
    return np.stack([-far, far], axis=1)


# How to answer, and what is chosen on objects held out: a number of neighbours or a strength.
METHODS = {"neighbours": (vote, NEIGHBOURS), "logistic": (logistic, STRENGTHS), "distance": (distance, NEIGHBOURS)}


def answer(
    method: str,
    fitted: np.ndarray,
    asked: np.ndarray,
    y: np.ndarray,
    roles: Roles,
    criterion: Criterion,
    folds: list[tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, float, dict]:
    """Scores of the test objects for each class, by what was best on objects held out.

    Training and validation objects answer the test objects.

    Parameters
    ----------
    method : str
        Of `METHODS`.
    fitted, asked : (N, d) arrays
        What is fitted and what is asked, all rows of both.
    y : (N,) int array
        Codes from 0 in all rows with a role; each has training objects.
    roles : Roles
    criterion : callable
    folds : list of pairs of int arrays
        Rows that answer and rows held out, while the choice is made.

    Returns
    -------
    scores : (m, C) array
    validation : float
        The criterion on objects held out, the mean over the folds.
    chosen : dict
        ``k`` or ``strength``.
    """
    tell, candidates = METHODS[method]
    name = "strength" if method == "logistic" else "k"
    if name == "k":
        candidates = [k for k in candidates if k <= min(len(rows) for rows, _ in folds)]
    merits = {
        candidate: np.mean(
            [
                criterion(y[held_out], tell(fitted[rows], y[rows], asked[held_out], candidate))
                for rows, held_out in folds
            ]
        )
        for candidate in candidates
    }
    best = max(merits, key=merits.get)
    scores = tell(fitted[roles.gallery], y[roles.gallery], asked[roles.test], best)
    return scores, float(merits[best]), {name: best}


def recalls(truth: np.ndarray, told: np.ndarray, n_classes: int) -> dict[str, float]:
    """Share of all that are told right, and the mean of this over the classes that are there."""
    members = np.bincount(truth, minlength=n_classes)
    right = np.bincount(truth[truth == told], minlength=n_classes)
    there = members > 0
    return {"accuracy": right.sum() / len(truth), "balanced_accuracy": (right[there] / members[there]).mean()}


def morphology(
    embeddings: Embeddings, catalog: dict[str, np.ndarray], config: Evaluation, seed: int
) -> tuple[dict, dict]:
    """Morphology, and whether there are spiral arms, from images, from spectra, and across.

    Parameters
    ----------
    embeddings : Embeddings
    catalog : dict of (N,) arrays
        ``MORPHOLOGY``, "" where unknown, and perhaps ``SPIRAL``.
    config : Evaluation
    seed : int

    Returns
    -------
    metrics : dict
        ``classes``; ``left_out``, class to the number of its members where these are too few; ``n_unknown``;
        ``majority``, what saying the commonest class gives. For each of `WAYS` and ``neighbours`` and ``logistic``:
        ``accuracy``, ``balanced_accuracy`` with intervals, ``n``, ``recall`` by class, and what was chosen. ``spiral``
        has the same ways and methods with ``auc`` and ``average_precision``, intervals, ``n`` and ``wanted``. Empty
        without a class to tell from another.
    arrays : dict
        ``confusion/<way>/<method>`` (C, C) int: row for the true class, column for the one told.
    """
    names = catalog.get("MORPHOLOGY", np.full(len(embeddings.split), ""))
    kinds = [kind for kind in np.unique(names) if kind]
    few = {kind: int((names == kind).sum()) for kind in kinds if _too_few(embeddings, names == kind)}
    classes = [str(kind) for kind in kinds if kind not in few]
    if len(classes) < 2:
        return {}, {}
    y = np.array([classes.index(name) if name in classes else -1 for name in names])
    roles = _roles(embeddings, y >= 0)
    truth = y[roles.test]
    commonest = np.full(len(truth), np.bincount(y[roles.gallery]).argmax())
    metrics: dict = {"classes": classes, "left_out": few, "n_unknown": int((names == "").sum())}
    metrics["majority"] = {name: float(value) for name, value in recalls(truth, commonest, len(classes)).items()}
    arrays = {}

    def balanced(truth: np.ndarray, scores: np.ndarray) -> float:
        return recalls(truth, scores.argmax(1), len(classes))["balanced_accuracy"]

    for way, method, scores, chosen in _ways(embeddings, y, roles, balanced):
        told = scores.argmax(1)
        matrix = confusion_matrix(truth, told, labels=range(len(classes)))
        score = with_interval(lambda *pair: recalls(*pair, len(classes)), (truth, told), config.bootstrap, seed)
        recall = dict(zip(classes, (matrix.diagonal() / matrix.sum(1)).tolist(), strict=True))
        metrics.setdefault(way, {})[method] = score | {"recall": recall} | chosen
        arrays[f"confusion/{way}/{method}"] = matrix
    spiral, listed = np.asarray(catalog.get("SPIRAL", np.zeros(len(names))), bool), names != ""
    if not (_too_few(embeddings, spiral & listed) or _too_few(embeddings, ~spiral & listed)):
        metrics["spiral"] = _spiral(embeddings, spiral.astype(int), _roles(embeddings, listed), config, seed)
    return metrics, arrays


def _spiral(embeddings: Embeddings, y: np.ndarray, roles: Roles, config: Evaluation, seed: int) -> dict:
    found: dict = {}
    for way, method, scores, chosen in _ways(embeddings, y, roles, _auc):
        found.setdefault(way, {})[method] = _ranked(y[roles.test], scores[:, 1], config, seed) | chosen
    return found


def artefacts(
    embeddings: Embeddings, features: Path, catalog: dict[str, np.ndarray], config: Evaluation, seed: int
) -> tuple[dict, dict]:
    """Spoilt images, found by what images look like in the shared space and before alignment.

    A spectrum knows nothing of a defect in the image, so alignment has no reason to keep what the encoder knew of it.

    Parameters
    ----------
    embeddings : Embeddings
    features : Path
        ``features.h5``.
    catalog : dict of (N,) arrays
        ``ARTEFACT``, "none" for a clean image.
    config : Evaluation
    seed : int

    Returns
    -------
    metrics : dict
        ``count``, artefacts by split. With enough of them, for the spaces ``aligned`` and ``unaligned`` and all
        `METHODS`: ``auc`` and ``average_precision`` with intervals, ``n``, ``wanted``, ``validation_auc`` and what was
        chosen; ``best``, the method of each space with the largest AUC on objects held out, and ``best_space``;
        ``kinds``, what the best method of each space gives for each kind of artefact against clean images;
        ``left_out``, kinds with too few members to their number in the test split. Empty without the column.
    arrays : dict
        ``roc/<space>/<method>/{false,true}``: rates along the curve.
    """
    if "ARTEFACT" not in catalog:
        return {}, {}
    spoilt = ~np.isin(catalog["ARTEFACT"], ["none", ""])
    count = {split: int(spoilt[embeddings.where(split)].sum()) for split in ("train", "validation", "test")}
    if _too_few(embeddings, spoilt) or _too_few(embeddings, ~spoilt):
        return {"count": count}, {}
    y, roles = spoilt.astype(int), _roles(embeddings, catalog["ARTEFACT"] != "")
    with h5py.File(features) as file:
        frozen = file["image"]["clean"][:].astype(np.float32)
    # The validation objects hold too few to choose by: all but the test objects are held out in turn.
    parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(roles.gallery, y[roles.gallery])
    folds = [tuple(roles.gallery[rows] for rows in part) for part in parts]
    metrics: dict = {"count": count, "best": {}, "kinds": {}}
    kind = catalog["ARTEFACT"][roles.test]
    kinds, numbers = np.unique(kind[y[roles.test] == 1], return_counts=True)
    members = dict(zip(map(str, kinds), numbers.tolist(), strict=True))
    metrics["left_out"] = {name: n for name, n in members.items() if n < FEWEST}
    arrays = {}
    for space, vectors in (("aligned", embeddings.image), ("unaligned", frozen)):
        x = standardise(vectors, roles.gallery)
        scores = {}
        for method in METHODS:
            told, validation, chosen = answer(method, x, x, y, roles, _auc, folds)
            scores[method] = told[:, 1]
            ranked = _ranked(y[roles.test], told[:, 1], config, seed)
            metrics.setdefault(space, {})[method] = ranked | {"validation_auc": validation} | chosen
            false, true, _ = roc_curve(y[roles.test], told[:, 1])
            arrays |= {f"roc/{space}/{method}/false": false, f"roc/{space}/{method}/true": true}
        best = max(scores, key=lambda method: metrics[space][method]["validation_auc"])
        metrics["best"][space] = best
        metrics["kinds"][space] = {}
        for name in (name for name, n in members.items() if n >= FEWEST):
            rows = np.isin(kind, [name, "none"])
            metrics["kinds"][space][name] = _ranked(y[roles.test][rows], scores[best][rows], config, seed)
    validation = {space: metrics[space][method]["validation_auc"] for space, method in metrics["best"].items()}
    metrics["best_space"] = max(validation, key=validation.get)
    return metrics, arrays


def _ways(embeddings: Embeddings, y: np.ndarray, roles: Roles, criterion: Criterion):
    """Way, method, scores of the test objects and what was chosen, by all ways with labels."""
    x = {name: standardise(getattr(embeddings, name), roles.gallery) for name in ("image", "spectrum")}
    for way in WAYS:
        fitted, asked = DIRECTIONS[way]
        for method in ("neighbours", "logistic"):
            folds = [(roles.train, roles.validation)]
            scores, _, chosen = answer(method, x[fitted], x[asked], y, roles, criterion, folds)
            yield way, method, scores, chosen


def _roles(embeddings: Embeddings, known: np.ndarray) -> Roles:
    return Roles.known(embeddings, np.where(known, 0.0, np.nan))


def _too_few(embeddings: Embeddings, members: np.ndarray) -> bool:
    return min(members[embeddings.where(split)].sum() for split in ("train", "test")) < FEWEST


def _auc(truth: np.ndarray, scores: np.ndarray) -> float:
    return ranking(truth, scores[:, 1])["auc"]


def _ranked(truth: np.ndarray, score: np.ndarray, config: Evaluation, seed: int) -> dict:
    return with_interval(ranking, (truth, score), config.bootstrap, seed) | {"wanted": int(truth.sum())}
