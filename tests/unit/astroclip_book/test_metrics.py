"""Scores on cases whose answer is known."""

import h5py
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score

from astroclip_book.errors import BookError
from astroclip_book.evaluate.knn import knn_predict
from astroclip_book.evaluate.metrics import r2_interval, ranking, standardise, with_interval


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


@pytest.mark.parametrize("levels", [5, 1000])
def test_ranking_is_that_of_scikit_learn(levels):
    rng = np.random.default_rng(3)
    truth, score = rng.integers(2, size=300), rng.integers(levels, size=300)
    found = ranking(truth, score)
    assert found["auc"] == pytest.approx(roc_auc_score(truth, score))
    assert found["average_precision"] == pytest.approx(average_precision_score(truth, score))


def test_one_kind_alone_ranks_nothing():
    assert ranking(np.zeros(4, int), np.arange(4.0)) == {"auc": 0.5, "average_precision": 0}


def test_features_are_standardised_in_blocks_straight_from_their_file(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    x = np.c_[rng.normal(3, [1, 1e-2, 50], (200, 3)), np.full(200, 0.3)].astype(np.float16)
    with h5py.File(tmp_path / "features.h5", "w") as file:
        file["x"] = x
        monkeypatch.setattr("astroclip_book.evaluate.metrics.BLOCK", 17)
        found = standardise(file["x"], np.arange(20, 150))
    known = x.astype(float)
    expected = (known[:, :3] - known[20:150, :3].mean(0)) / known[20:150, :3].std(0)
    np.testing.assert_allclose(found[:, :3], expected, rtol=1e-4, atol=1e-4)
    assert found.dtype == np.float32 and not found[:, 3].any()
