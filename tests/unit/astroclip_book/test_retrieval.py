"""Retrieval on embeddings whose scores are known."""

import time

import numpy as np
import pytest

from astroclip_book.evaluate import retrieval as module
from astroclip_book.evaluate.retrieval import chance, match_ranks, rank_scores, retrieval

NAMES = ["recall_at_1", "recall_at_5", "recall_at_10", "mrr", "median_rank"]


def unit(rng, n, d=16):
    x = rng.normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_scores_of_ranks_by_hand():
    scores = rank_scores(np.array([1, 2, 4, 20]))
    assert scores == {"recall_at_1": 0.25, "recall_at_5": 0.75, "recall_at_10": 0.75, "mrr": 0.45, "median_rank": 3.0}


def test_chance_is_what_all_ranks_alike_score():
    expected = rank_scores(np.arange(1, 51))
    assert chance(50) == pytest.approx(expected)
    assert chance(3)["recall_at_5"] == 1


def test_embeddings_that_are_no_numbers_find_nothing():
    x = unit(np.random.default_rng(0), 20)
    assert (match_ranks(np.full_like(x, np.nan), x) == 20).all()


def test_perfect_for_equal_embeddings():
    x = unit(np.random.default_rng(0), 1000)
    scores = retrieval(x, x, 100, 0, bootstrap=20)
    for one in (scores, scores["full"]):
        assert [one[name] for name in NAMES] == [1.0] * 5
        assert [one[f"{name}_ci95"] for name in NAMES] == [[1.0, 1.0]] * 5
    assert (scores["pool"], scores["draws"]) == (100, 20)
    assert (scores["full"]["pool"], scores["full"]["draws"]) == (1000, 1)


def test_chance_for_unrelated_embeddings():
    rng = np.random.default_rng(0)
    scores = retrieval(unit(rng, 1000), unit(rng, 1000), 100, 0, bootstrap=100)
    for one, spread in ((scores, 0.2), (scores["full"], 1.0)):
        guess = one["chance"]
        assert one["recall_at_10"] == pytest.approx(guess["recall_at_10"], rel=spread)
        assert one["mrr"] == pytest.approx(guess["mrr"], rel=spread / 2)
        assert one["median_rank"] == pytest.approx(guess["median_rank"], rel=0.1)
        assert one["mrr_ci95"][0] <= one["mrr"] <= one["mrr_ci95"][1]


def test_a_pool_as_large_as_the_set_is_searched_once():
    rng = np.random.default_rng(0)
    x = unit(rng, 50)
    scores = retrieval(x, x + 0.01, 2000, 0, bootstrap=10)
    full = scores.pop("full")
    assert scores == full and full["pool"] == 50 and full["draws"] == 1


def test_same_seed_same_scores():
    rng = np.random.default_rng(0)
    x, y = unit(rng, 300), unit(rng, 300)
    assert retrieval(x, y, 100, 1, bootstrap=10) == retrieval(x, y, 100, 1, bootstrap=10)
    assert retrieval(x, y, 100, 1, bootstrap=10) != retrieval(x, y, 100, 2, bootstrap=10)


def test_ties_count_against_the_query():
    same = np.ones((10, 1))
    assert match_ranks(same, same).tolist() == [10] * 10


def test_ranks_are_those_of_a_full_sort_whatever_the_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = unit(rng, 200), unit(rng, 200)
    order = np.argsort(-x @ y.T, axis=1)
    expected = 1 + np.argmax(order == np.arange(200)[:, None], axis=1)
    assert np.array_equal(match_ranks(x, y), expected)
    monkeypatch.setattr(module, "BLOCK", 7 * 200)
    assert np.array_equal(match_ranks(x, y), expected)


def test_twenty_pools_take_less_than_two_seconds_of_the_processor():
    rng = np.random.default_rng(0)
    x, y = unit(rng, 2000, 128), unit(rng, 2000, 128)
    start = time.process_time()
    for _ in range(20):
        match_ranks(x, y)
    assert time.process_time() - start < 4  # of two processors
