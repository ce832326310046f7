"""A look at features while they are learned: how well do neighbours tell the redshift?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from sklearn.metrics import r2_score

from astroclip_book.data.sampling import evenly
from astroclip_book.evaluate.knn import knn_predict

N_PROBE = 1000  # objects on each side: enough to see a trend, quick enough for every epoch
K = 16
BATCH = 250  # objects encoded at a time


class Probe:
    """k-NN redshift R² of features on validation objects, neighbours being training objects; it trains nothing.

    Parameters
    ----------
    train, validation : (n,) arrays
        What identifies the objects to whom encodes them; evenly drawn ``N_PROBE`` of each are used at most.
    train_redshift, validation_redshift : (n,) arrays
    """

    def __init__(
        self, train: np.ndarray, validation: np.ndarray, train_redshift: np.ndarray, validation_redshift: np.ndarray
    ):
        chosen = [evenly(len(rows), N_PROBE) for rows in (train, validation)]
        self.rows = [train[chosen[0]], validation[chosen[1]]]
        self.redshift = [train_redshift[chosen[0]], validation_redshift[chosen[1]]]

    @torch.no_grad()
    def __call__(self, encode: Callable[[np.ndarray], torch.Tensor]) -> float:
        """R² of the features (m, d) that ``encode`` gives for rows (m,)."""
        features = [
            torch.cat([encode(rows[i : i + BATCH]).float() for i in range(0, len(rows), BATCH)]).cpu().numpy()
            for rows in self.rows
        ]
        mean, std = features[0].mean(0), features[0].std(0) + 1e-6
        train, validation = ((x - mean) / std for x in features)
        prediction = knn_predict(train, self.redshift[0], validation, min(K, len(train)))
        return float(r2_score(self.redshift[1], prediction))
