"""Properties read off the neighbours: prediction against truth, honesty of p(z), and methods side by side."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import LogLocator, NullFormatter
from scipy.stats import binom

from astroclip_book.data.pairs import Pairs
from bookmaking.figures.galaxies import show_galaxies
from bookmaking.figures.style import (
    ASKED,
    DARK,
    FAINT,
    LABELS,
    MARKERS,
    MODALITY,
    WIDTH,
    drawing,
    estimate,
    legend_of,
    name_rows,
)

FEW = 1500  # below this, points; above, their density
BASELINES = {
    "aligned": "aligned, k-NN", "unaligned": "unaligned, k-NN", "random": "random weights, k-NN",
    "pca": "principal components, k-NN", "photometry_boosted": "catalogue photometry, boosted trees", "photometry_measured": "measured photometry, boosted trees",
    "combined": "measured photometry + embedding", "supervised": "supervised, same size", "oracle": "best possible",
}  # fmt: skip


@drawing
def predicted(predictions: dict[str, np.ndarray], scores: dict[str, dict], name: str):
    """Predictions (n,) of a property of `LABELS` by way of asking against ``truth``, NaN where unknown, on the same scales."""
    figure, axes = plt.subplots(1, len(ASKED), figsize=(WIDTH, 2.9), sharex=True, sharey=True)
    known = np.isfinite(predictions["truth"])
    truth = predictions["truth"][known]
    low, high = np.percentile(truth, [0.3, 99.7])
    window = (low - 0.04 * (high - low), high + 0.04 * (high - low))
    density, most = LogNorm(vmin=1), 2  # galaxies in a cell, of all panels
    for axis, (way, title) in zip(axes, ASKED.items(), strict=True):
        values = predictions[way][known]
        if len(truth) < FEW:
            axis.scatter(truth, values, s=np.clip(3000 / len(truth), 4, 10), lw=0, alpha=0.7, color=MODALITY[way])
        else:
            cells = axis.hexbin(truth, values, gridsize=38, extent=2 * window, mincnt=1, norm=density)
            most = max(most, cells.get_array().max())
        axis.plot(window, window, color="black", lw=0.8, ls="--")
        score = scores[way]
        text = f"$R^2 = {score['r2']:.3f}$\n[{score['r2_ci95'][0]:.3f}, {score['r2_ci95'][1]:.3f}]\nslope {score['slope']:.2f}\n$N = {score['n']}$"
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.5}
        axis.text(0.04, 0.97, text, transform=axis.transAxes, va="top", fontsize=7.5, bbox=box)
        axis.set(title=title, xlabel=f"true {LABELS[name]}", xlim=window, ylim=window, aspect="equal")
    axes[0].set_ylabel(f"predicted {LABELS[name]}")
    if len(truth) >= FEW:
        density.vmax = most
        figure.colorbar(cells, ax=axes, label="galaxies per cell", shrink=0.75)
    return figure


@drawing
def pit_histogram(places: dict[str, np.ndarray], scores: dict[str, dict]):
    """Probability integral transforms (n,), NaN where there is none, by way of asking: flat if p(z) is honest."""
    figure, axes = plt.subplots(1, len(ASKED), figsize=(WIDTH, 2.4), sharex=True, sharey=True)
    for axis, (way, title) in zip(axes, ASKED.items(), strict=True):
        values = places[way][np.isfinite(places[way])]
        bins = 20 if len(values) >= FEW else 10
        counts, edges = np.histogram(values, bins, (0, 1))
        axis.stairs(counts * bins / len(values), edges, fill=True, color=MODALITY[way], alpha=0.6)
        honest = np.array(binom.interval(0.95, len(values), 1 / bins)) * bins / len(values)  # what 95 % of bins keep to
        axis.axhspan(*honest, color=FAINT, alpha=0.35, lw=0)
        axis.axhline(1, color="black", lw=0.8, ls="--")
        axis.set_title(f"{title}\nCRPS {scores[way]['crps']:.4f}, distance {scores[way]['pit_ks']:.3f}", fontsize=8)
        axis.set(xlim=(0, 1), xticks=(0, 0.5, 1), xlabel="place of the true redshift")
    axes[0].set_ylabel("galaxies per bin / expected")
    return figure


@drawing
def coverage_by_bins(coverage: dict):
    """Coverage (`photoz.local_coverage`) by modality (rows), promised share, kind of calibration and quantity (columns)."""
    quantities = next(iter(coverage["image"].values()))["one factor"]
    size = (WIDTH, 1.7 * len(coverage) + 0.6)
    figure, axes = plt.subplots(len(coverage), len(quantities), figsize=size, sharex=True, sharey=True, squeeze=False)
    for (modality, levels), row in zip(coverage.items(), axes, strict=True):
        style = {"ls": "", "marker": MARKERS[modality], "ms": 4, "color": MODALITY[modality], "capsize": 1.5}
        for axis, quantity in zip(row, quantities, strict=True):
            for promised, calibrated in levels.items():
                axis.axhline(promised, color=FAINT, lw=0.8, ls="--")
                for (label, bins), offset, fill in zip(calibrated.items(), (-0.12, 0.12), ("white", None), strict=True):
                    for place, one in enumerate(bins[quantity], 1):
                        if one["n"]:
                            error = np.abs(np.array(one["coverage_ci95"])[:, None] - one["coverage"])
                            axis.errorbar(place + offset, one["coverage"], error, mfc=fill, label=label, **style)
        row[0].set_ylabel(f"{modality}:\nwithin the interval")
    for axis, quantity in zip(axes[-1], quantities, strict=True):
        axis.set(xticks=range(1, 5), xlabel=f"quarter of\n{quantity}")
    legend_of(figure, axes[0])
    return figure


@drawing
def baselines(methods: dict[str, dict]):
    """R² of redshift and mass by method of `BASELINES`, those of the aligned embeddings first; scores by property and way to ask."""
    rows = {title: methods[way] for way, title in BASELINES.items() if methods.get(way)}
    names = [name for name in ("redshift", "log_mstar") if name in methods["aligned"]]
    size = (WIDTH, 0.3 * len(rows) + 1.1)
    figure, axes = plt.subplots(1, len(names), figsize=size, sharey=True, squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for row, scores in enumerate(rows.values()):
            for (way, title), offset in zip(ASKED.items(), (-0.22, 0, 0.22), strict=True):
                if way in scores.get(name, {}):
                    style = {"marker": MARKERS[way], "ms": 4, "lw": 0.9, "color": MODALITY[way], "label": title}
                    full = "white" if row else MODALITY[way]
                    estimate(axis, scores[name][way], "r2", row + offset, mfc=full, **style)
        axis.axhspan(-0.5, 0.5, color=FAINT, alpha=0.15, lw=0)
        name_rows(axis, list(rows))
        axis.set_xlabel(f"$R^2$ of {LABELS[name]}")
        axis.axvline(0, color=FAINT, lw=0.8)
    legend_of(figure, axes[0, :1])
    return figure


@drawing
def errors_against(errors: dict[str, dict[str, dict]]):
    """Robust scatter of errors by property and modality, in groups of galaxies by magnitude or S/N, of several methods."""
    figure, axes = plt.subplots(len(errors), 2, figsize=(WIDTH, 1.7 * len(errors) + 0.4), sharex="col", squeeze=False)
    for row, (name, modalities) in zip(axes, errors.items(), strict=True):
        for axis, (modality, curves) in zip(row, modalities.items(), strict=True):
            styles = {"unaligned": (DARK, "--"), "aligned": (MODALITY[modality], "-"), "oracle": ("black", ":")}
            for method, (colour, style) in styles.items():
                if method in curves:
                    at, curve = curves["at"], curves[method]
                    axis.plot(at, curve["scatter"], style, marker=".", color=colour, label=BASELINES[method])
                    axis.fill_between(at, *np.transpose(curve["scatter_ci95"]), color=colour, alpha=0.15, lw=0)
            axis.set(yscale="log", xscale="log" if modality == "spectrum" else "linear")
            for ruler in (axis.xaxis, axis.yaxis):
                if ruler.get_scale() == "log":
                    low, high = ruler.get_view_interval()
                    ticks = LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,))
                    ruler.set(major_locator=ticks, major_formatter="{x:g}", minor_formatter=NullFormatter())
            axis.grid(alpha=0.3)
        row[0].set_ylabel(r"$\sigma_\mathrm{NMAD}$ of redshift" if name == "redshift" else "scatter of mass (dex)")
    axes[-1, 0].set_xlabel("$r$ (AB mag), fainter to the right")
    axes[-1, 1].set_xlabel("mean S/N per pixel of the spectrum")
    for axis, title in zip(axes[0], ("image → image", "spectrum → spectrum"), strict=True):
        axis.set_title(title)
    legend_of(figure, axes[0, :1])
    return figure


@drawing
def failures(pairs: Pairs, rows: np.ndarray, modality: str, pz, predicted: np.ndarray, reasons: list[str]):
    """Galaxies (n,) of the pairs in a grid: image or spectrum, with p(z), an `Answer`, below it, and a text of reasons."""
    images = modality == "image"
    columns = 6 if images else 3
    lines = -(-len(rows) // columns)
    size, ratios = (WIDTH, (2.5 if images else 1.6) * lines), [1.2 if images else 1, 0.6] * lines
    figure, axes = plt.subplots(2 * lines, columns, figsize=size, height_ratios=ratios)
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.03, hspace=0, wspace=0)
    shown, beneath = axes[::2].ravel()[: len(rows)], axes[1::2].ravel()[: len(rows)]
    show_galaxies(shown, pairs, rows, [modality] * len(rows), [""] * len(rows))
    for i, (above, below) in enumerate(zip(shown, beneath, strict=True)):
        true = pairs.index.redshift[rows[i]]
        above.set_box_aspect(1 if images else 0.38)
        above.set_title(f"$z$ {true:.3f}, predicted {predicted[i]:.3f}", fontsize=6.5, pad=2)
        below.hist(pz.values[i], np.linspace(0, 0.8, 41), weights=pz.weights[i], color=MODALITY[modality], alpha=0.6)
        below.axvline(true, color="black", lw=1.2)
        below.axvline(predicted[i], color="black", lw=1, ls="--")
        below.set(xlim=(0, 0.8), xticks=(0, 0.4, 0.8), yticks=[])
        below.tick_params(labelsize=6, length=2, pad=1)
        text = textwrap.fill(reasons[i] or "none of these", 25 if images else 48)
        below.set_xlabel(text, fontsize=6, labelpad=1)
    return figure
