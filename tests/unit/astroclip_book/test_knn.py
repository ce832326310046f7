"""k-NN regression against scikit-learn and on cases whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from astroclip_book.errors import BookError
from astroclip_book.evaluate.knn import Neighbourhood, Roles, answers, by_roles, knn_predict


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
    near = Neighbourhood(x, x, Roles(np.arange(1500), np.arange(1500, 2000), np.empty(0, int)))
    assert near.choose(sharp)[0] <= 8 and near.choose(smooth)[0] >= 64
    assert near.choose(sharp, k=5) == (5, "distance")


def test_unknown_values_have_no_role_and_tests_are_answered_by_all_others():
    split = np.repeat([0, 1, 2], 10)
    values = np.arange(30.0)
    values[[0, 12, 29]] = np.nan
    where = SimpleNamespace(where=lambda name: np.flatnonzero(split == ("train", "validation", "test").index(name)))
    roles = Roles.known(where, values)
    assert [len(roles.train), len(roles.validation), len(roles.test)] == [9, 9, 9]
    x = np.arange(30.0)[:, None]
    ((_, _, answer),) = answers(x, x, where, {"value": values}, k=1)
    assert (answer.prediction == 19).all()  # the last of those that may answer
    assert answer.weights.sum(1) == pytest.approx(np.ones(9))


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(BookError, match="1 of 3 training values are not finite"):
        knn_predict(np.zeros((3, 1)), np.array([1, np.nan, 2]), np.zeros((1, 1)), 1)


def test_one_search_answers_for_every_k_and_every_merit():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 3)), rng.normal(size=400)
    roles = Roles(*np.split(np.arange(400), [250, 300]))
    near = Neighbourhood(x, x, roles, most=128)
    for k in (1, 7, 128):
        expected = knn_predict(x[roles.gallery], y[roles.gallery], x[roles.test], k)
        np.testing.assert_allclose(near.answer(y, k).prediction, expected, rtol=1e-6)
    assert near.choose(y, merit=lambda truth, answer: answer.k)[0] == 128
    assert near.choose(y, merit=lambda truth, answer: -answer.k)[0] == 4
    with pytest.raises(BookError, match="k = 129 neighbours asked of 128"):
        near.answer(y, 129)
    for none in (0, -3):
        with pytest.raises(BookError, match="choose k between 1 and 128"):
            near.answer(y, none)


def test_values_known_of_the_same_objects_share_their_roles():
    split = SimpleNamespace(where=lambda name: np.arange(3) + 3 * ("train", "validation", "test").index(name))
    some = np.where(np.arange(9) % 3, 1.0, np.nan)
    (all_of_them, first), (known, second) = by_roles(split, {"a": np.ones(9), "b": some, "c": np.zeros(9), "d": -some})
    assert (first, second) == (["a", "c"], ["b", "d"])
    assert len(all_of_them.test) == 3 and known.gallery.tolist() == [1, 2, 4, 5]


def test_a_gallery_searched_in_parts_gives_the_same_neighbours(monkeypatch):
    rng = np.random.default_rng(0)
    x, roles = rng.normal(size=(500, 3)).astype(np.float32), Roles(*np.split(np.arange(500), [350, 400]))
    whole = Neighbourhood(x, x, roles, 20).answer(x[:, 0], 20)
    monkeypatch.setattr("astroclip_book.evaluate.knn.PART", 3 * 90)
    parts = Neighbourhood(x, x, roles, 20).answer(x[:, 0], 20)
    np.testing.assert_array_equal(parts.values, whole.values)
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-4)
