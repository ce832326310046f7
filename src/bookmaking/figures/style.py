"""What all figures share: size, fonts, colours, and the words that say where the data come from."""

from __future__ import annotations

import functools

import matplotlib.pyplot as plt

WIDTH = 7.2  # inches: the text column of the book
RC = {
    "figure.dpi": 200,  # twice the column's pixels
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "image.interpolation": "nearest",
    "lines.linewidth": 1.2,
}
MODALITY = {"image": "#0072B2", "spectrum": "#D55E00", "cross": "#007A5A", "joint": "#7B4173"}
BAND = {"g": "#1b7837", "r": "#c51b1b", "z": "#6a3d9a"}
GROUPS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6D31", "#A89400", "#5254A3", "#999933")
FAINT = "#9a9a9a"  # for what stands back: points of no group, unmatched pairs
MAPS = {"redshift": "viridis", "log_mstar": "plasma", "log_ssfr": "cividis"}  # perceptually uniform
LABELS = {
    "redshift": "redshift $z$",
    "log_mstar": r"$\log_{10}\,(M_\ast / M_\odot)$",
    "log_ssfr": r"$\log_{10}\,(\mathrm{sSFR} / \mathrm{yr}^{-1})$",
}
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


def group_colour(group: int) -> str:
    """Colour of a cluster or an island; grey for none, or past the palette's end."""
    return GROUPS[group] if 0 <= group < len(GROUPS) else FAINT
