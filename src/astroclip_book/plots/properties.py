"""Properties read off the neighbours: prediction against truth, and methods side by side."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.plots.style import FAINT, LABELS, MODALITY, WIDTH, drawing

MARKERS = {"image": "o", "spectrum": "s", "cross": "D"}
TITLES = {"image": "image → image", "spectrum": "spectrum → spectrum", "cross": "image → spectrum"}
FEW = 1500  # below this, points; above, their density


@drawing
def predicted(predictions: dict[str, np.ndarray], scores: dict[str, dict], name: str):
    """Predicted against true values, a panel for each way of asking, all on the same scales.

    Parameters
    ----------
    predictions : dict of (n,) arrays
        ``truth``, NaN where unknown, and ``image``, ``spectrum`` and ``cross`` (images asked, spectra answer).
    scores : dict
        For each of the three, ``r2``, ``r2_ci95`` and ``n``.
    name : str
        ``redshift`` or ``log_mstar``.
    """
    figure, axes = plt.subplots(1, len(TITLES), figsize=(WIDTH, 2.9), sharex=True, sharey=True, squeeze=False)
    truth = predictions["truth"]
    known = np.isfinite(truth)
    low, high = np.percentile(truth[known], [0.3, 99.7])
    margin = 0.04 * (high - low)
    window = (low - margin, high + margin)
    most = 1
    for axis, way in zip(axes[0], TITLES, strict=True):
        values = predictions[way]
        if known.sum() < FEW:
            size = np.clip(3000 / known.sum(), 4, 10)
            axis.scatter(truth[known], values[known], s=size, lw=0, alpha=0.7, color=MODALITY[way])
        else:
            cells = axis.hexbin(truth[known], values[known], gridsize=38, extent=2 * window, mincnt=1, bins="log")
            most = max(most, cells.get_array().max())
        axis.plot(window, window, color="black", lw=0.8, ls="--")
        score = scores[way]
        text = f"$R^2 = {score['r2']:.3f}$\n[{score['r2_ci95'][0]:.3f}, {score['r2_ci95'][1]:.3f}]\n$N = {score['n']}$"
        axis.text(0.04, 0.97, text, transform=axis.transAxes, va="top", fontsize=7.5,
                  bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.5})
        axis.set(title=TITLES[way], xlabel=f"true {LABELS[name]}", xlim=window, ylim=window, aspect="equal")
    axes[0, 0].set_ylabel(f"predicted {LABELS[name]}")
    density = [axis.collections[0] for axis in axes[0] if known.sum() >= FEW]
    for cells in density:
        cells.set_clim(1, most)
    if density:
        figure.colorbar(density[-1], ax=axes[0], label="galaxies per cell", shrink=0.75)
    return figure


@drawing
def comparison(baselines: dict[str, dict], aligned: dict[str, dict], name: str):
    """R² of the aligned embeddings, with intervals, beside that of the yardsticks.

    Parameters
    ----------
    baselines : dict
        Yardstick's name to property's name to modality to {"r2": …}; a modality may be missing.
    aligned : dict
        Property's name to ``image``, ``spectrum`` and ``cross``, each with ``r2`` and ``r2_ci95``.
    name : str
        ``redshift`` or ``log_mstar``.
    """
    names = ["aligned", *baselines]
    figure, axis = plt.subplots(figsize=(WIDTH, 0.42 * len(names) + 1.1))
    for offset, modality in zip((-0.2, 0.0, 0.2), ("image", "spectrum", "cross"), strict=True):
        score = aligned[name][modality]
        error = np.abs(np.array(score["r2_ci95"])[:, None] - score["r2"])
        style = {"color": MODALITY[modality], "marker": MARKERS[modality], "ms": 5}
        axis.errorbar(score["r2"], offset, xerr=error, capsize=2, ls="", label=TITLES[modality], **style)
        for place, baseline in enumerate(baselines.values(), start=1):
            if modality in baseline[name]:
                axis.plot(baseline[name][modality]["r2"], place + offset, ls="", **style)
    axis.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    axis.set_xlabel(f"$R^2$ of {LABELS[name]}")
    axis.axvline(0, color=FAINT, lw=0.8)
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure
