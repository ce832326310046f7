"""k-NN regression: the mean over neighbours, with k and weights chosen on validation objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.metrics import r2_score

from astroclip_book.errors import BookError
from astroclip_book.search import nearest

CANDIDATES = (4, 8, 16, 32, 64, 128)  # numbers of neighbours to choose from
Weights = Literal["distance", "uniform"]


@dataclass(frozen=True)
class Answer:
    """What neighbours say of each object asked.

    Attributes
    ----------
    prediction : (m,) array
        Weighted mean of the neighbours' values.
    values, weights : (m, k) arrays
        Of the neighbours, nearest first; the weights of an object add up to 1.
    k : int
    weighting : str
        ``distance`` (inverse Euclidean distance) or ``uniform``.
    """

    prediction: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    k: int
    weighting: Weights


@dataclass(frozen=True)
class Roles:
    """Which rows answer while k is chosen, which are asked then, and which are asked in the end, by all others."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @classmethod
    def known(cls, split, values: np.ndarray) -> Roles:
        """The splits' rows whose value is known; ``split`` has ``where(name)``, as `Index` and `Embeddings` do."""
        return cls(*(rows[np.isfinite(values[rows])] for rows in map(split.where, ("train", "validation", "test"))))

    @property
    def gallery(self) -> np.ndarray:
        """Rows that answer the test objects."""
        return np.concatenate([self.train, self.validation])


def knn_predict(train_x: np.ndarray, train_y: np.ndarray, query_x: np.ndarray, k: int, weighting: Weights = "distance",
                ) -> np.ndarray:
    """Mean of the k nearest training objects' values.

    On unit vectors the order of Euclidean distance is that of the cosine.

    Parameters
    ----------
    train_x : (n, d), train_y : (n,), query_x : (m, d) arrays
        Training and query objects are different ones: nothing here leaves out an object's own entry.
    k : int
    weighting : str
        ``distance`` for weights by inverse Euclidean distance, or ``uniform``.

    Returns
    -------
    (m,) array

    Raises
    ------
    BookError
        If k exceeds the number of training objects, or a training value is not finite.
    """
    return _answer(*_neighbours(train_x, train_y, query_x, k), k, weighting).prediction


def ask(gallery_x: np.ndarray, query_x: np.ndarray, y: np.ndarray, roles: Roles, k: int | None = None) -> Answer:
    """k-NN regression of the test objects, by weights and a k that were chosen on the validation objects.

    For the choice, training objects answer for validation objects; for the result, training and validation objects
    answer for test objects.

    Parameters
    ----------
    gallery_x, query_x : (N, d) arrays
        What answers and what is asked, all rows of both; the same array, or two modalities of one space.
    y : (N,) array
        Finite in all rows with a role.
    roles : Roles
    k : int, optional
        Taken as it is, with weights by distance; nothing is chosen then.

    Raises
    ------
    BookError
        If k exceeds the number of objects that answer, or a value is not finite.
    """
    k, weighting = choose(
        gallery_x[roles.train], y[roles.train], query_x[roles.validation], y[roles.validation], k
    )
    found = _neighbours(gallery_x[roles.gallery], y[roles.gallery], query_x[roles.test], k)
    return _answer(*found, k, weighting)


def choose(train_x: np.ndarray, train_y: np.ndarray, validation_x: np.ndarray, validation_y: np.ndarray,
           k: int | None = None) -> tuple[int, Weights]:
    """The number of neighbours, out of `CANDIDATES`, and the weights with the largest R² on validation objects.

    A ``k`` that is given is taken as it is, with weights by distance.
    """
    if k is not None:
        return k, "distance"
    candidates = [k for k in CANDIDATES if k <= len(train_x)] or [len(train_x)]
    values, distance = _neighbours(train_x, train_y, validation_x, max(candidates))
    scores = {
        (k, weighting): r2_score(validation_y, _answer(values[:, :k], distance[:, :k], k, weighting).prediction)
        for k in candidates for weighting in ("distance", "uniform")
    }
    return max(scores, key=scores.get)


def _neighbours(train_x: np.ndarray, train_y: np.ndarray, query_x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and distances (m, k) of the nearest."""
    if k > len(train_x):
        raise BookError(f"k = {k} neighbours asked of {len(train_x)} training objects: lower k or use more pairs.")
    if not np.isfinite(train_y).all():
        raise BookError(f"{np.sum(~np.isfinite(train_y))} of {len(train_y)} training values are not finite: leave them out.")
    index, distance = nearest(query_x, train_x, k)
    return train_y[index], distance


def _answer(values: np.ndarray, distance: np.ndarray, k: int, weighting: Weights) -> Answer:
    if weighting == "distance":
        same = distance == 0
        # Objects that coincide with some neighbours ask these alone.
        weights = np.where(same.any(1, keepdims=True), same, 1 / np.where(same, 1, distance))
    else:
        weights = np.ones_like(distance)
    weights = weights / weights.sum(1, keepdims=True)
    return Answer((weights * values).sum(1), values, weights, k, weighting)
