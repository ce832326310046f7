"""Probes with few labels, on cases whose answer is known."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.evaluate.knn import Roles, answers
from astroclip_book.evaluate.probes import METHODS, Labels, Space, drawn_order, measure, neighbours

N, D = 800, 12
CONFIG = SimpleNamespace(bootstrap=50, k=None)


@pytest.fixture
def split():
    rng = np.random.default_rng(0)
    image, spectrum = rng.normal(size=(2, N, D)).astype(np.float32)
    return Embeddings(image, spectrum, np.arange(N), np.zeros(N), rng.choice(3, N, p=[0.6, 0.15, 0.25]))


def spaces(x, methods=tuple(METHODS)):
    return [(methods, Space(x, {"image": x}))]


def test_a_linear_target_is_told_from_few_labels_by_the_linear_probe(split):
    y = split.image @ np.arange(D)
    probes, curves = measure(spaces(split.image), split, {"redshift": y}, CONFIG, 0)
    assert probes["redshift"]["image"]["linear"]["r2"] > 0.999
    curve = curves["redshift"]["image"]["linear"]
    assert curve["labels"] == [10, 30, 100, 300, len(split.where("train", "validation"))]
    assert curve["r2"][1] > 0.99 and curve["r2"][0] < curve["r2"][1] and curve["draws"] == [5, 5, 5, 3, 1]
    assert all(low <= r2 <= high for low, r2, high in zip(curve["low"], curve["r2"], curve["high"], strict=True))
    assert curves["redshift"]["image"]["perceptron"]["labels"][0] == 100
    assert probes["redshift"]["image"]["perceptron"]["r2"] > 0.9


def test_random_labels_cannot_be_told(split):
    y = np.random.default_rng(1).normal(size=N)
    probes, _ = measure(spaces(split.image), split, {"redshift": y}, CONFIG, 0)
    assert all(score["r2"] < 0.05 for score in probes["redshift"]["image"].values())


def test_missing_labels_are_dropped_and_counted(split):
    y = split.image[:, 0].astype(float)
    y[np.random.default_rng(2).choice(N, 100, replace=False)] = np.nan
    known = {"redshift": split.image[:, 1].astype(float), "log_mstar": y}
    probes, _ = measure(spaces(split.image, ("linear",)), split, known, CONFIG, 0)
    score = probes["log_mstar"]["image"]["linear"]
    assert score["n_unknown"] == 100 and score["labels"] + score["n"] == N - 100 and score["r2"] > 0.999
    assert probes["redshift"]["image"]["linear"]["n_unknown"] == 0


def test_vectors_that_are_missing_take_no_part(split):
    x = split.image.copy()
    x[:7] = np.nan
    probes, _ = measure(spaces(x, ("linear", "neighbours")), split, {"redshift": split.image[:, 0]}, CONFIG, 0)
    assert {score["n_unknown"] for score in probes["redshift"]["image"].values()} == {7}


def test_smaller_sets_are_contained_in_larger_ones_and_draws_differ():
    rows = np.arange(100, 600)
    order = drawn_order(rows, 0, 0)
    sets = [set(Labels.first(order, n).rows) for n in (10, 30, 100, 300)]
    assert all(small < large for small, large in itertools.pairwise(sets))
    assert (drawn_order(rows, 0, 0) == order).all() and (drawn_order(rows, 0, 1) != order).any()


@pytest.mark.parametrize(("n", "folds"), [(10, 5), (100, 5), (300, 1)])
def test_choices_look_at_the_few_labels_alone(n, folds):
    labels = Labels.first(drawn_order(np.arange(1000), 0, 0), n)
    assert len(labels.folds) == folds
    for fitted, held_out in labels.folds:
        assert set(fitted) | set(held_out) == set(labels.rows) and not set(fitted) & set(held_out)


@pytest.mark.parametrize("method", METHODS.values())
@pytest.mark.parametrize("n", [50, 300])
def test_labels_that_are_not_given_are_not_looked_at(split, method, n):
    y = split.image[:, :1].astype(float)
    labels, test = Labels.first(split.where("train", "validation"), n), split.where("test")
    hidden = np.full_like(y, np.nan)
    hidden[labels.rows] = y[labels.rows]
    space = Space(split.image, {"image": split.image})
    told, again = (method(space, values, labels, test, 0)["image"][0][0] for values in (y, hidden))
    np.testing.assert_array_equal(told, again)


def test_all_labels_give_neighbours_the_answer_of_the_other_chapters(split):
    y = split.image[:, 0] + split.spectrum[:, 0]
    roles = Roles.known(split, y)
    space = Space(split.spectrum, {"cross": split.image})
    prediction, chosen = neighbours(space, y[:, None], Labels.all(roles), roles.test, 0)["cross"][0]
    ((_, _, answer),) = answers(split.spectrum, split.image, split, {"value": y})
    np.testing.assert_array_equal(prediction, answer.prediction)
    assert chosen == {"k": answer.k, "weighting": answer.weighting}
