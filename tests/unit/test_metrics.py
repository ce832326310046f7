"""Scores on cases whose answer is known."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from astroclip_book.errors import BookError
from astroclip_book.knn import knn_predict
from astroclip_book.metrics import r2_interval, standardise, with_interval
from astroclip_book.retrieval import match_ranks, retrieval


def unit(rng, n, d=16):
    x = rng.normal(size=(n, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_knn_weighs_by_inverse_distance():
    train, values = np.array([[0.0], [3.0], [100.0]]), np.array([1.0, 4.0, 1e6])
    assert knn_predict(train, values, np.array([[1.0]]), k=2) == pytest.approx((1 / 1 * 1 + 4 / 2) / 1.5)


def test_knn_refuses_more_neighbours_than_objects():
    with pytest.raises(BookError, match="k = 16 neighbours asked of 5"):
        knn_predict(np.zeros((5, 2)), np.zeros(5), np.zeros((1, 2)), 16)


def test_r2_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        truth = rng.normal(size=300)
        score = r2_interval(truth, truth + rng.normal(0, 0.5, 300), 200, trial)
        assert score["n"] == 300
        covered += score["r2_ci95"][0] <= 0.75 <= score["r2_ci95"][1]
    assert 88 <= covered <= 99


def test_retrieval_is_perfect_for_equal_and_chance_for_unrelated_embeddings():
    rng = np.random.default_rng(0)
    x, y = unit(rng, 1000), unit(rng, 1000)
    assert retrieval(x, x, 100, 0) == {
        "pool": 100, "recall_at_1": 1.0, "recall_at_5": 1.0, "recall_at_10": 1.0, "median_rank": 1.0
    }
    chance = retrieval(x, y, 100, 0)
    assert chance["recall_at_10"] == pytest.approx(0.1, abs=0.03)
    assert chance["median_rank"] == pytest.approx(50, abs=6)


def test_a_pool_as_large_as_the_set_is_searched_once():
    rng = np.random.default_rng(0)
    x = unit(rng, 50)
    assert retrieval(x, x, 2000, 0)["pool"] == 50


def test_ties_count_against_the_query():
    same = np.ones((10, 1))
    assert match_ranks(same, same).tolist() == [10] * 10


def test_features_are_standardised_by_the_rows_that_fit():
    x = np.array([[0.0, 5.0], [2.0, 5.0], [9.0, 6.0]])
    np.testing.assert_allclose(standardise(x, np.array([0, 1])), [[-1, 0], [1, 0], [8, 1]])


def test_intervals_of_any_statistic_are_those_of_r2():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=200)
    prediction = truth + rng.normal(0, 0.3, 200)
    found = with_interval(lambda t, p: {"r2": r2_score(t, p)}, (truth, prediction), 50, 3)
    expected = r2_interval(truth, prediction, 50, 3)
    assert found["r2"] == expected["r2"] and found["n"] == 200
    assert found["r2_ci95"] == pytest.approx(expected["r2_ci95"])
