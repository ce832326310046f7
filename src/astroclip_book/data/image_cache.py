"""Images read once, binned and kept for the epochs of a training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from astroclip_book.train import processes
from astroclip_book.data.pairs import IMAGE_SIZE, Pairs
from astroclip_book.data.progress import progress
from astroclip_book.data.views import bin_images, centre


def cache_images(pairs: Pairs, positions: np.ndarray, binning: int, path: Path, side: int | None = None) -> np.ndarray:
    """Binned images (n, 3, h, w), float16, in a file mapped into memory, so that epochs read pages and not HDF5.

    With ``side``, their middle (n, 3, side, side) alone: all that is seen of images that are not turned and moved. The first of
    several processes makes it, the others wait.
    """
    side = side or IMAGE_SIZE // binning
    shape = (len(positions), 3, side, side)
    if processes.rank() == 0 and not path.exists():
        partial = path.with_suffix(".partial")
        cache = np.memmap(partial, np.float16, "w+", shape=shape)
        for start in progress(range(0, len(positions), 256), "read images"):
            images = pairs.images(positions[start : start + 256])
            binned = centre(bin_images(torch.from_numpy(images), binning), side)
            cache[start : start + 256] = binned.clamp(-6e4, 6e4).numpy()
        cache.flush()
        partial.rename(path)
    processes.agree()
    return np.memmap(path, np.float16, "r", shape=shape)
