"""What another spectrograph's grid costs: galaxies of the run, seen on the grid of SDSS and brought back."""

from __future__ import annotations

import numpy as np

from real_sky.observations.arrays import spectra_of_arrays
from real_sky.observations.grid import GRID, edges, mean_over
from real_sky.sky.samples import resample

SDSS = 10 ** (np.log10(3806.0) + 1e-4 * np.arange(3830))  # Å, to 9191: pixels of 0.9 to 2.1 Å


def on_the_grid_of_sdss(flux: np.ndarray) -> dict[str, np.ndarray]:
    """Spectra (n, 7781) as they are, and averaged over the pixels of SDSS and brought back in two ways, (n, 7781) each.

    The first way draws straight lines between pixels, the second is that of the readers (`grid.rebin`).
    """
    seen, there = edges(SDSS), np.ones(flux.shape[1], bool)
    averaged = np.array([mean_over(one, there, GRID, seen)[0] for one in flux.astype(float)])
    return {
        "as they are": flux,
        "SDSS, straight lines": resample(averaged, SDSS, np.ones(averaged.shape, bool)),
        "SDSS, as read": spectra_of_arrays(averaged, SDSS).flux,
    }
