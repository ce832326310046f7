"""k-NN regression: the mean over neighbours, with k and weights chosen on validation objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from sklearn.metrics import r2_score

from astroclip_book.errors import BookError
from astroclip_book.evaluate.search import nearest

CANDIDATES = (
    4,
    8,
    16,
    32,
    64,
    128,
    256,
)  # numbers of neighbours to choose from; the mean of 512 is worse in the laptop preset
PART = 2**25  # numbers of a gallery, 128 MiB, that are searched at a time
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


def by_roles(split, known: dict[str, np.ndarray]) -> list[tuple[Roles, list[str]]]:
    """Names of what is known of the same objects, with the roles of these: such values can share a `Neighbourhood`.

    Parameters
    ----------
    split
        As `Roles.known` takes it.
    known : dict of (N,) arrays
        NaN where unknown.
    """
    names: dict[bytes, list[str]] = {}
    for name, values in known.items():
        names.setdefault(np.isfinite(values).tobytes(), []).append(name)
    return [(Roles.known(split, known[group[0]]), group) for group in names.values()]


def on_test(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What was said of the test objects whose true value is known, on all of them (n,): NaN where it is unknown."""
    full = np.full(len(truth), np.nan, np.float32)
    full[np.isfinite(truth)] = values
    return full


def knn_predict(
    train_x: np.ndarray,
    train_y: np.ndarray,
    query_x: np.ndarray,
    k: int,
    weighting: Weights = "distance",
) -> np.ndarray:
    """Mean of the k nearest training objects' values.

    On unit vectors the order of Euclidean distance is that of the cosine.

    Parameters
    ----------
    train_x : (n, d) array
    train_y : (n,) array
    query_x : (m, d) array
        Other objects than those of training: nothing here leaves out an object's own entry.
    k : int
    weighting : str
        ``distance`` for weights by inverse Euclidean distance, or ``uniform``.

    Returns
    -------
    (m,) array

    Raises
    ------
    BookError
        If k is not between 1 and the number of training objects, or a training value is not finite.
    """
    _check(k, len(train_x))
    index, distance = nearest(query_x, train_x, k)
    return _answer(_known(train_y)[index], distance, k, weighting).prediction


def r2(truth: np.ndarray, answer: Answer) -> float:
    """Coefficient of determination of an answer's predictions: what k and weights are chosen by, unless told otherwise."""
    return r2_score(truth, answer.prediction)


