"""What alignment adds: differences of R² between two methods that are tested on the same galaxies."""

from __future__ import annotations

import numpy as np

from astroclip_book.evaluate.metrics import with_interval
from astroclip_book.evaluate.properties import DIRECTIONS

Predictions = dict[str, dict[str, np.ndarray]]  # property to modality or direction to (n,)


def gains(aligned: Predictions, others: dict[str, Predictions], bootstrap: int, seed: int) -> dict:
    """R² by aligned embeddings less that of the best of other ways, for each property that all of them predict.

    The intervals come of resampling the test galaxies, the same for both methods: most of what makes one sample of galaxies easier
    than another is the same for the two, and drops out. They do not hold what another training would change.

    Parameters
    ----------
    aligned : dict
        As in ``predictions.h5``: ``<property>`` to ``truth`` (n,), NaN where unknown, and a prediction for each direction.
    others : dict
        Way to property to modality to predictions (n,) of the same galaxies. A direction is held against those of the modality
        that is asked.
    bootstrap : int
        Resamples behind each interval.
    seed : int

    Returns
    -------
    dict
        ``<property>.<direction>`` with ``r2`` (the difference), ``r2_ci95``, ``n``, and ``over``, the way that is best.
    """
    result: dict = {}
    for name in (name for name in aligned if all(name in told for told in others.values())):
        known = np.isfinite(aligned[name]["truth"])
        truth = aligned[name]["truth"][known].astype(float)
        result[name] = {}
        for direction, (_, asked) in DIRECTIONS.items():
            squares = {way: np.square(truth - told[name][asked][known]) for way, told in others.items()}
            best = min(squares, key=lambda way: squares[way].sum())
            ours = np.square(truth - aligned[name][direction][known])
            result[name][direction] = with_interval(_difference, (truth, ours, squares[best]), bootstrap, seed) | {
                "over": best
            }
    return result


def _difference(truth: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Of R², by squared errors (n,)."""
    return {"r2": (theirs.sum() - ours.sum()) / np.square(truth - truth.mean()).sum()}
