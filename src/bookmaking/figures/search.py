"""Similarity search: what is found, and how often the right galaxy is."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import WAVELENGTH, Pairs
from bookmaking.figures.galaxies import show_image
from bookmaking.figures.spectra import mark_lines, observed_limits, smooth
from bookmaking.figures.style import FAINT, LABELS, MODALITY, WIDTH, drawing

DIRECTIONS = {
    "image_to_image": ("image → image", MODALITY["image"], "o"),
    "spectrum_to_spectrum": ("spectrum → spectrum", MODALITY["spectrum"], "s"),
    "image_to_spectrum": ("image → spectrum", MODALITY["cross"], "D"),
    "spectrum_to_image": ("spectrum → image", MODALITY["joint"], "^"),
}
KINDS = {"artefact": "artefact", "merger": "merger", "agn": "active nucleus"}


@drawing
def four_way(pairs: Pairs, positions: np.ndarray, query: int, found: dict[tuple[str, str], tuple]):
    """One query and its nearest neighbours in all four directions, a row each.

    ``positions`` (n,) are where in ``pairs`` the galaxies that were searched stand, ``query`` the query's place in them;
    ``found`` is of `astroclip_book.evaluate.search.four_directions`.
    """
    figure, axes = _rows_of_galaxies(len(found), len(next(iter(found.values()))[0]))
    for row, ((asked, gallery), (members, cosine)) in zip(axes, found.items(), strict=True):
        places = positions[[query, *members]]
        redshift = pairs.index.redshift[places]
        names = ["the query itself" if m == query else f"$z = {z:.3f}$" for m, z in zip(members, redshift[1:])]
        labels = [f"$z = {redshift[0]:.3f}$", *(f"{n}, cos {c:.2f}" for n, c in zip(names, cosine, strict=True))]
        _show_row(row, pairs, places, [asked] + [gallery] * len(members))
        for axis, label in zip(row, labels, strict=True):
            axis.set_xlabel(label, fontsize=6.5, labelpad=2)
        row[0].set_ylabel(f"{asked} →\n{gallery}", fontsize=8)
    return figure


@drawing
def rare_neighbours(
    pairs: Pairs, positions: np.ndarray, kinds: dict[str, np.ndarray], found: dict[str, tuple[str, int, np.ndarray]]
):
    """A query of each rare kind and its nearest others, a row each, with those of the same kind marked.

    ``kinds`` are of `astroclip_book.evaluate.properties.rare_kinds`; ``found`` has, by kind, the modality that was searched, and
    the query's place in ``positions`` and those (k,) of its neighbours.
    """
    figure, axes = _rows_of_galaxies(len(found), max(len(members) for *_, members in found.values()))
    for row, (kind, (modality, query, members)) in zip(axes, found.items(), strict=True):
        shown = [query, *members]
        _show_row(row, pairs, positions[shown], [modality] * len(shown))
        for axis, hit in zip(row, kinds[kind][shown], strict=True):
            colour, weight = (MODALITY["cross"], "bold") if hit else ("#595959", "normal")
            label = KINDS[kind] if hit else f"no {KINDS[kind]}"
            axis.set_xlabel(label, fontsize=7, labelpad=2, color=colour, fontweight=weight)
        row[0].set_ylabel(f"{modality} →\n{modality}", fontsize=8)
    return figure


def _rows_of_galaxies(n: int, k: int):
    figure, axes = plt.subplots(n, k + 1, figsize=(WIDTH, 1.42 * n), squeeze=False)
    for axis, title in zip(axes[0], ["query", *(f"neighbour {rank}" for rank in range(1, k + 1))], strict=True):
        axis.set_title(title, fontsize=8)
    return figure, axes


def _show_row(row, pairs: Pairs, places: np.ndarray, modalities: list[str]) -> None:
    galaxies = pairs.images(places), pairs.spectra(places), pairs.index.redshift[places], modalities
    for axis, *galaxy in zip(row, *galaxies, strict=True):
        show_galaxy(axis, *galaxy)


def show_galaxy(axis, image: np.ndarray, flux: np.ndarray, redshift: float, modality: str) -> None:
    """One galaxy in axes without ticks: its image, or its spectrum smoothed over 25 Å with its lines marked."""
    if modality == "image":
        show_image(axis, image)
        return
    smoothed = smooth(flux, 31)
    axis.plot(WAVELENGTH, smoothed, color=MODALITY["spectrum"], lw=0.5)
    axis.set(xlim=WAVELENGTH[[0, -1]], ylim=observed_limits(smoothed), xticks=[], yticks=[], box_aspect=1)
    mark_lines(axis, redshift, names=False)


@drawing
def rare_precision(scores: dict[str, dict[str, dict]]):
    """Share of a rare query's nearest others that are of its kind, by kind and direction, beside the base rate."""
    figure, axis = plt.subplots(figsize=(WIDTH, 0.75 * len(scores) + 1.0))
    for place, directions in enumerate(scores.values()):
        for offset, (direction, score) in zip((-0.27, -0.09, 0.09, 0.27), directions.items(), strict=True):
            label, colour, marker = DIRECTIONS[direction]
            error = np.abs(np.array(score["precision_ci95"])[:, None] - score["precision"])
            style = {"capsize": 2, "ls": "", "marker": marker, "ms": 5, "color": colour, "clip_on": False}
            label = None if place else label
            axis.errorbar(score["precision"], place + offset, xerr=error, label=label, **style)
        ends = [place - 0.4, place + 0.4]
        axis.plot(2 * [score["base_rate"]], ends, color="#595959", ls=":", label=None if place else "base rate")
    names = [f"{KINDS[kind]}\n({next(iter(one.values()))['n']} queries)" for kind, one in scores.items()]
    axis.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5), xlim=(0, None))
    axis.set_xlabel("share of the nearest others that are of the query's kind")
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@drawing
def recall_curve(ranks: dict[str, np.ndarray], pool: int):
    """Share of queries whose own counterpart is among the first k, against k.

    ``ranks`` (n,), 1 = found first, of ``image_to_spectrum`` and ``spectrum_to_image`` in a gallery of ``pool``.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.2))
    k = np.unique(np.geomspace(1, pool, 200).astype(int))
    for (name, values), style in zip(ranks.items(), ("-", "--"), strict=True):
        recall = [(values <= i).mean() for i in k]
        axis.plot(k, recall, color=MODALITY[name.partition("_")[0]], ls=style, label=DIRECTIONS[name][0])
    axis.plot(k, k / pool, color=FAINT, ls=":", label="chance")
    axis.set(xscale="log", xlim=(1, pool), ylim=(0, 1.02), xlabel="k", ylabel="recall at k")
    axis.grid(alpha=0.3)
    axis.legend(title=f"gallery of {pool} galaxies", title_fontsize=8)
    return figure


@drawing
def cosine_histogram(matched: np.ndarray, unmatched: np.ndarray):
    """Cosine of image and spectrum of the same galaxy (n,), and of different galaxies (m,)."""
    figure, axis = plt.subplots(figsize=(WIDTH, 2.8))
    bins = np.linspace(*np.percentile(np.concatenate([matched, unmatched]), [0, 100]), 60)
    axis.hist(unmatched, bins, density=True, color=FAINT, label="different galaxies")
    axis.hist(matched, bins, density=True, histtype="step", lw=1.6, color=MODALITY["cross"], label="the same galaxy")
    axis.set(xlabel="cosine of image and spectrum embedding", ylabel="probability density")
    axis.legend(loc="upper left")
    return figure


@drawing
def cosine_matrix(cosine: np.ndarray, redshift: np.ndarray):
    """Cosines of images (rows) and spectra (columns), both sorted by redshift, (n, n)."""
    order = np.argsort(redshift)
    figure, axis = plt.subplots(figsize=(0.75 * WIDTH, 0.57 * WIDTH))
    shown = axis.imshow(cosine[np.ix_(order, order)], cmap="viridis", origin="lower", interpolation="antialiased")
    ticks = np.linspace(0, len(order) - 1, 5).astype(int)
    names = [f"{redshift[order[i]]:.2f}" for i in ticks]
    axis.set(xticks=ticks, yticks=ticks, xticklabels=names, yticklabels=names)
    axis.set(xlabel=f"spectra, by {LABELS['redshift']}", ylabel=f"images, by {LABELS['redshift']}")
    figure.colorbar(shown, ax=axis, label="cosine")
    return figure
