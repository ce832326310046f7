"""A part of many objects, where all would take too long."""

from __future__ import annotations

import numpy as np


def evenly(n: int, most: int) -> np.ndarray:
    """Positions of ``most`` of n objects in a row at even distances, the first and the last among them; all n if there are no more."""
    return np.linspace(0, n - 1, min(n, most)).astype(int)
