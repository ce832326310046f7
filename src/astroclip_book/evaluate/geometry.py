"""How vectors lie in their space."""

from __future__ import annotations

import math

import numpy as np
import torch

BLOCK = 1024  # vectors compared with all at a time


def uniformity(x: np.ndarray) -> float:
    """Logarithm of the mean over distinct pairs of two or more unit vectors (n, d) of exp(−2 d²), d being their distance.

    Source: Wang & Isola (2020), arXiv:2005.10242, section 4.1, with t = 2. The lower, the more evenly vectors fill the
    sphere: 0 where all are the same, near −4 + 8 / dimension where each points anywhere.
    """
    points, total = torch.from_numpy(x), 0.0
    for block in points.split(BLOCK):
        total += torch.exp(4 * (block @ points.T - 1)).sum(dtype=torch.float64).item()  # d² = 2 − 2 cos
    n = len(points)
    return math.log((total - n) / (n * (n - 1)))  # a vector is no pair with itself
