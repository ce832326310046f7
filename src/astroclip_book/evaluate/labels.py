"""Probes of embeddings by labels: what a probe chooses, it chooses on labels that are held out."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV

FEWEST = 5  # members of a class among those that train and those that are tested, or it is left out


def held_out(n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions to fit and to hold out of n labels in random order: each fifth in turn, or one of more than 100 labels."""
    parts = [np.arange(n)[start::5] for start in range(5 if n <= 100 else 1)]
    return [(np.setdiff1d(np.arange(n), part), part) for part in parts]


def fit_chosen(
    model: BaseEstimator, grid: dict, fitted: np.ndarray, asked: np.ndarray, y: np.ndarray, folds=None, scoring=None
) -> tuple[BaseEstimator, dict, float]:
    """A scikit-learn model fitted to n labels ``y`` with those values of a ``grid``, lists by parameter, that do best on labels held out.

    ``fitted`` and ``asked`` (n, d) are what it is fitted to and asked about: two modalities of the same objects, or one twice.
    ``folds`` are pairs of positions to fit and to hold out, by default those of `held_out`; ``scoring`` is as scikit-learn takes
    it, by default the mean squared error. Of numbers of neighbours, those are tried that a fold has. Returned are the model
    fitted to all n, the values chosen, and the mean score over the folds.
    """
    n, folds = len(y), folds or held_out(len(y))
    least = min(len(fit) for fit, _ in folds)
    grid = {name: sorted({min(v, least) for v in of}) if name == "n_neighbors" else of for name, of in grid.items()}
    across = [(fit, n + held) for fit, held in folds]
    search = GridSearchCV(model, grid, scoring=scoring or "neg_mean_squared_error", cv=across, refit=False)
    search.fit(np.concatenate([fitted, asked]), np.concatenate([y, y]))
    best = search.best_params_
    return clone(model).set_params(**best).fit(fitted, y), best, float(search.best_score_)


def too_few(split, members: np.ndarray) -> bool:
    """Whether a class (N,) bool has too few members to learn it from or to test it on; ``split`` has ``where(name)``."""
    return min(members[split.where(name)].sum() for name in ("train", "test")) < FEWEST
