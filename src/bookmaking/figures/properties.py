"""Properties read off the neighbours: prediction against truth, honesty of p(z), and methods side by side."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binom

from bookmaking.figures.style import FAINT, LABELS, MODALITY, WIDTH, drawing

MARKERS = {"image": "o", "spectrum": "s", "cross": "D"}
TITLES = {"image": "image → image", "spectrum": "spectrum → spectrum", "cross": "image → spectrum"}
WAYS = TITLES | {"cross_spectrum": "spectrum → image"}
NAMES = {
    "redshift": "redshift",
    "log_mstar": "log stellar mass",
    "log_ssfr": "log specific star formation",
    "log_tage_mw": "log mean stellar age",
    "log_z_mw": "log metallicity",
}
FEW = 1500  # below this, points; above, their density
YARDSTICKS = {
    "aligned": "aligned, neighbours",
    "unaligned": "unaligned, neighbours",
    "random": "random weights, neighbours",
    "pca": "principal components, neighbours",
    "photometry": "photometry, neighbours",
    "photometry_boosted": "photometry, boosted trees",
    "supervised": "trained on labels",
    "oracle": "best possible",
}


@drawing
def predicted(predictions: dict[str, np.ndarray], scores: dict[str, dict], name: str):
    """Predicted against true values of ``redshift`` or ``log_mstar``, a panel for each way of asking, on the same scales.

    ``predictions`` (n,) are ``truth``, NaN where unknown, and ``image``, ``spectrum`` and ``cross`` (images ask spectra), whose
    ``scores`` have ``r2``, ``r2_ci95`` and ``n``.
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
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.5}
        axis.text(0.04, 0.97, text, transform=axis.transAxes, va="top", fontsize=7.5, bbox=box)
        axis.set(title=TITLES[way], xlabel=f"true {LABELS[name]}", xlim=window, ylim=window, aspect="equal")
    axes[0, 0].set_ylabel(f"predicted {LABELS[name]}")
    density = [axis.collections[0] for axis in axes[0] if known.sum() >= FEW]
    for cells in density:
        cells.set_clim(1, most)
    if density:
        figure.colorbar(density[-1], ax=axes[0], label="galaxies per cell", shrink=0.75)
    return figure


@drawing
def pit_histogram(places: dict[str, np.ndarray], scores: dict[str, dict]):
    """Where the true redshifts lie in their p(z): flat if p(z) is honest, a panel for each way of asking.

    ``places`` (n,) are the probability integral transform by way, NaN where there is none.
    """
    figure, axes = plt.subplots(1, len(TITLES), figsize=(WIDTH, 2.4), sharex=True, sharey=True, squeeze=False)
    for axis, way in zip(axes[0], TITLES, strict=True):
        values = places[way][np.isfinite(places[way])]
        bins = 20 if len(values) >= FEW else 10
        counts, edges = np.histogram(values, bins, (0, 1))
        axis.stairs(counts * bins / len(values), edges, fill=True, color=MODALITY[way], alpha=0.6)
        honest = np.array(binom.interval(0.95, len(values), 1 / bins)) * bins / len(values)  # what 95 % of bins keep to
        axis.axhspan(*honest, color=FAINT, alpha=0.35, lw=0)
        axis.axhline(1, color="black", lw=0.8, ls="--")
        score = scores[way]
        axis.set_title(f"{TITLES[way]}\nCRPS {score['crps']:.4f}, distance {score['pit_ks']:.3f}", fontsize=8)
        axis.set(xlim=(0, 1), xticks=(0, 0.5, 1), xlabel="place of the true redshift")
    axes[0, 0].set_ylabel("galaxies per bin / expected")
    return figure


@drawing
def yardsticks(metrics: dict):
    """R² of the aligned embeddings beside that of every yardstick, with intervals, a panel for each property.

    ``metrics`` has ``property.<name>.<direction>``, ``baseline.<yardstick>.<name>.<modality>`` and maybe
    ``oracle.<name>.<modality>``; what is not there gets no mark.
    """
    rows = {"aligned": metrics["property"]} | metrics["baseline"] | {"oracle": metrics.get("oracle", {})}
    rows = {way: rows[way] for way in YARDSTICKS if rows.get(way)}
    names = [name for name in ("redshift", "log_mstar") if name in metrics["property"]]
    size = (WIDTH, 0.36 * len(rows) + 1.1)
    figure, axes = plt.subplots(1, len(names), figsize=size, sharey=True, squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for place, scores in enumerate(rows.values()):
            shown = {way: scores[name][way] for way in TITLES if way in scores.get(name, {})}
            for way, score in shown.items():
                offset = 0.22 * (list(TITLES).index(way) - 1)
                error = np.abs(np.array(score["r2_ci95"])[:, None] - score["r2"])
                style = {"capsize": 1.5, "lw": 0.9, "ls": "", "marker": MARKERS[way], "ms": 4, "color": MODALITY[way]}
                full = MODALITY[way] if place == 0 else "white"
                axis.errorbar(score["r2"], place + offset, xerr=error, mfc=full, **style)
        axis.axhspan(-0.5, 0.5, color=FAINT, alpha=0.15, lw=0)
        axis.set(yticks=range(len(rows)), yticklabels=[YARDSTICKS[way] for way in rows], ylim=(len(rows) - 0.5, -0.5))
        axis.set_xlabel(f"$R^2$ of {LABELS[name]}")
        axis.axvline(0, color=FAINT, lw=0.8)
        axis.grid(axis="x", alpha=0.3)
    marks = [plt.Line2D([], [], ls="", marker=MARKERS[way], color=MODALITY[way], label=TITLES[way]) for way in TITLES]
    figure.legend(handles=marks, loc="outside upper center", ncols=len(TITLES))
    return figure
