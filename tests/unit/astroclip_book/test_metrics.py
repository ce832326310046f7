"""Scores on cases whose answer is known."""

import numpy as np
import pytest
from planted import unit
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score

from astroclip_book.evaluate import metrics
from astroclip_book.evaluate.metrics import chance, match_ranks, r2, rank_scores, ranking, with_interval


def directions(rng, n, d=16):
    return unit(rng.normal(size=(n, d))).astype(np.float32)


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        truth = rng.normal(size=300)
        score = with_interval(r2, (truth, truth + rng.normal(0, 0.5, 300)), 200, trial)
        assert score["n"] == 300
        covered += score["r2_ci95"][0] <= 0.75 <= score["r2_ci95"][1]
    assert 88 <= covered <= 99


@pytest.mark.parametrize("levels", [5, 1000])
def test_scores_are_those_of_scikit_learn(levels):
    rng = np.random.default_rng(3)
    truth, score = rng.integers(2, size=300), rng.integers(levels, size=300)
    found = ranking(truth, score) | r2(score, score + truth)
    assert found["auc"] == pytest.approx(roc_auc_score(truth, score))
    assert found["average_precision"] == pytest.approx(average_precision_score(truth, score))
    assert found["r2"] == pytest.approx(r2_score(score, score + truth))
    assert ranking(np.zeros(4, int), np.arange(4.0)) == {"auc": 0.5, "average_precision": 0}  # one kind alone


def test_scores_of_ranks_by_hand():
    scores = rank_scores(np.array([1, 2, 4, 20]))
    assert scores == {"recall_at_1": 0.25, "recall_at_5": 0.75, "recall_at_10": 0.75, "mrr": 0.45, "median_rank": 3.0}
    assert chance(4) == pytest.approx(
        {"recall_at_1": 0.25, "recall_at_5": 1, "recall_at_10": 1, "mrr": 25 / 48, "median_rank": 2.5}
    )


def test_perfect_for_equal_embeddings_and_chance_for_unrelated_ones():
    rng = np.random.default_rng(0)
    x, y = directions(rng, 1000), directions(rng, 1000)
    assert (match_ranks(x, x) == 1).all()
    found, guess = rank_scores(match_ranks(x, y)), chance(1000)
    assert found["median_rank"] == pytest.approx(guess["median_rank"], rel=0.1)
    assert found["mrr"] == pytest.approx(guess["mrr"], rel=0.5)


def test_ties_and_what_is_no_number_count_against_the_query():
    x = directions(np.random.default_rng(0), 20)
    for query, gallery in ((np.ones_like(x), np.ones_like(x)), (np.full_like(x, np.nan), x)):
        assert (match_ranks(query, gallery) == 20).all()


def test_ranks_are_those_of_a_full_sort_whatever_the_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = directions(rng, 200), directions(rng, 200)
    expected = 1 + np.argmax(np.argsort(-x @ y.T, axis=1) == np.arange(200)[:, None], axis=1)
    for block in (metrics.BLOCK, 7):
        monkeypatch.setattr(metrics, "BLOCK", block)
        assert np.array_equal(match_ranks(x, y), expected)
