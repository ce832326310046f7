"""A reader's galaxies beside those of the run that are most like them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import Pairs
from bookmaking.figures.search import show_galaxy
from bookmaking.figures.style import WIDTH, drawing


@drawing
def looked_up(pairs: Pairs, pixels: np.ndarray, known: np.ndarray, found, modality: str):
    """Objects (their pixels and known redshifts (n,)), a row each, and the galaxies of the run that `Found` names for them."""
    n, k = found.row[: len(pixels)].shape
    figure, axes = plt.subplots(n, k + 1, figsize=(WIDTH, 1.55 * n), squeeze=False)
    read = pairs.images if modality == "image" else pairs.spectra
    for i, (own, *others) in enumerate(axes):
        show_galaxy(own, pixels[i], pixels[i], known[i], modality)
        text = "" if np.isnan(known[i]) else f", known {known[i]:.3f}"
        own.set_xlabel(
            f"$z$ {found.low[i]:.3f} to {found.high[i]:.3f}{text}".replace("-", "−"), fontsize=6.5, labelpad=2
        )
        own.set_ylabel("unusual" if found.unusual[i] else "", fontsize=8, color="#B2182B")
        redshift = pairs.index.redshift[found.row[i]]
        for axis, one, z, cosine in zip(others, read(found.row[i]), redshift, found.cosine[i], strict=True):
            show_galaxy(axis, one, one, z, modality)
            axis.set_xlabel(f"$z = {z:.3f}$, cos {cosine:.2f}", fontsize=6.5, labelpad=2)
    for rank, axis in enumerate(axes[0]):
        axis.set_title(f"neighbour {rank}" if rank else "object", fontsize=8)
    return figure
