"""What a few labels give: curves, confusion matrices, ROC curves."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from bookmaking.figures.style import ASKED, DARK, FAINT, GROUPS, LABELS, WIDTH, drawing, estimate, legend_of, name_rows

BASELINES = {
    "unaligned_image": "image before alignment", "unaligned_spectrum": "spectrum before alignment", "photometry": "photometry",
}  # fmt: skip
BESIDE = {"image": ("unaligned_image", "photometry"), "spectrum": ("unaligned_spectrum",)}  # by what is asked
BESIDE["cross"] = BESIDE["image"]
METHODS = {"neighbours": "nearest neighbours", "linear": "linear probe", "logistic": "logistic regression"}
COLOURS = dict(zip(METHODS, (GROUPS[0], GROUPS[5], GROUPS[5]), strict=True))
GALLERIES = {
    "bright": {"label": "bright galaxies", "color": GROUPS[0], "marker": "o"},
    "reweighted": {"label": "bright, reweighted", "color": GROUPS[1], "marker": "D"},
    "all": {"label": "as many of all magnitudes", "color": DARK, "marker": "s"},
}
SPACES = {"aligned": "after alignment", "unaligned": "before alignment"}


@drawing
def label_efficiency(curves: dict[str, dict]):
    """R² against the number of labels by property (rows), way to ask (columns) and method; the last point is from all labels.

    Curves are lists ``labels``, ``r2``, ``low``, ``high``, whose last ``low`` and ``high`` are an interval.
    """
    size = (WIDTH, 2.3 * len(curves) + 0.6)
    figure, axes = plt.subplots(len(curves), len(ASKED), figsize=size, sharex=True, sharey=True, squeeze=False)
    for (name, ways), row in zip(curves.items(), axes, strict=True):
        for axis, way in zip(row, ASKED, strict=True):
            for method, curve in ways[way].items():
                labels, r2, low, high = (np.array(curve[part]) for part in ("labels", "r2", "low", "high"))
                axis.plot(labels, r2, "o-", color=COLOURS[method], ms=3, label=METHODS[method])
                axis.fill_between(labels[:-1], low[:-1], high[:-1], color=COLOURS[method], alpha=0.15, lw=0)
                axis.vlines(labels[-1], low[-1], high[-1], color=COLOURS[method])
            for baseline in BESIDE[way]:
                if baseline in ways:
                    curve = ways[baseline]["linear"]
                    label, style = ("photometry", ":") if baseline == "photometry" else ("before alignment", "--")
                    axis.plot(curve["labels"], curve["r2"], color=DARK, ls=style, label=f"{label}, linear probe")
            axis.set(xscale="log", ylim=(-0.25, 1.02))
            axis.axhline(0, color=FAINT, lw=0.8)
            axis.grid(alpha=0.3)
        row[0].set_ylabel(f"$R^2$ of {LABELS[name]}")
    for axis, title in zip(axes[0], ASKED.values(), strict=True):
        axis.set_title(title)
    axes[-1, 1].set_xlabel("galaxies with a label")
    legend_of(figure, axes[0])
    return figure


@drawing
def selection(scores: dict):
    """R², scatter and bias (columns) of properties (rows) by way to ask and gallery; ``scores``: `selection` of the metrics."""
    names, ways = [name for name in LABELS if name in scores], ASKED | {"photometry": "photometry, trees"}
    figure, axes = plt.subplots(len(names), 3, figsize=(WIDTH, 2.1 * len(names) + 0.5), sharey=True, squeeze=False)
    for name, row in zip(names, axes, strict=True):
        statistics = {"r2": "$R^2$", "scatter": "scatter (dex)", "bias": "bias (dex)"}
        if name == "redshift":
            statistics = {"r2": "$R^2$", "nmad": r"$\sigma_\mathrm{NMAD}$", "bias": "bias"}
        for axis, (statistic, label) in zip(row, statistics.items(), strict=True):
            for place, way in enumerate(ways):
                for offset, (gallery, style) in zip((-0.22, 0, 0.22), GALLERIES.items(), strict=True):
                    if gallery in scores[name][way]:
                        estimate(axis, scores[name][way][gallery], statistic, place + offset, **style)
            name_rows(axis, list(ways.values()))
            axis.set_xlabel(label)
            if statistic != "nmad":
                axis.axvline(0, color=FAINT, lw=0.8)
        row[0].set_title(LABELS[name], loc="left")
    legend_of(figure, axes[0])
    return figure


@drawing
def confusion(matrices: dict[str, pd.DataFrame]):
    """By way to ask, galaxies by true class (row) and class told (column): shares of each true class, and numbers."""
    figure, axes = plt.subplots(1, len(matrices), figsize=(WIDTH, 2.9), sharey=True, squeeze=False)
    for axis, (way, matrix) in zip(axes[0], matrices.items(), strict=True):
        shares = matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0)
        text = shares.map("{:.2f}\n".format) + matrix.map("({})".format)
        style = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False, "square": True, "annot_kws": {"fontsize": 6}}
        sns.heatmap(shares, annot=text, fmt="", ax=axis, **style)
        axis.set(title=ASKED[way], xlabel="predicted", ylabel="")
        axis.tick_params(labelsize=7)
        axis.set_xticklabels(matrix.columns, rotation=40, ha="right")
    axes[0, 0].set_ylabel("true")
    return figure


@drawing
def roc(curves: dict[str, dict], scores: dict):
    """ROC curves (false and true rates) by space and method, a panel for each space; ``scores``: `artefacts` of the metrics."""
    figure, axes = plt.subplots(1, len(curves), figsize=(WIDTH, 3.1), sharey=True, squeeze=False)
    for axis, (space, methods) in zip(axes[0], curves.items(), strict=True):
        for method, rates in methods.items():
            label = f"{METHODS[method]}, {scores[space][method]['auc']:.2f}"
            axis.plot(*rates, color=COLOURS[method], lw=1 + (scores["best"][space] == method), label=label)
        axis.plot([0, 1], [0, 1], color=FAINT, lw=0.8, ls="--")
        axis.set(title=SPACES[space], xlabel="clean images flagged", aspect="equal")
        axis.set(xlim=(0, 1), ylim=(0, 1.01))
        axis.legend(loc="lower right", fontsize=7)
    axes[0, 0].set_ylabel("artefacts found")
    return figure
