"""Scores on cases whose answer is known."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score

from astroclip_book.evaluate.metrics import r2, ranking, standardise, with_interval


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        truth = rng.normal(size=300)
        score = with_interval(r2, (truth, truth + rng.normal(0, 0.5, 300)), 200, trial)
        assert score["n"] == 300
        covered += score["r2_ci95"][0] <= 0.75 <= score["r2_ci95"][1]
    assert 88 <= covered <= 99


def test_features_are_standardised_by_the_rows_that_fit():
    x = np.array([[0.0, 5.0], [2.0, 5.0], [9.0, 6.0]])
    np.testing.assert_allclose(standardise(x, np.array([0, 1])), [[-1, 0], [1, 0], [8, 1]])


def test_r2_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=200).astype(np.float32)
    prediction = truth + rng.normal(0, 0.3, 200)
    assert r2(truth, prediction)["r2"] == pytest.approx(r2_score(truth, prediction), abs=1e-6)


@pytest.mark.parametrize("levels", [5, 1000])
def test_ranking_is_that_of_scikit_learn(levels):
    rng = np.random.default_rng(3)
    truth, score = rng.integers(2, size=300), rng.integers(levels, size=300)
    found = ranking(truth, score)
    assert found["auc"] == pytest.approx(roc_auc_score(truth, score))
    assert found["average_precision"] == pytest.approx(average_precision_score(truth, score))


def test_one_kind_alone_ranks_nothing():
    assert ranking(np.zeros(4, int), np.arange(4.0)) == {"auc": 0.5, "average_precision": 0}
