"""What each choice of the alignment is worth."""

from __future__ import annotations

import functools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import NullFormatter, NullLocator

from bookmaking.figures.style import ASKED, FAINT, MODALITY, WIDTH, drawing

SHOWN = {  # score: (title, colour)
    "redshift_image": ("$R^2$ of $z$,\nimage", MODALITY["image"]),
    "redshift_spectrum": ("$R^2$ of $z$,\nspectrum", MODALITY["spectrum"]),
    "redshift_cross": ("$R^2$ of $z$,\nimage → spectrum", MODALITY["cross"]),
    "recall_at_10": ("recall at 10,\nimage → spectrum", MODALITY["joint"]),
    "log_mstar_spectrum": ("$R^2$ of $M_*$,\nspectrum", MODALITY["spectrum"]),
}
TITLES = {
    "scale": "scale of the logits", "embedding_dropout": "dropout on the embedding", "decay": "weight decay",
    "views": "views of each galaxy", "frozen": "frozen encoder of images, clean views", "image": "features of images",
    "spectrum": "features of spectra", "dimension": "dimension of the embedding", "batch": "batch size",
    "layers": "hidden layers of the heads", "width": "width of the hidden layers", "loss": "loss",
    "pairs": "share of the training pairs",
}  # fmt: skip
WINDOW = 0.1  # below the reference: a few failures would press all else together


@drawing
def ablations(found: pd.DataFrame, shown: list[str], clean: list[tuple]):
    """Differences of variants, as `astroclip_book.evaluate.ablations.differences` finds them, with intervals, a panel for each of the
    scores ``shown``; filled where found. Those below `WINDOW` are arrows at the edge; variants of ``clean`` views bear a dagger.
    """
    rows: list[tuple] = []
    for variant in found.index.droplevel("score").unique():
        rows += [(variant[0], None)] if variant[0] not in [row[0] for row in rows] else []
        rows.append(variant)
    figure, axes = plt.subplots(1, len(shown), figsize=(WIDTH, 0.155 * len(rows) + 0.9), sharey=True)
    figure.get_layout_engine().set(w_pad=0.06)  # or the numbers of two axes meet
    for axis, score in zip(axes, shown, strict=True):
        title, colour = SHOWN[score]
        for place, row in enumerate(rows):
            if row[1] is None:
                continue
            one = found.loc[(*row, score)]
            at, face = max(one["difference"], -WINDOW), colour if one["found"] else "white"
            axis.errorbar(at, place, xerr=one["half"], color=colour, elinewidth=0.8)
            axis.plot(at, place, marker="<" if at > one["difference"] else "o", ms=3.5, color=colour, mfc=face, mew=0.8)
        axis.axvline(0, color=FAINT, lw=0.8)
        axis.set_title(title, fontsize=7)
        axis.set_xlim(left=-1.08 * WINDOW)
        axis.tick_params(axis="x", labelsize=7)
        axis.locator_params(axis="x", nbins=2)
        axis.grid(axis="y", alpha=0.25)
    names = [label + " †" * (row in clean) if (label := row[1]) else TITLES[row[0]] for row in rows]
    axes[0].set(yticks=range(len(rows)), ylim=(len(rows) - 0.4, -0.6))
    for text, row in zip(axes[0].set_yticklabels(names, fontsize=7), rows, strict=True):
        text.set_fontweight("normal" if row[1] else "bold")
    return figure


@drawing
def scaling(result: dict):
    """Validation loss against the number of training pairs with the fitted law, and the two scores that follow it."""
    law, runs = result["scaling"], list(result["questions"]["pairs"].values())
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.8))
    left.plot(law["n"], law["loss"], "o", color=MODALITY["joint"], label="this run")
    if law["exponent"] is not None:
        n = np.geomspace(min(law["n"]), 4 * max(law["n"]), 100)
        curve = law["floor"] + law["amplitude"] * n ** -law["exponent"]
        left.plot(n, curve, color=FAINT, ls="--", label="fitted law, continued")
    left.set_ylabel("validation loss (nat)")
    for score in ("redshift_cross", "recall_at_10"):
        title, colour = SHOWN[score]
        right.plot(law["n"], [one[score] for one in runs], "o-", ms=4, color=colour, label=title.replace("\n", " "))
    right.set(ylabel="score on the test set", ylim=(min(0, right.get_ylim()[0]), None))
    for axis in (left, right):
        axis.set(xscale="log", xlabel="training pairs")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.legend()
    return figure


@drawing
def scale(runs: dict, laws: dict[str, np.ndarray]):
    """Scores of whole runs against their training pairs, with 95 % intervals, and straight lines of the logarithms of some scores.

    Runs of one recipe, whose names end in "galaxies", are joined by lines; those of all epochs are open, "overnight" is a star.
    """
    panels = {  # title: score, and where it stands in each run
        "$R^2$ of $z$": ("r2", {way: (way, "redshift") for way in ("image", "spectrum", "cross")}),
        r"$\sigma_\mathrm{NMAD}$ of $z$ from spectra": ("nmad", {"spectrum": ("spectrum", "redshift")}),
        "recall at 10": ("recall_at_10", {"joint": ()}),
        "redshifts of real spectra off by > 0.05 (1 + $z$)": ("outliers_005", {"spectrum": ("real",)}),
    }
    if "real" not in min(runs.values(), key=len):  # no file of real spectra was given
        panels.popitem()
    grown = [name for name in runs if name.endswith("galaxies")]
    marks = {
        "o-": grown,
        "o": [name for name in runs if name not in (*grown, "overnight")],
        "*": {"overnight"} & runs.keys(),
    }
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 4.8), sharex=True)
    n = np.unique([one["pairs"] for one in runs.values()])
    for axis, (title, (score, ways)) in zip(axes.flat, panels.items(), strict=False):
        for way, place in ways.items():
            for mark, names in marks.items():
                found = [functools.reduce(dict.get, place, runs[name]) for name in names]
                value, edges = (np.array([one[key] for one in found]).T for key in (score, f"{score}_ci95"))
                axis.errorbar(
                    [runs[name]["pairs"] for name in names], value, np.abs(edges - value), fmt=mark, capsize=2,
                    ms=9 if mark == "*" else 5, color=MODALITY[way], mfc="white" if mark == "o" else None,
                    label=ASKED.get(way) if mark == "o-" and len(ways) > 1 else None)  # fmt: skip
        if score in laws:
            law = np.exp(np.polyval(laws[score], np.log(n)))
            axis.plot(n, law, color=FAINT, ls="--", label=f"∝ pairs$^{{{laws[score][0]:.2f}}}$")
        axis.set(xscale="log", title=title, ylim=(min(0, axis.get_ylim()[0]), None))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xticks(n, [f"{one:,}" for one in n])
        if axis.get_legend_handles_labels()[1]:
            axis.legend()
    for axis in axes[1]:
        axis.set_xlabel("training pairs")
    return figure
