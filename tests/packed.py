"""What the explorer loads, of galaxies made up."""

import numpy as np

from astroclip_book.data.pairs import N_WAVELENGTH
from bookmaking.explorer import packing

N = 30
EVIL = "</script><script>alert(1)</script>&\u2028\"'"


def unit(n: int, d: int = 32, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def packed(n: int = N, real: int = 0, **changed) -> dict:
    """The last ``real`` of the galaxies are real."""
    rng = np.random.default_rng(1)
    others = (np.arange(n)[:, None] + np.arange(1, packing.NEIGHBOURS + 1)) % (n - real)
    levels, windows = packing.binned_spectra(np.random.default_rng(3).normal(size=(n, N_WAVELENGTH)))
    content = {
        "source": "mock survey", "total": n - real, "n": n - real, "targetid": 39_600_000_000_000_001 + np.arange(n),
        "redshift": rng.uniform(0, 0.6, n),
        "catalog": {"LOG_MSTAR": rng.normal(10.5, 0.5, n - real), "MORPHOLOGY": np.where(np.arange(n - real) % 2, "spiral", EVIL)},
        "analysis": {"umap": {name: rng.normal(size=(n, 2)) for name in packing.SPACES}, "kmeans": {"image": np.arange(n - real) % 3}},
        "before": {name: {"map": rng.normal(size=(n, 2)), "nearest": others} for name in ("image", "spectrum")},
        "pz": {"highest": 0.6} | {name: {"mean": rng.uniform(0, 0.6, n), "levels": rng.integers(0, 256, (n, 60), np.uint8)}
                                  for name in ("image", "spectrum")},
        "vectors": {"image": unit(n), "spectrum": unit(n, seed=2)},
        "pixels": {"tiles": rng.integers(0, 255, (n, 72, 72, 3), np.uint8), "levels": levels, "windows": windows},
    }  # fmt: skip
    return packing.pack(**(content | changed))
