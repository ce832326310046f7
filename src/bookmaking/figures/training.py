"""How the networks were trained: losses, and what the image encoder was shown."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from bookmaking.figures.galaxies import show_image
from bookmaking.figures.style import WIDTH, drawing

STYLES = ({"color": "#0072B2", "marker": "o", "ls": "-"}, {"color": "#D55E00", "marker": "s", "ls": "--"})

TERMS = {  # of the loss of spectra
    "fidelity": "residual at rest", "blind": "blind redshift",
}  # fmt: skip


@drawing
def training_curves(panels: dict[str, dict[str, list[float]]], best_epoch: int | None = None):
    """Scores by epoch, a panel for each label of the ordinate.

    Parameters
    ----------
    panels : dict
        Ordinate's label to {curve's name: values by epoch}; at most two curves in a panel.
    best_epoch : int, optional
        Counted from 0; marked with a vertical.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 2.8), squeeze=False)
    for axis, (label, curves) in zip(axes[0], panels.items(), strict=True):
        for (name, values), style in zip(curves.items(), STYLES, strict=False):
            axis.plot(np.arange(1, len(values) + 1), values, label=name, ms=3 if len(values) < 40 else 0, **style)
        if best_epoch is not None:
            axis.axvline(best_epoch + 1, color="#777777", lw=0.8, ls=":", label="epoch kept")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set(xlabel="epoch", ylabel=label)
        axis.legend()
    return figure


@drawing
def augmented_views(original: np.ndarray, views: np.ndarray):
    """One galaxy as observed (h, w, 3) and random views of it (n, h', w', 3), nanomaggies."""
    columns = (len(views) + 1) // 2
    figure = plt.figure(figsize=(WIDTH, 2 * WIDTH / (columns + 2) + 0.3))
    grid = figure.add_gridspec(2, columns + 1, width_ratios=[2] + [1] * columns)
    show_image(figure.add_subplot(grid[:, 0]), original, "as observed")
    for number, view in enumerate(views):
        show_image(figure.add_subplot(grid[number // columns, 1 + number % columns]), view)
    return figure
