"""Similarity search: what is found, and how often the right galaxy is."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import WAVELENGTH, Pairs
from bookmaking.figures.galaxies import show_image
from bookmaking.figures.spectra import mark_lines, observed_limits, smooth
from bookmaking.figures.style import FAINT, LABELS, MODALITY, WIDTH, drawing

RETRIEVAL = {
    "image_to_spectrum": ("image → spectrum", MODALITY["image"], "-"),
    "spectrum_to_image": ("spectrum → image", MODALITY["spectrum"], "--"),
}
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

    Parameters
    ----------
    pairs : Pairs
        Read from for the galaxies shown.
    positions : (n,) int array
        Where in ``pairs`` the galaxies that were searched stand.
    query : int
        The query's place in ``positions``.
    found : dict
        From `astroclip_book.evaluate.search.four_directions`.
    """
    shown = np.unique(np.concatenate([[query], *(members for members, _ in found.values())]))
    redshift = dict(zip(shown, pairs.index.redshift[positions[shown]], strict=True))
    images = dict(zip(shown, pairs.images(positions[shown]), strict=True))
    flux = dict(zip(shown, pairs.spectra(positions[shown]), strict=True))
    k = len(next(iter(found.values()))[0])
    figure, axes = plt.subplots(len(found), k + 1, figsize=(WIDTH, 1.42 * len(found)), squeeze=False)
    for row, ((asked, gallery), (members, cosine)) in zip(axes, found.items(), strict=True):
        cells = [(query, asked, f"$z = {redshift[query]:.3f}$")]
        names = ["the query itself" if m == query else f"$z = {redshift[m]:.3f}$" for m in members]
        cells += [(m, gallery, f"{n}, cos {c:.2f}") for m, n, c in zip(members, names, cosine, strict=True)]
        for axis, (member, modality, label) in zip(row, cells, strict=True):
            show_galaxy(axis, images[member], flux[member], redshift[member], modality)
            axis.set_xlabel(label, fontsize=6.5, labelpad=2)
        row[0].set_ylabel(f"{asked} →\n{gallery}", fontsize=8)
    axes[0, 0].set_title("query", fontsize=8)
    for rank, axis in enumerate(axes[0, 1:], start=1):
        axis.set_title(f"neighbour {rank}", fontsize=8)
    return figure


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
def rare_neighbours(
    pairs: Pairs, positions: np.ndarray, kinds: dict[str, np.ndarray], found: dict[str, tuple[str, int, np.ndarray]]
):
    """A query of each rare kind and its nearest others, a row each, with those of the same kind marked.

    Parameters
    ----------
    pairs : Pairs
    positions : (n,) int array
        Where in ``pairs`` the galaxies that were searched stand.
    kinds : dict of (n,) bool arrays
        From `astroclip_book.evaluate.rare.rare_kinds`.
    found : dict
        Kind to the modality that was searched, the query's place in ``positions`` and those (k,) of its neighbours,
        from `astroclip_book.evaluate.rare.rare_examples`.
    """
    columns = max(len(members) for *_, members in found.values()) + 1
    figure, axes = plt.subplots(len(found), columns, figsize=(WIDTH, 1.42 * len(found)), squeeze=False)
    for row, (kind, (modality, query, members)) in zip(axes, found.items(), strict=True):
        shown = [query, *members]
        images, flux = pairs.images(positions[shown]), pairs.spectra(positions[shown])
        redshift, same = pairs.index.redshift[positions[shown]], kinds[kind][shown]
        for axis, image, values, z, hit in zip(row, images, flux, redshift, same, strict=True):
            show_galaxy(axis, image, values, z, modality)
            colour = MODALITY["cross"] if hit else "#595959"
            label = KINDS[kind] if hit else f"no {KINDS[kind]}"
            axis.set_xlabel(label, fontsize=7, labelpad=2, color=colour, fontweight="bold" if hit else "normal")
        row[0].set_ylabel(f"{modality} →\n{modality}", fontsize=8)
    axes[0, 0].set_title("query", fontsize=8)
    for rank, axis in enumerate(axes[0, 1:], start=1):
        axis.set_title(f"neighbour {rank}", fontsize=8)
    return figure


@drawing
def rare_precision(scores: dict[str, dict[str, dict]]):
    """Share of a rare query's nearest others that are of its kind, in all four directions, beside the base rate.

    Parameters
    ----------
    scores : dict
        Kind to direction to ``precision``, ``precision_ci95``, ``base_rate`` and ``n``, from
        `astroclip_book.evaluate.rare.rare_precision`.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 0.75 * len(scores) + 1.0))
    names = []
    for place, (kind, directions) in enumerate(scores.items()):
        offsets = np.linspace(-0.27, 0.27, len(directions))
        for offset, (direction, score) in zip(offsets, directions.items(), strict=True):
            label, colour, marker = DIRECTIONS[direction]
            error = np.abs(np.array(score["precision_ci95"])[:, None] - score["precision"])
            axis.errorbar(
                score["precision"],
                place + offset,
                xerr=error,
                capsize=2,
                ls="",
                marker=marker,
                ms=5,
                color=colour,
                clip_on=False,
                label=None if place else label,
            )
        axis.plot(
            2 * [score["base_rate"]],
            [place - 0.4, place + 0.4],
            color="#595959",
            ls=":",
            label=None if place else "base rate",
        )
        names.append(f"{KINDS[kind]}\n({score['n']} queries)")
    axis.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5), xlim=(0, None))
    axis.set_xlabel("share of the nearest others that are of the query's kind")
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@drawing
def recall_curve(ranks: dict[str, np.ndarray], pool: int):
    """Share of queries whose own counterpart is among the first k, against k.

    Parameters
    ----------
    ranks : dict of (n,) int arrays
        ``image_to_spectrum`` and ``spectrum_to_image``, 1 = found first.
    pool : int
        Size of the gallery.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.2))
    k = np.unique(np.geomspace(1, pool, 200).astype(int))
    for name, values in ranks.items():
        label, colour, style = RETRIEVAL[name]
        axis.plot(k, [(values <= i).mean() for i in k], color=colour, ls=style, label=label)
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
