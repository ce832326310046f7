"""What an encoder has learned, and how: views, training, whom it finds alike, where it looks, and how much that tells."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import WAVELENGTH, Pairs
from bookmaking.figures.galaxies import show_image
from bookmaking.figures.search import show_galaxy
from bookmaking.figures.spectra import mark_lines, observed_limits, smooth
from bookmaking.figures.style import FAINT, FLUX, LABELS, MODALITY, WIDTH, drawing

WAYS = {
    "frozen": "frozen, neighbours",
    "random": "random weights, neighbours",
    "pca": "principal components, neighbours",
    "supervised": "trained on labels",
}
STYLES = ({"color": "#0072B2", "marker": "o", "ls": "-"}, {"color": "#D55E00", "marker": "s", "ls": "--"})


@drawing
def training_curves(panels: dict[str, dict[str, list[float]]], best_epoch: int | None = None):
    """Scores by epoch, a panel for each label of the ordinate with at most two curves by name; ``best_epoch`` counts from 0."""
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


@drawing
def alike(pairs: Pairs, positions: np.ndarray, queries: np.ndarray, members: np.ndarray, modality: str):
    """Queries (m,) and their nearest neighbours (m, k), all places in ``positions`` of ``pairs``, a row each."""
    figure, axes = plt.subplots(len(queries), members.shape[1] + 1, figsize=(WIDTH, 1.42 * len(queries)), squeeze=False)
    for row, query, found in zip(axes, queries, members, strict=True):
        shown = positions[[query, *found]]
        images, flux, redshift = pairs.images(shown), pairs.spectra(shown), pairs.index.redshift[shown]
        for axis, image, values, z in zip(row, images, flux, redshift, strict=True):
            show_galaxy(axis, image, values, z, modality)
            axis.set_xlabel(f"$z = {z:.3f}$", fontsize=6.5, labelpad=2)
    for rank, axis in enumerate(axes[0]):
        axis.set_title(f"neighbour {rank}" if rank else "query", fontsize=8)
    return figure


@drawing
def ways(scores: dict[str, dict[str, dict]]):
    """R² of redshift and stellar mass, with intervals, by each way of `WAYS` to look at the same pixels."""
    labels = list(scores["frozen"])
    figure, axes = plt.subplots(1, len(labels), figsize=(WIDTH, 1.9), sharey=True, squeeze=False)
    for axis, label in zip(axes[0], labels, strict=True):
        for place, way in enumerate(scores):
            score = scores[way][label]
            error = np.abs(np.array(score["r2_ci95"])[:, None] - score["r2"])
            colour = MODALITY["cross"] if way == "frozen" else "#555555"
            axis.errorbar(score["r2"], place, xerr=error, capsize=2, ls="", marker="o", ms=5, color=colour)
        axis.set(yticks=range(len(scores)), yticklabels=[WAYS[way] for way in scores], ylim=(len(scores) - 0.5, -0.5))
        axis.set_xlabel(f"$R^2$ of {LABELS[label]}")
        axis.axvline(0, color=FAINT, lw=0.8)
        axis.grid(axis="x", alpha=0.3)
    return figure


@drawing
def attention(
    flux: np.ndarray, redshift: np.ndarray, places: np.ndarray, weights: np.ndarray, rest: np.ndarray, mean: dict
):
    """Where the encoder looks.

    On single spectra (n, 7781) by weights (n, m) at observed ``places`` (m,), in Å, whose mean is 1; and by the mean curves
    (p,) of galaxies over wavelengths at ``rest`` (p,).
    """
    figure, axes = plt.subplots(len(flux) + 1, 1, figsize=(WIDTH, 1.5 * len(flux) + 2.4), squeeze=False)
    for axis, values, z, weight in zip(axes[:-1, 0], flux, redshift, weights, strict=True):
        smoothed = smooth(values)
        axis.plot(WAVELENGTH, smoothed, color=MODALITY["spectrum"], lw=0.7)
        axis.set(xlim=WAVELENGTH[[0, -1]], ylim=observed_limits(smoothed))
        mark_lines(axis, z)
        axis.set_title(f"$z = {z:.3f}$", loc="right", fontsize=8, pad=2)
        twin = axis.twinx()
        twin.fill_between(places, weight, step="mid", color=MODALITY["image"], alpha=0.25, lw=0)
        twin.set(ylim=(0, 1.3 * max(weight.max(), 1)), ylabel="weight")
        twin.spines["right"].set_visible(True)
    axes[(len(flux) - 1) // 2, 0].set_ylabel(FLUX, fontsize=8)
    axes[-2, 0].set_xlabel("observed wavelength (Å)")
    last = axes[-1, 0]
    for (name, curve), style in zip(mean.items(), ("-", "--"), strict=False):
        last.plot(rest, curve, ls=style, color=MODALITY["image"] if style == "-" else "#555555", label=name)
    last.set(xlim=rest[[0, -1]], ylim=(0, None), xlabel="rest wavelength (Å)", ylabel="mean weight")
    mark_lines(last)
    last.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    return figure
