"""What all figures share: size, fonts, colours, names, and the words that say where the data come from."""

from __future__ import annotations

import functools
import io
import json

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.transforms import BboxTransformFrom

WIDTH = 7.2  # inches: the text column of the book
RC = {
    "figure.dpi": 200, "figure.constrained_layout.use": True, "figure.facecolor": "white",  # twice the column's pixels
    "font.size": 9, "axes.titlesize": 9, "legend.fontsize": 8, "legend.frameon": False, "lines.linewidth": 1.2,
    "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "image.interpolation": "nearest",
}  # fmt: skip
MODALITY = {"image": "#0072B2", "spectrum": "#D55E00", "cross": "#007A5A", "joint": "#7B4173"}
MARKERS = {"image": "o", "spectrum": "s", "cross": "D", "joint": "^"}
BAND = {"g": "#1b7837", "r": "#c51b1b", "z": "#6a3d9a"}
GROUPS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6D31", "#A89400", "#5254A3", "#999933")
FAINT = "#9a9a9a"  # for what stands back: points of no group, unmatched pairs
DARK = "#555555"  # for what is compared with
MAPS = {"redshift": "viridis", "log_mstar": "plasma", "log_ssfr": "cividis"}  # perceptually uniform
LABELS = {
    "redshift": "redshift $z$",
    "log_mstar": r"$\log_{10}\,(M_\ast / M_\odot)$",
    "log_ssfr": r"$\log_{10}\,(\mathrm{sSFR} / \mathrm{yr}^{-1})$",
}
NAMES = {
    "redshift": "redshift", "log_mstar": "log stellar mass", "log_ssfr": "log specific star formation rate",
    "log_tage_mw": "log mean stellar age", "log_z_mw": "log metallicity", "mag_r": "r magnitude",
    "half_light_radius": "half-light radius", "bulge_to_total": "bulge to total", "axis_ratio": "axis ratio",
    "morphology": "morphology", "spiral": "spiral", "merger": "merger", "artefact": "artefact",
}  # fmt: skip
ASKED = {"image": "image → image", "spectrum": "spectrum → spectrum", "cross": "image → spectrum"}
WAYS = ASKED | {"cross_spectrum": "spectrum → image"}
FLUX = r"flux (10$^{-17}$ erg s$^{-1}$ cm$^{-2}$ Å$^{-1}$)"


def drawing(function):
    """Make a function that returns a figure draw in the book's style and stamp the source of the data."""

    @functools.wraps(function)
    def styled(*args, source: str, **kwargs):
        with plt.rc_context(RC):
            figure = function(*args, **kwargs)
            figure.text(0.999, -0.01, source, ha="right", va="top", fontsize=6.5, color="#595959")
        plt.close(figure)  # or a notebook would show it twice
        return figure

    return styled


def as_png(figure) -> bytes:
    """A figure as notebooks show it, which says in its metadata where its images of galaxies lie: a dark page leaves these as they are.

    ``Photographs`` is a list of left, top, right and bottom as fractions of the picture.
    """
    figure.draw_without_rendering()  # sets the layout
    frame = figure.get_tightbbox().padded(0.1)  # inches
    to_picture = figure.dpi_scale_trans.inverted() + BboxTransformFrom(frame)
    boxes = []
    for axes in figure.axes:
        if any(image.get_array().ndim == 3 for image in axes.images):
            box = axes.get_window_extent().transformed(to_picture)
            boxes.append([round(place, 4) for place in (box.x0, 1 - box.y1, box.x1, 1 - box.y0)])
    content, metadata = io.BytesIO(), {"Photographs": json.dumps(boxes)}
    figure.savefig(content, format="png", dpi=figure.dpi, bbox_inches=frame, metadata=metadata)
    return content.getvalue()


def name_rows(axis, names: list[str]) -> None:
    """Name the rows of a figure of estimates, the first on top, with a grid to read them by."""
    axis.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    axis.grid(axis="x", alpha=0.3)


def estimate(axis, score: dict, name: str, row: float, **style) -> None:
    """Draw a number of a score with its 95 % interval, which stands beside it under ``<name>_ci95``, in a row."""
    error = np.abs(np.array(score[f"{name}_ci95"])[:, None] - score[name])
    axis.errorbar(score[name], row, xerr=error, **{"ls": "", "marker": "o", "ms": 4.5, "capsize": 2} | style)


def legend_of(figure, axes) -> None:
    """One legend above the figure for all of its axes: of each label the first line."""
    entries: dict = {}
    for axis in axes:
        for line, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, line)
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=3)


def group_colour(group: int) -> str:
    """Colour of a cluster or an island; grey for none, or past the palette's end."""
    return GROUPS[group] if 0 <= group < len(GROUPS) else FAINT
