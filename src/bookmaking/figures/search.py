"""Similarity search: what is found, and how often the right galaxy is."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import Pairs
from bookmaking.figures.galaxies import rows_of_galaxies, show_galaxies, show_galaxy
from bookmaking.figures.style import FAINT, LABELS, MARKERS, MODALITY, WIDTH, drawing, estimate, name_rows

DIRECTIONS = {
    "image_to_image": "image → image", "spectrum_to_spectrum": "spectrum → spectrum",
    "image_to_spectrum": "image → spectrum", "spectrum_to_image": "spectrum → image",
}  # fmt: skip
KINDS = {"artefact": "artefact", "merger": "merger", "agn": "active nucleus"}


@drawing
def four_way(pairs: Pairs, positions: np.ndarray, query: int, found: dict[tuple[str, str], tuple]):
    """A query, a place in ``positions`` (n,) of ``pairs``, and what `four_directions` found for it there, a row each."""
    figure, axes = rows_of_galaxies(len(found), len(next(iter(found.values()))[0]))
    redshift = pairs.index.redshift[positions]
    for row, ((asked, gallery), (members, cosine)) in zip(axes, found.items(), strict=True):
        labels = [f"$z = {redshift[query]:.3f}$"]
        for member, value in zip(members, cosine, strict=True):
            name = "the query itself" if member == query else f"$z = {redshift[member]:.3f}$"
            labels.append(f"{name}, cos {value:.2f}")
        show_galaxies(row, pairs, positions[[query, *members]], [asked] + [gallery] * len(members), labels)
        row[0].set_ylabel(f"{asked} →\n{gallery}", fontsize=8)
    return figure


@drawing
def looked_up(pairs: Pairs, pixels: np.ndarray, known: np.ndarray, found, modality: str):
    """Objects (their pixels and known redshifts (n,)), a row each, and the galaxies of the run that `Found` names for them."""
    figure, axes = rows_of_galaxies(len(pixels), found.row.shape[1], "object")
    for i, (own, *others) in enumerate(axes):
        beside = "" if np.isnan(known[i]) else f", known {known[i]:.3f}"
        text = f"$z$ {found.low[i]:.3f} to {found.high[i]:.3f}{beside}".replace("-", "−")
        show_galaxy(own, pixels[i], known[i], modality, text)
        own.set_ylabel("unusual" if found.unusual[i] else "", fontsize=8, color="#B2182B")
        redshifts = pairs.index.redshift[found.row[i]]
        labels = [f"$z = {z:.3f}$, cos {value:.2f}" for z, value in zip(redshifts, found.cosine[i], strict=True)]
        show_galaxies(others, pairs, found.row[i], [modality] * len(others), labels)
    return figure


@drawing
def mismatched(pairs: Pairs, positions: np.ndarray, labels: list[str]):
    """Images of galaxies above their spectra, and a label under each; ``positions`` (n,) are rows of the pairs."""
    n = len(positions)
    figure, axes = plt.subplots(2, n, figsize=(WIDTH, 2.0 * WIDTH / n + 0.5), squeeze=False)
    show_galaxies(axes[0], pairs, positions, ["image"] * n, [""] * n)
    show_galaxies(axes[1], pairs, positions, ["spectrum"] * n, labels)
    return figure


@drawing
def rare_precision(scores: dict[str, dict[str, dict]]):
    """Share of a rare query's nearest others that are of its kind, by kind and direction, beside the base rate."""
    figure, axis = plt.subplots(figsize=(WIDTH, 0.75 * len(scores) + 1.0))
    looks = dict(zip(DIRECTIONS, MODALITY, strict=True))
    names = []
    for row, (kind, directions) in enumerate(scores.items()):
        for place, (way, score) in enumerate(directions.items()):
            style = {"color": MODALITY[looks[way]], "marker": MARKERS[looks[way]], "clip_on": False}
            label = None if row else DIRECTIONS[way]
            estimate(axis, score, "precision", row - 0.27 + 0.18 * place, label=label, **style)
        base = None if row else "base rate"
        axis.vlines(score["base_rate"], row - 0.4, row + 0.4, color="#595959", ls=":", label=base)
        names.append(f"{KINDS[kind]}\n({score['n']} queries)")
    name_rows(axis, names)
    axis.set(xlim=(0, None), xlabel="share of the nearest neighbours that are of the query's kind")
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@drawing
def recall_curve(ranks: dict[str, np.ndarray], pool: int):
    """Share of queries whose counterpart is among the first k of ``pool``, by its ranks (n,) from 1 in two directions."""
    figure, axis = plt.subplots(figsize=(WIDTH, 3.2))
    for (name, values), style in zip(ranks.items(), ("-", "--"), strict=True):
        axis.ecdf(values, color=MODALITY[name.partition("_")[0]], ls=style, label=DIRECTIONS[name])
    k = np.geomspace(1, pool, 200)
    axis.plot(k, k / pool, color=FAINT, ls=":", label="chance")
    axis.set(xscale="log", xlim=(1, pool), ylim=(0, 1.02), xlabel="k", ylabel="recall at k")
    axis.grid(alpha=0.3)
    axis.legend(title=f"gallery of {pool} galaxies", title_fontsize=8)
    return figure


@drawing
def cosines(cosine: np.ndarray, redshift: np.ndarray):
    """Cosines (n, n) of images (rows) and spectra (columns): histograms of the diagonal and of the rest, and all, sorted by redshift."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.9), width_ratios=(1, 1.15))
    same = np.eye(len(cosine), dtype=bool)
    bins = np.linspace(cosine.min(), cosine.max(), 60)
    left.hist(cosine[~same], bins, density=True, color=FAINT, label="different galaxies")
    style = {"histtype": "step", "lw": 1.6, "color": MODALITY["cross"]}
    left.hist(cosine[same], bins, density=True, label="the same galaxy", **style)
    left.set(xlabel="cosine of image and spectrum embedding", ylabel="probability density")
    left.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    order = np.argsort(redshift)
    shown = right.imshow(cosine[np.ix_(order, order)], cmap="viridis", origin="lower", interpolation="antialiased")
    ticks = np.linspace(0, len(order) - 1, 5).astype(int)
    names = [f"{redshift[order[i]]:.2f}" for i in ticks]
    right.set(xticks=ticks, yticks=ticks, xticklabels=names, yticklabels=names)
    right.set(xlabel=f"spectra, by {LABELS['redshift']}", ylabel=f"images, by {LABELS['redshift']}")
    figure.colorbar(shown, ax=right, label="cosine")
    return figure