class Neighbourhood:
    """Neighbours of validation and test objects, searched once for all numbers of them and all that is known of them.

    Training objects answer validation objects, on which k and weights are chosen; training and validation objects answer
    test objects.

    Parameters
    ----------
    gallery_x, query_x : (N, d) arrays
        What answers and what is asked, all rows of both; the same array, or two modalities of one space.
    roles : Roles
    most : int
        The largest k that will be asked for.
    together : bool
        Whether the processes of torchrun share the searches, as `search.nearest` says: all must then ask the same.
    """

    def __init__(
        self,
        gallery_x: np.ndarray,
        query_x: np.ndarray,
        roles: Roles,
        most: int = max(CANDIDATES),
        together: bool = False,
    ):
        self.gallery_x, self.query_x, self.roles, self.most, self.together = gallery_x, query_x, roles, most, together

    def choose(
        self,
        y: np.ndarray,
        k: int | None = None,
        merit: Callable[[np.ndarray, Answer], float] = r2,
    ) -> tuple[int, Weights]:
        """The number of neighbours, out of `CANDIDATES`, and the weights of most merit for validation objects.

        Parameters
        ----------
        y : (N,) array
            Finite in all rows with a role.
        k : int, optional
            Taken as it is, with weights by distance; nothing is chosen then.
        merit : callable
            True values and the answer of the same objects to a number, the larger the better.
        """
        if k is not None:
            return k, "distance"
        index, distance = self._validation
        return _best(_known(y[self.roles.train])[index], distance, y[self.roles.validation], merit)

    def answer(self, y: np.ndarray, k: int, weighting: Weights = "distance") -> Answer:
        """What k neighbours say of the test objects.

        Raises
        ------
        BookError
            If k is not between 1 and the number of objects that answer, or a value is not finite.
        """
        _check(k, min(self.most, len(self.roles.gallery)))
        index, distance = self._test
        return _answer(_known(y[self.roles.gallery])[index[:, :k]], distance[:, :k], k, weighting)

    @cached_property
    def _validation(self) -> tuple[np.ndarray, np.ndarray]:
        return self._search(self.roles.validation, self.roles.train)

    @cached_property
    def _test(self) -> tuple[np.ndarray, np.ndarray]:
        return self._search(self.roles.test, self.roles.gallery)

    def _search(self, asked: np.ndarray, answering: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Neighbours among a part of those that answer after the other: copies of a part fit where one of all would not."""
        most, query = min(self.most, len(answering)), self.query_x[asked]
        index, distance = np.empty((len(asked), 0), np.int64), np.empty((len(asked), 0), np.float32)
        size = max(most, PART // query.shape[1])
        for start in range(0, len(answering), size):
            rows = answering[start : start + size]
            found, far = nearest(query, self.gallery_x[rows], min(most, len(rows)), self.together)
            index, distance = np.hstack([index, found + start]), np.hstack([distance, far])
            best = distance.argsort(1, kind="stable")[:, :most]
            index, distance = (np.take_along_axis(values, best, 1) for values in (index, distance))
        return index, distance


def answers(
    gallery_x: np.ndarray,
    query_x: np.ndarray,
    split,
    known: dict[str, np.ndarray],
    k: int | None = None,
    together: bool = False,
) -> Iterator[tuple[str, Roles, Answer]]:
    """k-NN regression of the test objects, by weights and a k that were chosen on the validation objects.

    Values that are known of the same objects share a search.

    Parameters
    ----------
    gallery_x, query_x : (N, d) arrays
        As `Neighbourhood` takes them.
    split
        As `Roles.known` takes it.
    known : dict of (N,) arrays
        NaN where unknown: such objects neither answer nor are asked.
    k : int, optional
        Taken as it is, with weights by distance; nothing is chosen then.
    together : bool
        As `Neighbourhood` takes it.

    Yields
    ------
    name, roles, answer
        Of all that is known: the roles that objects have, and what is said of the test objects among them.

    Raises
    ------
    BookError
        If k is not between 1 and the number of objects that answer.
    """
    for roles, names in by_roles(split, known):
        near = Neighbourhood(gallery_x, query_x, roles, k or max(CANDIDATES), together)
        for name in names:
            yield name, roles, near.answer(known[name], *near.choose(known[name], k))


def _best(values: np.ndarray, distance: np.ndarray, truth: np.ndarray, merit: Callable) -> tuple[int, Weights]:
    candidates = [k for k in CANDIDATES if k <= values.shape[1]] or [values.shape[1]]
    merits = {
        (k, weighting): merit(truth, _answer(values[:, :k], distance[:, :k], k, weighting))
        for k in candidates
        for weighting in ("distance", "uniform")
    }
    return max(merits, key=merits.get)


def _known(y: np.ndarray) -> np.ndarray:
    if not np.isfinite(y).all():
        raise BookError(f"{np.sum(~np.isfinite(y))} of {len(y)} training values are not finite: leave them out.")
    return y


def _check(k: int, most: int) -> None:
    if not 1 <= k <= most:
        raise BookError(
            f"k = {k} neighbours asked of {most} training objects: choose k between 1 and {most}, or use more pairs."
        )


def _answer(values: np.ndarray, distance: np.ndarray, k: int, weighting: Weights) -> Answer:
    if weighting == "distance":
        same = distance == 0
        # Objects that coincide with some neighbours ask these alone.
        weights = np.where(same.any(1, keepdims=True), same, 1 / np.where(same, 1, distance))
    else:
        weights = np.ones_like(distance)
    weights = weights / weights.sum(1, keepdims=True)
    return Answer((weights * values).sum(1), values, weights, k, weighting)
