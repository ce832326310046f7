"""Probes by labels, on cases whose answer is known."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

from astroclip_book.data.pairs import Embeddings
from astroclip_book.evaluate.labels import FEWEST, fit_chosen, held_out, too_few

N, D = 400, 12
NEAR = KNeighborsRegressor(weights="distance"), {"n_neighbors": [4, 16, 64]}
LINE = Ridge(), {"alpha": [1e-3, 1.0, 1e3]}


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(N, D))


@pytest.mark.parametrize(("n", "folds"), [(10, 5), (100, 5), (300, 1)])
def test_each_label_is_fitted_or_held_out(n, folds):
    parts = held_out(n)
    assert len(parts) == folds
    for fitted, held in parts:
        assert sorted([*fitted, *held]) == list(range(n)) and len(held) == n // 5


def test_what_is_random_is_chosen_against_and_what_is_linear_is_found(vectors):
    y = vectors @ np.arange(D)
    model, chosen, score = fit_chosen(*LINE, vectors[:300], vectors[:300], y[:300])
    assert chosen == {"alpha": 1e-3} and score == pytest.approx(0, abs=1e-3)
    assert r2_score(y[300:], model.predict(vectors[300:])) > 0.999
    noise = np.random.default_rng(1).normal(size=N)
    assert fit_chosen(*LINE, vectors[:20], vectors[:20], noise[:20])[1] == {"alpha": 1e3}


def test_choices_are_made_in_the_modality_that_is_asked(vectors):
    """The fitted vectors tell the label exactly; those asked follow them in half of the numbers only."""
    y, asked = vectors @ np.ones(D), vectors.copy()
    asked[:, D // 2 :] = 30 * np.random.default_rng(1).normal(size=(N, D // 2))
    assert fit_chosen(*LINE, vectors, vectors, y)[1] == {"alpha": 1e-3}
    assert fit_chosen(*LINE, vectors, asked, y)[1] == {"alpha": 1e3}


@pytest.mark.parametrize("probe", [NEAR, LINE])
def test_folds_that_are_given_decide(vectors, probe):
    """Where the labels held out are those of other vectors, the smoothest fit does best."""
    y = vectors[:, 0].copy()
    y[300:] = np.random.default_rng(2).normal(size=100)
    folds = [(np.arange(300), np.arange(300, N))]
    model, chosen, _ = fit_chosen(*probe, vectors, vectors, y, folds)
    assert list(chosen.values()) == [max(next(iter(probe[1].values())))]
    assert len(model.predict(vectors[:7])) == 7


def test_no_more_neighbours_than_a_fold_has(vectors):
    assert fit_chosen(*NEAR, vectors[:10], vectors[:10], vectors[:10, 0])[1]["n_neighbors"] in (4, 8)


def test_classes_are_chosen_by_the_score_that_is_asked_for(vectors):
    y = (vectors[:, 0] > 1).astype(int)
    grid = {"C": [1e-6, 1.0]}
    model, chosen, score = fit_chosen(LogisticRegression(), grid, vectors, vectors, y, scoring="balanced_accuracy")
    assert chosen == {"C": 1.0} and score > 0.9 and model.predict(vectors).sum() > 0


def test_a_class_needs_members_to_learn_from_and_to_test(vectors):
    split = Embeddings(vectors, vectors, np.arange(N), np.zeros(N), np.repeat([0, 2], N // 2))
    members = np.zeros(N, bool)
    members[:50] = True
    assert too_few(split, members)
    members[-FEWEST:] = True
    assert not too_few(split, members)
