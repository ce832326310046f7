"""k-NN regression: the mean over neighbours, with k and weights chosen on validation objects."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, Self

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from astroclip_book.errors import BookError
from astroclip_book.evaluate.metrics import r2
from astroclip_book.evaluate.search import nearest

CANDIDATES = (4, 8, 16, 32, 64, 128, 256)  # numbers of neighbours to choose from
Weighting = Literal["distance", "uniform"]


class Answer(NamedTuple):
    """What k neighbours say of m objects: the mean, the values that it is of, and their weights, which add up to 1."""

    prediction: np.ndarray  # (m,)
    values: np.ndarray  # (m, k), of the nearest first
    weights: np.ndarray  # (m, k)
    k: int
    weighting: Weighting


class Roles(NamedTuple):
    """Rows that answer while k is chosen, rows that are asked then, and rows that are asked in the end, by all others."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @classmethod
    def known(cls, split, values: np.ndarray) -> Self:
        """The splits' rows whose value (N,) is known; ``split`` has ``where(name)``, as `Index` and `Embeddings` do."""
        rows = [split.where(name) for name in ("train", "validation", "test")]
        return cls(*(some[np.isfinite(values[some])] for some in rows))

    @property
    def gallery(self) -> np.ndarray:
        """Rows that answer the test objects."""
        return np.concatenate([self.train, self.validation])


class Neighbours:
    """For the rows ``asked`` of some vectors (N, d), the nearest among the rows ``answering`` of others (N, d).

    They are searched once, for any k up to ``most`` and for all values (N,) that are known of these rows. BookError unless
    there are objects to answer.
    """

    def __init__(self, gallery_x, answering, query_x, asked, most: int = max(CANDIDATES)):
        found, self.distance = nearest(query_x[asked], gallery_x[answering], min(most, len(answering)))
        self.asked, self.rows = asked, answering[found]

    def answer(self, y: np.ndarray, k: int, weighting: Weighting = "distance") -> Answer:
        """What k neighbours say; BookError unless k is from 1 to as many as there are."""
        most = self.rows.shape[1]
        if not 1 <= k <= most:
            raise BookError(f"k = {k} neighbours asked of {most}: choose k between 1 and {most}, or use more pairs.")
        return _answer(y[self.rows[:, :k]], self.distance[:, :k], k, weighting)

    def choose(self, y: np.ndarray, merit: Callable | None = None) -> tuple[int, Weighting]:
        """The k of `CANDIDATES` and the weighting of largest R², or ``merit(truth, answer)``, for the rows asked."""
        most, truth, merits = self.rows.shape[1], y[self.asked], {}
        for k in [k for k in CANDIDATES if k <= most] or [most]:
            for weighting in ("distance", "uniform"):
                answer = self.answer(y, k, weighting)
                merits[k, weighting] = merit(truth, answer) if merit else r2(truth, answer.prediction)["r2"]
        return max(merits, key=merits.get)


def knn_predict(gallery, values, queries, k: int, weighting: Weighting = "distance") -> np.ndarray:
    """Mean (m,) of the values (n,) of the k nearest to each query (m, d) in a gallery (n, d) of other objects.

    ``weighting`` is by inverse ``distance`` or ``uniform``. BookError unless k is from 1 to n.
    """
    near = Neighbours(gallery, np.arange(len(gallery)), queries, np.arange(len(queries)), k)
    return near.answer(values, k, weighting).prediction


def answers(
    gallery_x: np.ndarray,
    query_x: np.ndarray,
    split,
    known: dict[str, np.ndarray],
    k: int | None = None,
    merit: Callable | None = None,
) -> Iterator[tuple[str, Roles, Answer]]:
    """k-NN regression of the test objects for each of some values (N,), NaN where unknown: name, roles and answer.

    k and weights are chosen on the validation objects, by `Neighbours.choose`, or k is given and the weights are by distance.
    ``split`` is as for `Roles.known`.
    """
    searched = {}  # values that are known of the same objects share a search
    for name, y in known.items():
        roles, same = Roles.known(split, y), np.isfinite(y).tobytes()
        if same not in searched:
            test = Neighbours(gallery_x, roles.gallery, query_x, roles.test, k or max(CANDIDATES))
            validation = None if k else Neighbours(gallery_x, roles.train, query_x, roles.validation)
            searched[same] = test, validation
        test, validation = searched[same]
        chosen_k, weighting = (k, "distance") if k else validation.choose(y, merit)
        yield name, roles, test.answer(y, chosen_k, weighting)


def shift_weights(x: np.ndarray, labelled: np.ndarray, unlabelled: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (n,) by which n labelled rows of vectors (N, d) stand for unlabelled ones, and the AUC of telling both kinds apart.

    A weight is the odds of being unlabelled, by a logistic regression that was fitted without this object (Bickel et al. 2009, JMLR
    10, 2137). An AUC of 0.5 means that both are distributed alike; near 1, they hardly overlap, and no weights can mend that.
    """
    rows = np.concatenate([labelled, unlabelled])
    kind = np.arange(len(rows)) >= len(labelled)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    log_odds = cross_val_predict(model, x[rows], kind, method="decision_function")
    return np.exp(log_odds[: len(labelled)]), float(roc_auc_score(kind, log_odds))


def on_test(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What was said of the test objects whose true value is known, on all of them (n,): NaN where it is unknown."""
    full = np.full(len(truth), np.nan, np.float32)
    full[np.isfinite(truth)] = values
    return full


def _answer(values: np.ndarray, distance: np.ndarray, k: int, weighting: Weighting) -> Answer:
    weights = np.ones_like(distance)
    if weighting == "distance":
        same = distance == 0  # objects that coincide with some neighbours ask these alone
        weights = np.where(same.any(1, keepdims=True), same, 1 / np.where(same, 1, distance))
    weights = weights / weights.sum(1, keepdims=True)
    return Answer((weights * values).sum(1), values, weights, k, weighting)
