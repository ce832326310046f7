"""A look at features while they are learned: how well do neighbours tell the redshift?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MOST = 1000  # objects on each side: enough to see a trend, quick enough for every epoch
BATCH = 250  # objects encoded at a time


@torch.no_grad()
def probe(
    encode: Callable[[np.ndarray], torch.Tensor], train: np.ndarray, validation: np.ndarray, redshift: np.ndarray
) -> float:
    """R² of the redshifts (N,) of validation objects by 16 neighbours among training objects; it trains nothing.

    ``encode`` makes features (n, d) of positions (n,), which ``train`` and ``validation`` hold.
    """
    some = [rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(int)] for rows in (train, validation)]
    x, query = (
        torch.cat([encode(part).float() for part in np.split(rows, range(BATCH, len(rows), BATCH))]) for rows in some
    )
    neighbours = KNeighborsRegressor(min(16, len(x)), weights="distance")
    model = make_pipeline(StandardScaler(), neighbours).fit(x.cpu().numpy(), redshift[some[0]])
    return float(model.score(query.cpu().numpy(), redshift[some[1]]))
