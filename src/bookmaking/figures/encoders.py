"""What an encoder has learned: whom it finds alike, where it looks, and how much that tells."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import WAVELENGTH, Pairs
from bookmaking.figures.search import show_galaxy
from bookmaking.figures.spectra import mark_lines, observed_limits, smooth
from bookmaking.figures.style import FAINT, FLUX, LABELS, MODALITY, WIDTH, drawing

WAYS = {
    "frozen": "frozen, neighbours",
    "random": "random weights, neighbours",
    "pca": "principal components, neighbours",
    "supervised": "trained on labels",
}


def by_way(metrics: dict, modality: str) -> dict[str, dict[str, dict]]:
    """The scores of a run by each way to look at ``image`` or ``spectrum``: way to label to ``r2``, ``r2_ci95``, ``n``."""
    others = {way: metrics["baseline"][way] for way in WAYS if way != "frozen"}
    return {"frozen": metrics[f"{modality}_encoder"]["frozen"]} | {
        way: {label: score[modality] for label, score in scores.items()} for way, scores in others.items()
    }


@drawing
def alike(pairs: Pairs, positions: np.ndarray, queries: np.ndarray, members: np.ndarray, modality: str):
    """Queries and their nearest neighbours in the feature space of one encoder, a row each.

    Parameters
    ----------
    pairs : Pairs
    positions : (n,) int array
        Where in ``pairs`` the galaxies that were searched stand.
    queries : (m,) int array
        Places in ``positions``.
    members : (m, k) int array
        Places of the neighbours, nearest first.
    modality : str
        ``image`` or ``spectrum``.
    """
    figure, axes = plt.subplots(len(queries), members.shape[1] + 1, figsize=(WIDTH, 1.42 * len(queries)), squeeze=False)
    for row, query, found in zip(axes, queries, members, strict=True):
        shown = positions[[query, *found]]
        images, flux, redshift = pairs.images(shown), pairs.spectra(shown), pairs.index.redshift[shown]
        for axis, image, values, z in zip(row, images, flux, redshift, strict=True):
            show_galaxy(axis, image, values, z, modality)
            axis.set_xlabel(f"$z = {z:.3f}$", fontsize=6.5, labelpad=2)
    axes[0, 0].set_title("query", fontsize=8)
    for rank, axis in enumerate(axes[0, 1:], start=1):
        axis.set_title(f"neighbour {rank}", fontsize=8)
    return figure


@drawing
def ways(scores: dict[str, dict[str, dict]]):
    """R² of redshift and stellar mass, with intervals, by each way to look at the same pixels.

    Parameters
    ----------
    scores : dict
        Way (``frozen``, ``random``, ``pca``, ``supervised``) to label to ``r2`` and ``r2_ci95``.
    """
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
    flux: np.ndarray,
    redshift: np.ndarray,
    places: np.ndarray,
    weights: np.ndarray,
    rest: np.ndarray,
    mean: dict[str, np.ndarray],
):
    """Where the encoder looks: on single spectra, and at rest on the mean over galaxies.

    Parameters
    ----------
    flux : (n, 7781) array
    redshift : (n,) array
    places : (m,) array
        Observed wavelengths in Å.
    weights : (n, m) array
        How much each place counts, the mean over all places being 1.
    rest : (p,) array
        Wavelengths at rest in Å.
    mean : dict of (p,) arrays
        Curve's name to mean weights at these wavelengths.
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
    middle = axes[(len(flux) - 1) // 2, 0]
    middle.set_ylabel(FLUX, fontsize=8)
    axes[-2, 0].set_xlabel("observed wavelength (Å)")
    last = axes[-1, 0]
    for (name, curve), style in zip(mean.items(), ("-", "--"), strict=False):
        last.plot(rest, curve, ls=style, color=MODALITY["image"] if style == "-" else "#555555", label=name)
    last.set(xlim=rest[[0, -1]], ylim=(0, None), xlabel="rest wavelength (Å)", ylabel="mean weight")
    mark_lines(last)
    last.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    return figure
