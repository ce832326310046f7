"""Maps of the embedding space, groups on them, and what lives where."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown

from astroclip_book.data.pairs import Pairs
from bookmaking.figures.galaxies import limits, mark_lines, show_image, stack
from bookmaking.figures.search import KINDS
from bookmaking.figures.style import (
    FAINT,
    GROUPS,
    LABELS,
    MAPS,
    MODALITY,
    NAMES,
    WIDTH,
    drawing,
    estimate,
    group_colour,
    name_rows,
)
from bookmaking.figures.tables import interval, number

REST = np.arange(3000.0, 7000.0, 8.0)  # Å, of the stacked spectra
DETECTORS = {
    "image_distance": "image: distance", "spectrum_distance": "spectrum: distance", "redshift": "redshift difference"
}  # fmt: skip
METHODS = {"dbscan": "island", "hdbscan": "island (HDBSCAN)", "kmeans": "k-means cluster"}


@drawing
def values_on_maps(maps: dict[str, np.ndarray], values: dict[str, np.ndarray]):
    """Maps (n, 2) coloured by properties (n,): a column for each map, a row with one colour scale for each property."""
    figure, axes = _grid(list(maps), len(values))
    for row, (name, colours) in zip(axes, values.items(), strict=True):
        low, high = np.nanpercentile(colours, [1, 99])
        for axis, points in zip(row, maps.values(), strict=True):
            shown = _scatter(axis, points, c=colours, cmap=MAPS[name], vmin=low, vmax=high, plotnonfinite=True)
        figure.colorbar(shown, ax=row, label=LABELS[name], extend="both", pad=0.01)
    return figure


@drawing
def groups_on_maps(maps: dict[str, np.ndarray], groups: dict[str, np.ndarray], noun: str):
    """Maps coloured by group (n,): islands of each map, or clusters of each modality; what has no group is grey."""
    figure, axes = _grid(list(maps), 1)
    for axis, (name, points) in zip(axes[0], maps.items(), strict=True):
        number, alone = groups[name].max() + 1, np.mean(groups[name] < 0)
        _scatter(axis, points, c=[group_colour(group) for group in groups[name]])
        for group in range(min(number, len(GROUPS))):
            members = points[groups[name] == group]
            beside = 9 if len(members) < 0.04 * len(points) else 0  # a label would hide a small group
            box = {"facecolor": "white", "edgecolor": group_colour(group), "boxstyle": "round,pad=0.15", "lw": 0.8}
            where = {"xytext": (beside, beside), "textcoords": "offset points", "ha": "center", "va": "center"}
            axis.annotate(str(group), np.median(members, axis=0), **where, fontsize=8, bbox=box)
        axis.set_xlabel(f"UMAP 1\n{noun}: {number}" + (f", {alone:.1%} in none" if alone else ""))
    return figure


@drawing
def curves(x: dict[str, np.ndarray], y: dict[str, np.ndarray], marked: dict[str, tuple[float, float]], **labels):
    """A curve for each modality, or anything else, with a point marked on it."""
    figure, axis = plt.subplots(figsize=(WIDTH, 2.6))
    for name, values in y.items():
        (line,) = axis.plot(x[name], values, color=MODALITY.get(name), label=name)
        axis.plot(*marked[name], "o", ms=5, color=line.get_color())
    axis.set(**labels)
    axis.legend()
    return figure


@drawing
def cluster_members(pairs: Pairs, positions: np.ndarray, groups: np.ndarray, seed: int):
    """Clusters (n,) from 0 of galaxies at ``positions`` (n,) of the pairs: five members, and the median spectrum of a hundred."""
    rng, number = np.random.default_rng(seed), groups.max() + 1
    size, widths = (WIDTH, 0.92 * number + 0.4), [1, 1, 1, 1, 1, 4.2]
    figure, axes = plt.subplots(number, 6, figsize=size, width_ratios=widths, sharex="col", squeeze=False)
    for group, (*row, last) in enumerate(axes):
        members = rng.permutation(positions[groups == group])
        for axis in row:
            axis.set_axis_off()
        for axis, image in zip(row, pairs.images(members[:5])[:, 28:124, 28:124], strict=False):
            show_image(axis, image)
        label = {"fontsize": 7, "ha": "right", "va": "center", "transform": row[0].transAxes}
        row[0].text(-0.06, 0.5, f"cluster {group}\n{len(members)} galaxies", **label)
        stacked = stack(pairs.spectra(members[:100]), pairs.index.redshift[members[:100]], REST)
        last.plot(REST, stacked, color=group_colour(group), lw=0.9)
        last.set(xlim=REST[[0, -1]], yticks=[], ylim=limits(stacked[np.isfinite(stacked)]))
        mark_lines(last, names=group == 0)
    last.set_xlabel("rest wavelength (Å)", fontsize=8)
    return figure


@drawing
def cluster_means(means: pd.DataFrame):
    """Standardised mean of each property (columns) in each cluster (rows); colours saturate at 2."""
    figure, axis = plt.subplots(figsize=(WIDTH, 0.34 * len(means) + 1.3))
    text = means.map(lambda mean: number(mean, "+.1f"))
    bar = {"label": "mean (σ of all)", "extend": "both", "pad": 0.01}
    scale = {"cmap": "RdBu_r", "vmin": -2, "vmax": 2, "cbar_kws": bar}
    sns.heatmap(means, annot=text, fmt="", annot_kws={"fontsize": 8}, ax=axis, **scale)
    axis.set_xticklabels([NAMES[name] for name in means], rotation=35, ha="right")
    axis.set_yticklabels([f"cluster {group}" for group in means.index], rotation=0)
    axis.set_ylabel("")
    return figure


@drawing
def detectors(after: dict[str, dict[str, dict]], before: dict[str, dict[str, dict]], counts: dict[str, int]):
    """Areas under ROC by kind (panels) and detector (rows), after alignment (filled) and before it (open); the line is chance."""
    names = list(dict.fromkeys(name for scores in after.values() for name in scores))
    figure, axes = plt.subplots(1, len(after), figsize=(WIDTH, 2.6), sharex=True, sharey=True, squeeze=False)
    for axis, kind in zip(axes[0], after, strict=True):
        for row, name in enumerate(names):
            style = {"color": MODALITY.get(name.split("_")[0], MODALITY["cross"])}
            for scores, offset, fill in ((before, 0.17, "white"), (after, -0.17, None)):
                if name in scores[kind]:
                    estimate(axis, scores[kind][name], "auc", row + offset, mfc=fill, **style)
        axis.axvline(0.5, color=FAINT, lw=0.8, ls=":")
        axis.set(title=f"{(KINDS | {'swapped': 'swapped pair'})[kind]} ({counts[kind]})", xlabel="area under ROC")
        name_rows(axis, [DETECTORS.get(name, name) for name in names])
    return figure


def island_sentence(scores: dict, noun: str) -> Markdown:
    """What `astroclip_book.evaluate.space.find_island` found, in words; ``noun`` names many of what was looked for."""
    wanted, group = scores["wanted"], scores["group"]
    if not wanted:
        return Markdown(f"The catalogue labels none of the test galaxies as {noun}, so there is nothing to score.")
    luck = (
        "has an F1 score of {f1:.2f}. With shuffled labels, the best group exceeds {f1_null:.2f} in one case of twenty"
    )
    luck = luck.format(**scores)
    if group is None:
        return Markdown(
            f"**No group matches the {noun} better than chance.** There are {wanted} of them in the test set. "
            f"The island or cluster that matches them best {luck}."
        )
    # Gathering better than by luck is not yet an island of their own.
    one = "One group holds most of them." if scores["recall"] >= 0.5 else "One group holds some of them."
    verdict = one if scores["precision"] >= 0.5 else "The best group is mostly other galaxies."
    found, pure = interval(scores, "recall", ".0%"), interval(scores, "precision", ".0%")
    where = f"{METHODS[group.split('/')[0]]} {group.split(' ')[1]} of the images"
    again = "On maps with other seeds and numbers of neighbours, the island most like it shares {:.0%} (Jaccard)."
    again = "" if scores["found_again"] is None else again.format(scores["found_again"])
    return Markdown(
        f"**{verdict}** Of {wanted} {noun} in the test set, {found} are in {where}; of its {scores['size']} members, {pure} "
        f"are {noun}. It {luck}. {again}"
    )


def _grid(titles: list[str], rows: int):
    """Empty axes for maps, a titled column each."""
    side = WIDTH / len(titles)
    figure, axes = plt.subplots(rows, len(titles), figsize=(WIDTH, (side - 0.05) * rows + 0.3), squeeze=False)
    plt.setp(axes, xticks=[], yticks=[], box_aspect=1)
    for top, bottom, title in zip(axes[0], axes[-1], titles, strict=True):
        top.set_title(title)
        bottom.set_xlabel("UMAP 1")
    plt.setp(axes[:, 0], ylabel="UMAP 2")
    return figure, axes


def _scatter(axis, points: np.ndarray, **style):
    return axis.scatter(*points.T, s=np.clip(8000 / len(points), 1, 14), lw=0, **style)
