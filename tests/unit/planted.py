"""Unit vectors in groups that are known."""

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, d) scaled to length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def planted(n_each: int = 30, n_groups: int = 3, spread: float = 0.05, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (n, 8) in tight groups, and the group of each."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), n_each)
    return unit(np.eye(8)[group] + spread * rng.standard_normal((len(group), 8))), group
