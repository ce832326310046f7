"""Images read once, binned and kept for the epochs of a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from astroclip_book.data.pairs import IMAGE_SIZE, Pairs
from astroclip_book.data.progress import progress
from astroclip_book.data.views import bin_images, centre
from astroclip_book.train import processes


def cache_images(pairs: Pairs, rows: np.ndarray, binning: int, path: Path, side: int | None = None) -> np.ndarray:
    """Binned images (n, 3, h, w), float16, or their middle (n, 3, side, side), in a file mapped into memory.

    Epochs then read pages and not HDF5. The first of several processes makes it, the others wait.
    """
    shape = (len(rows), 3, *[side or IMAGE_SIZE // binning] * 2)
    if processes.rank() == 0 and not path.exists():
        partial = path.with_suffix(".partial")
        cache = np.memmap(partial, np.float16, "w+", shape=shape)
        for start in progress(range(0, len(rows), 256), "read images"):
            binned = bin_images(torch.from_numpy(pairs.images(rows[start : start + 256])), binning)
            cache[start : start + 256] = centre(binned, shape[-1]).clamp(-6e4, 6e4).numpy()
        cache.flush()
        partial.rename(path)
    processes.agree()
    return np.memmap(path, np.float16, "r", shape=shape)
