"""What a few labels give on top of frozen vectors: neighbours, a linear probe and a small network beside each other."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from astroclip_book.config import Evaluation
from astroclip_book.data.embeddings import Embeddings
from astroclip_book.evaluate.knn import CANDIDATES, Neighbours, Roles, knn_predict
from astroclip_book.evaluate.metrics import r2_interval, standardise
from astroclip_book.evaluate.yardsticks import photometry

PENALTIES = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5)  # of the linear probe, on standardised vectors
SIZES = (10, 30, 100, 300, 1000, 10_000)  # numbers of labels, and after them all that there are
FOLDS = 5
SMALL = 100  # up to this many labels each fifth is held out in turn; beyond, one fifth tells enough
DRAWS, DRAWS_OF_MANY = 5, 3  # sets of labels of each size, up to `SMALL` and beyond
WORTH_A_NETWORK = 100  # labels


@dataclass(frozen=True)
class Labels:
    """Objects whose label is given, and how they are parted where something has to be chosen.

    Attributes
    ----------
    rows : (n,) int array
    folds : list of (fitted, held out) int arrays
        Of ``rows``: a choice looks at nothing else.
    """

    rows: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray]]

    @classmethod
    def first(cls, order: np.ndarray, n: int) -> Labels:
        """The first n rows of an order: larger sets contain smaller ones. Choices are made on fifths held out."""
        rows = order[:n]
        held_out = [rows[start::FOLDS] for start in range(FOLDS if n <= SMALL else 1)]
        return cls(rows, [(np.setdiff1d(rows, part), part) for part in held_out])

    @classmethod
    def all(cls, roles: Roles) -> Labels:
        """Training and validation objects; choices are made on the latter."""
        return cls(roles.gallery, [(roles.train, roles.validation)])


@dataclass(frozen=True)
class Space:
    """Vectors (N, d) that are fitted, and by the name of each way to ask those (N, d) that are asked."""

    fitted: np.ndarray
    asked: dict[str, np.ndarray]


# Way to what is found for each property: the values (m,) predicted, and what was chosen.
Found = dict[str, list[tuple[np.ndarray, dict]]]


def neighbours(space: Space, y: np.ndarray, labels: Labels, test: np.ndarray, seed: int) -> Found:
    """k-NN regression: k, and with more than `SMALL` labels the weights too, are chosen on labels held out.

    Parameters
    ----------
    space : Space
    y : (N, p) array
        Values of p properties, finite where labelled.
    labels : Labels
    test : (m,) int array
        Rows to predict.
    seed : int
        Taken by every method, used by those that draw.
    """

    def searched_once(asked: np.ndarray) -> list[tuple[np.ndarray, dict]]:
        validation = Neighbours(space.fitted, labels.folds[0][0], asked, labels.folds[0][1])
        tested = Neighbours(space.fitted, labels.rows, asked, test)
        answers = [tested.answer(values, *validation.choose(values)) for values in y.T]
        return [(answer.prediction, {"k": answer.k, "weighting": answer.weighting}) for answer in answers]

    def fold_by_fold(asked: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, dict]:
        held_out = np.concatenate([part for _, part in labels.folds])
        most = min(len(rows) for rows, _ in labels.folds)

        def r2(k: int) -> float:
            told = [knn_predict(space.fitted[rows], values[rows], asked[part], k) for rows, part in labels.folds]
            return r2_score(values[held_out], np.concatenate(told))

        k = max([k for k in CANDIDATES if k <= most] or [most], key=r2)
        told = knn_predict(space.fitted[labels.rows], values[labels.rows], asked[test], k)
        return told, {"k": k, "weighting": "distance"}

    if len(labels.folds) == 1:
        return {way: searched_once(asked) for way, asked in space.asked.items()}
    return {way: [fold_by_fold(asked, values) for values in y.T] for way, asked in space.asked.items()}


def linear(space: Space, y: np.ndarray, labels: Labels, test: np.ndarray, seed: int) -> Found:
    """Ridge regression, its penalty chosen on labels held out; parameters as in `neighbours`."""

    def predict(rows: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Values (m, penalties, p) by all penalties at once, which takes hardly longer than by one."""
        columns = np.tile(y[rows], len(PENALTIES))
        told = Ridge(np.repeat(PENALTIES, y.shape[1]), copy_X=False).fit(space.fitted[rows], columns).predict(x)
        return told.reshape(len(x), len(PENALTIES), y.shape[1])

    held_out = np.concatenate([part for _, part in labels.folds])
    found = {}
    for way, asked in space.asked.items():
        tried = np.concatenate([predict(rows, asked[part]) for rows, part in labels.folds])
        told = predict(labels.rows, asked[test])
        found[way] = []
        for j in range(y.shape[1]):
            r2 = [r2_score(y[held_out, j], tried[:, i, j]) for i in range(len(PENALTIES))]
            best = int(np.argmax(r2))
            found[way].append((told[:, best, j], {"penalty": PENALTIES[best]}))
    return found


