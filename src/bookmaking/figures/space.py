"""Maps of the embedding space, and what lives where."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from scipy.spatial import procrustes

from astroclip_book.data.pairs import Pairs
from bookmaking.figures.galaxies import show_image
from bookmaking.figures.search import show_galaxy
from bookmaking.figures.spectra import limits, mark_lines, stack
from bookmaking.figures.style import GROUPS, LABELS, MAPS, WIDTH, drawing, group_colour

SHOWN = slice(28, 124)  # central pixels of the members, on either side
REST = np.arange(3000.0, 7000.0, 8.0)  # Å, of the stacked spectra


@drawing
def values_on_maps(maps: dict[str, np.ndarray], values: dict[str, np.ndarray]):
    """Maps coloured by properties: a column for each map (n, 2), a row with one colour scale for each property (n,)."""
    figure, axes = _grid(maps, len(values))
    for row, (name, colours) in zip(axes, values.items(), strict=True):
        known = np.isfinite(colours)
        low, high = np.percentile(colours[known], [1, 99])
        for axis, points in zip(row, maps.values(), strict=True):
            size = _size(len(points))
            axis.scatter(*points[~known].T, s=size, lw=0, color="#dddddd")
            style = {"cmap": MAPS[name], "vmin": low, "vmax": high}
            shown = axis.scatter(*points[known].T, c=colours[known], s=size, lw=0, **style)
        figure.colorbar(shown, ax=row, label=LABELS[name], extend="both", pad=0.01)
    return figure


@drawing
def groups_on_maps(maps: dict[str, np.ndarray], groups: dict[str, np.ndarray], noun: str):
    """Maps coloured by group (n,): islands of each map, or clusters of each modality; what has no group is grey."""
    figure, axes = _grid(maps, 1)
    for axis, (name, points) in zip(axes[0], maps.items(), strict=True):
        number = groups[name].max() + 1
        colours = [group_colour(group) for group in groups[name]]
        axis.scatter(*points.T, c=colours, s=_size(len(points)), lw=0)
        for group in range(min(number, len(GROUPS))):
            members = points[groups[name] == group]
            beside = 9 if len(members) < 0.04 * len(points) else 0  # a label would hide a small group
            box = {"facecolor": "white", "edgecolor": group_colour(group), "boxstyle": "round,pad=0.15", "lw": 0.8}
            axis.annotate(str(group), np.median(members, axis=0), (beside, beside), textcoords="offset points",
                          fontsize=8, ha="center", va="center", bbox=box)  # fmt: skip
        alone = np.mean(groups[name] < 0)
        axis.set_xlabel(f"UMAP 1\n{noun}: {number}" + (f", {alone:.1%} in none" if alone else ""))
    return figure


@drawing
def maps_again(maps: dict[str, np.ndarray], colours: np.ndarray, name: str):
    """Maps (n, 2) of the same galaxies made in other ways, turned to lie like the first, coloured by a property (n,)."""
    columns = 3
    first = next(iter(maps.values()))
    figure, axes = plt.subplots(
        -(-len(maps) // columns), columns, figsize=(WIDTH, 2.3 * -(-len(maps) // columns)), squeeze=False
    )
    low, high = np.nanpercentile(colours, [1, 99])
    for axis in axes.flat[len(maps) :]:
        axis.set_visible(False)
    for axis, (title, points) in zip(axes.flat, maps.items(), strict=False):
        turned = procrustes(first, points)[1]
        shown = axis.scatter(*turned.T, c=colours, s=_size(len(points)) / 2, lw=0, cmap=MAPS[name], vmin=low, vmax=high)
        axis.set(xticks=[], yticks=[], box_aspect=1)
        axis.set_title(title, fontsize=8)
    figure.colorbar(shown, ax=axes, label=LABELS[name], extend="both", pad=0.01)
    return figure


@drawing
def mismatched(pairs: Pairs, positions: np.ndarray, labels: list[str]):
    """Galaxies whose image and spectrum disagree: images above, their spectra below.

    Parameters
    ----------
    pairs : Pairs
    positions : (n,) int array
        Where in ``pairs`` they stand.
    labels : list of str
        Under each.
    """
    figure, axes = plt.subplots(2, len(positions), figsize=(WIDTH, 2.0 * WIDTH / len(positions) + 0.5), squeeze=False)
    images, flux, redshift = pairs.images(positions), pairs.spectra(positions), pairs.index.redshift[positions]
    for column, label in enumerate(labels):
        for axis, modality in zip(axes[:, column], ("image", "spectrum"), strict=True):
            show_galaxy(axis, images[column], flux[column], redshift[column], modality)
        axes[1, column].set_xlabel(label, fontsize=6.5)
    return figure


@drawing
def cluster_members(
    pairs: Pairs, positions: np.ndarray, groups: np.ndarray, seed: int, columns: int = 5, most: int = 100
):
    """Each cluster in a row: members drawn at random, and the stack of its members' spectra at rest.

    Parameters
    ----------
    pairs : Pairs
    positions : (n,) int array
        Where in ``pairs`` the galaxies stand.
    groups : (n,) int array
        Cluster of each, counted from 0.
    seed : int
    columns : int
        Members shown.
    most : int
        Spectra in a stack at most.
    """
    rng = np.random.default_rng(seed)
    number = groups.max() + 1
    figure = plt.figure(figsize=(WIDTH, 0.92 * number + 0.4))
    grid = figure.add_gridspec(number, columns + 1, width_ratios=[1] * columns + [4.2])
    for group in range(number):
        members = rng.permutation(positions[groups == group])
        for column, image in enumerate(pairs.images(members[:columns])[:, SHOWN, SHOWN]):
            axis = figure.add_subplot(grid[group, column])
            show_image(axis, image)
            if column == 0:
                label = f"cluster {group}\n{len(members)} galaxies"
                axis.set_ylabel(label, fontsize=7, rotation=0, ha="right", va="center", labelpad=4)
        axis = figure.add_subplot(grid[group, columns])
        stacked = stack(pairs.spectra(members[:most]), pairs.index.redshift[members[:most]], REST)
        axis.plot(REST, stacked, color=group_colour(group), lw=0.9)
        axis.set(xlim=REST[[0, -1]], yticks=[], ylim=limits(stacked[np.isfinite(stacked)]))
        mark_lines(axis, names=group == 0)
        axis.tick_params(labelbottom=group == number - 1, labelsize=8)
    axis.set_xlabel("rest wavelength (Å)", fontsize=8)
    return figure


def _grid(maps: dict[str, np.ndarray], rows: int):
    side = WIDTH / len(maps)
    figure, axes = plt.subplots(rows, len(maps), figsize=(WIDTH, (side - 0.05) * rows + 0.3), squeeze=False)
    for row in axes:
        for axis in row:
            axis.set(xticks=[], yticks=[], box_aspect=1)
        row[0].set_ylabel("UMAP 2")
    for axis, name in zip(axes[0], maps, strict=True):
        axis.set_title(name)
    for axis in axes[-1]:
        axis.set_xlabel("UMAP 1")
    return figure, axes


def _size(n: int) -> float:
    return float(np.clip(8000 / n, 1.0, 14))
