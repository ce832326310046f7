"""Retrieval on embeddings whose scores are known."""

import numpy as np
import pytest

from astroclip_book.evaluate import retrieval as module
from astroclip_book.evaluate.retrieval import chance, match_ranks, rank_scores


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


def test_perfect_for_equal_embeddings_and_chance_for_unrelated_ones():
    rng = np.random.default_rng(0)
    x, y = unit(rng, 1000), unit(rng, 1000)
    assert (match_ranks(x, x) == 1).all()
    found, guess = rank_scores(match_ranks(x, y)), chance(1000)
    assert found["median_rank"] == pytest.approx(guess["median_rank"], rel=0.1)
    assert found["mrr"] == pytest.approx(guess["mrr"], rel=0.5)


def test_ties_count_against_the_query():
    same = np.ones((10, 1))
    assert match_ranks(same, same).tolist() == [10] * 10


def test_ranks_are_those_of_a_full_sort_whatever_the_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = unit(rng, 200), unit(rng, 200)
    order = np.argsort(-x @ y.T, axis=1)
    expected = 1 + np.argmax(order == np.arange(200)[:, None], axis=1)
    assert np.array_equal(match_ranks(x, y), expected)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert np.array_equal(match_ranks(x, y), expected)
