"""k-NN regression against scikit-learn and on cases whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.neighbors import KNeighborsRegressor

from astroclip_book.errors import BookError
from astroclip_book.evaluate.knn import Neighbours, answers, knn_predict, shift_weights


@pytest.mark.parametrize("weighting", ["distance", "uniform"])
def test_equals_scikit_learn(weighting):
    rng = np.random.default_rng(0)
    x, y, asked = rng.normal(5, 1, (300, 12)), rng.normal(size=300), rng.normal(5, 1, (70, 12))
    theirs = KNeighborsRegressor(7, weights=weighting, algorithm="brute").fit(x, y).predict(asked)
    np.testing.assert_allclose(knn_predict(x, y, asked, 7, weighting), theirs, rtol=1e-4, atol=1e-5)


def test_objects_that_coincide_answer_alone():
    x, y = np.array([[0.0], [0.0], [1.0]]), np.array([1.0, 3.0, 100.0])
    assert knn_predict(x, y, np.array([[0.0]]), 3) == pytest.approx(2)


def test_a_noisy_smooth_function_wants_more_neighbours_than_a_sharp_one():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(2000, 1))
    smooth = x[:, 0] + rng.normal(0, 1, 2000)
    sharp = np.sin(60 * x[:, 0])
    near = Neighbours(x, np.arange(1500), x, np.arange(1500, 2000))
    assert near.choose(sharp)[0] <= 8 and near.choose(smooth)[0] >= 64
    assert near.choose(smooth, merit=lambda truth, answer: answer.k)[0] == 256
    assert near.choose(smooth, merit=lambda truth, answer: -answer.k)[0] == 4


def test_one_search_answers_for_every_k():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 3)), rng.normal(size=400)
    gallery, test = np.split(np.arange(400), [300])
    near = Neighbours(x, gallery, x, test, most=128)
    for k in (1, 7, 128):
        answer = near.answer(y, k)
        np.testing.assert_allclose(answer.prediction, knn_predict(x[gallery], y[gallery], x[test], k), rtol=1e-6)
        np.testing.assert_allclose(answer.weights.sum(1), 1, rtol=1e-6)
    for k in (129, 0, -3):
        with pytest.raises(BookError, match=f"k = {k} neighbours asked of 128: choose k between 1 and 128"):
            near.answer(y, k)


def test_unknown_values_have_no_role_and_tests_are_answered_by_all_others():
    split = np.repeat([0, 1, 2], 10)
    values = np.arange(30.0)
    values[[0, 12, 29]] = np.nan
    where = SimpleNamespace(where=lambda name: np.flatnonzero(split == ("train", "validation", "test").index(name)))
    x = np.arange(30.0)[:, None]
    (_, roles, answer), (_, everything, other) = answers(x, x, where, {"value": values, "known": x[:, 0]}, k=1)
    assert [len(rows) for rows in roles] == [9, 9, 9] and len(everything.test) == 10
    assert (answer.prediction == 19).all() and (other.prediction == 19).all()  # the last of those that may answer


def test_a_choice_is_made_on_validation_objects_alone():
    rng = np.random.default_rng(0)
    splits = dict(zip(("train", "validation", "test"), np.array_split(np.arange(900), 3), strict=True))
    where = SimpleNamespace(where=splits.get)
    x = rng.uniform(size=(900, 1))
    y = np.where(np.arange(900) < 600, np.sin(60 * x[:, 0]), rng.normal(size=900))
    ((_, _, chosen),) = answers(x, x, where, {"value": y})
    assert chosen.k <= 8


def test_weights_of_labelled_objects_are_the_ratio_of_densities():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 5000), rng.normal(1, 1, 5000)])[:, None]
    labelled, unlabelled = np.split(np.arange(len(x)), 2)
    weights, auc = shift_weights(x, labelled, unlabelled)
    np.testing.assert_allclose(np.log(weights), x[labelled, 0] - 0.5, atol=0.3)  # of two normal distributions
    assert np.average(x[labelled, 0], weights=weights) == pytest.approx(1, abs=0.1)
    assert auc == pytest.approx(norm.cdf(0.5**0.5), abs=0.02)


def test_weights_say_whether_there_is_anything_to_weight():
    rng = np.random.default_rng(0)
    labelled, unlabelled = np.split(np.arange(2000), 2)
    for distance, low, high in ((0, 0.45, 0.55), (2, 0.99, 1.0)):
        x = rng.normal(size=(2000, 5)) + np.where(np.arange(2000) < 1000, 0, distance)[:, None]
        weights, auc = shift_weights(x, labelled, unlabelled)
        assert low <= auc <= high
        alike = weights.sum() ** 2 / np.square(weights).sum() / len(weights)
        assert alike > 0.9 if distance == 0 else alike < 0.1