def perceptron(space: Space, y: np.ndarray, labels: Labels, test: np.ndarray, seed: int) -> Found:
    """One hidden layer of 64; a tenth of the labels, drawn by seed, says when to stop. Parameters as in `neighbours`.

    One network predicts all properties, and all ways of a space ask it: it stops where the vectors that it was fitted
    to are predicted best.
    """
    network = MLPRegressor(
        hidden_layer_sizes=(64,),
        alpha=1.0,
        learning_rate_init=3e-3,
        random_state=seed,
        early_stopping=True,
        n_iter_no_change=15,
        max_iter=100,
        batch_size=int(np.clip(len(labels.rows) // 30, 16, 256)),
    )
    model = TransformedTargetRegressor(network, transformer=StandardScaler())
    values = y[labels.rows] if y.shape[1] > 1 else y[labels.rows, 0]  # a single column would be complained of
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the best epoch is kept, be it the last
        model.fit(space.fitted[labels.rows], values)
    epochs = {"epochs": model.regressor_.n_iter_}
    predicted = {way: model.predict(asked[test]).reshape(len(test), -1) for way, asked in space.asked.items()}
    return {way: [(column, epochs) for column in found.T] for way, found in predicted.items()}


METHODS = {"neighbours": neighbours, "linear": linear, "perceptron": perceptron}
Groups = list[tuple[tuple[str, ...], Space]]  # names of `METHODS`, and what they get


def probe_spaces(embeddings: Embeddings, features: Path, catalog: dict[str, np.ndarray]) -> Groups:
    """What is asked by which methods: aligned embeddings, and as yardsticks frozen features and photometry.

    Neighbours are sought among embeddings as they are. For the other methods each modality is standardised by its own
    training and validation objects, which narrows the gap between the two when one is fitted and the other asked.

    Parameters
    ----------
    embeddings : Embeddings
    features : Path
        ``features.h5``.
    catalog : dict of (N,) arrays
        Columns aligned with the embeddings' rows, for `yardsticks.photometry`.
    """
    fit = embeddings.where("train", "validation")
    raw = {"image": embeddings.image, "spectrum": embeddings.spectrum}
    scaled = {name: standardise(x, fit) for name, x in raw.items()}
    groups = []
    for methods, x in ((("neighbours",), raw), (("linear", "perceptron"), scaled)):
        groups += [
            (methods, Space(x["image"], {"image": x["image"]})),
            (methods, Space(x["spectrum"], {"spectrum": x["spectrum"], "cross": x["image"]})),
        ]
    with h5py.File(features) as file:
        for name in raw:
            x = standardise(file[name]["clean"], fit)
            groups.append((("linear",), Space(x, {f"unaligned_{name}": x})))
    colours = photometry(catalog)
    if colours is not None:
        x = standardise(colours, fit[np.isfinite(colours[fit]).all(1)])
        groups.append((("neighbours", "linear"), Space(x, {"photometry": x})))
    return groups


def measure(
    groups: Groups, split: Embeddings, known: dict[str, np.ndarray], config: Evaluation, seed: int
) -> tuple[dict, dict]:
    """R² on the test split, from all labels and from few.

    Few labels are drawn by seed from training and validation objects, several times for each size. A draw is an order, so
    that its larger sets contain the smaller ones, and all methods get the same. Whoever has few labels has no others to
    choose by: what a method chooses (k and weights, a penalty, when to stop), it chooses by holding out some of the few.
    From all labels, choices are made on validation objects; the network draws its own tenth there too.

    Parameters
    ----------
    groups
        As `probe_spaces` gives them. Objects whose vector is not finite have no part.
    split : Embeddings
    known : dict of (N,) arrays
        Properties, NaN where unknown: those objects are left out, and counted.
    config : Evaluation
    seed : int

    Returns
    -------
    probes : dict
        ``<property>.<way>.<method>`` from all labels: ``r2``, ``r2_ci95``, ``n`` (tested), ``labels``, ``n_unknown``
        (objects left out), and what was chosen. Ways are image, spectrum and cross (spectra are fitted, images
        asked), and the yardsticks.
    curves : dict
        ``<property>.<way>.<method>`` with lists over sizes: ``labels``; ``r2``, the mean over the draws; ``low`` and
        ``high``, their extremes, or at the end, where all labels are used and nothing is drawn, the 95 % interval;
        ``draws``.
    """
    probes: dict = {name: {} for name in known}
    curves: dict = {name: {} for name in known}
    for methods, space in groups:
        seen = np.isfinite(space.fitted).all(axis=1)
        known_here = {name: np.where(seen, values, np.nan) for name, values in known.items()}
        alike: dict[bytes, list[str]] = {}  # properties that are known of the same objects
        for name, values in known_here.items():
            alike.setdefault(np.isfinite(values).tobytes(), []).append(name)
        for names in alike.values():
            roles = Roles.known(split, known_here[names[0]])
            if min(map(len, (roles.train, roles.validation, roles.test))) < 2:
                continue
            y = np.stack([known[name] for name in names], axis=1).astype(float)
            n_unknown = len(y) - len(roles.gallery) - len(roles.test)
            for method in methods:
                full = METHODS[method](space, y, Labels.all(roles), roles.test, seed)
                few = _few(method, space, y, roles, seed)
                for way, found in full.items():
                    for i, (name, (prediction, chosen)) in enumerate(zip(names, found, strict=True)):
                        score = r2_interval(y[roles.test, i], prediction, config.bootstrap, seed)
                        score |= {"labels": len(roles.gallery), "n_unknown": n_unknown, **chosen}
                        probes[name].setdefault(way, {})[method] = score
                        drawn = {n: r2[way][:, i] for n, r2 in few.items()}
                        curves[name].setdefault(way, {})[method] = _curve(drawn, score)
    return probes, curves


def _few(method: str, space: Space, y: np.ndarray, roles: Roles, seed: int) -> dict[int, dict[str, np.ndarray]]:
    """Number of labels to way to R² (draws, p) on the test objects."""
    sizes = [n for n in SIZES if n < len(roles.gallery) and (method != "perceptron" or n >= WORTH_A_NETWORK)]
    scores: dict = {}
    for n in sizes:
        for draw in range(DRAWS if n <= SMALL else DRAWS_OF_MANY):
            labels = Labels.first(drawn_order(roles.gallery, seed, draw), n)
            for way, found in METHODS[method](space, y, labels, roles.test, seed + draw).items():
                r2 = [r2_score(y[roles.test, i], prediction) for i, (prediction, _) in enumerate(found)]
                scores.setdefault(n, {}).setdefault(way, []).append(r2)
    return {n: {way: np.array(r2) for way, r2 in ways.items()} for n, ways in scores.items()}


def drawn_order(rows: np.ndarray, seed: int, draw: int) -> np.ndarray:
    """The order in which objects get their labels, in one draw."""
    return np.random.default_rng([seed, draw]).permutation(rows)


def _curve(drawn: dict[int, np.ndarray], full: dict) -> dict[str, list]:
    low, high = full["r2_ci95"]
    return {
        "labels": [*drawn, full["labels"]],
        "r2": [*(float(r2.mean()) for r2 in drawn.values()), full["r2"]],
        "low": [*(float(r2.min()) for r2 in drawn.values()), low],
        "high": [*(float(r2.max()) for r2 in drawn.values()), high],
        "draws": [*map(len, drawn.values()), 1],
    }
