"""What each choice of the alignment is worth."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import NullFormatter, NullLocator

from bookmaking.figures.style import ASKED, FAINT, MODALITY, WIDTH, drawing
from bookmaking.presets import flat

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
    rows: list[tuple] = []  # question and variant; without a variant, the heading of a question
    for question, variant in found.index.droplevel("score").unique():
        if (question, None) not in rows:
            rows.append((question, None))
        rows.append((question, variant))
    figure, axes = plt.subplots(1, len(shown), figsize=(WIDTH, 0.155 * len(rows) + 0.9), sharey=True)
    figure.get_layout_engine().set(w_pad=0.06)  # or the numbers of two axes meet
    for axis, score in zip(axes, shown, strict=True):
        title, colour = SHOWN[score]
        for place, (question, variant) in enumerate(rows):
            if variant is None:
                continue
            one = found.loc[question, variant, score]
            at, face = max(one["difference"], -WINDOW), colour if one["found"] else "white"
            axis.errorbar(at, place, xerr=one["half"], color=colour, elinewidth=0.8)
            axis.plot(at, place, marker="<" if at > one["difference"] else "o", ms=3.5, color=colour, mfc=face, mew=0.8)
        axis.axvline(0, color=FAINT, lw=0.8)
        axis.set_title(title, fontsize=7)
        axis.set_xlim(left=-1.08 * WINDOW)
        axis.tick_params(axis="x", labelsize=7)
        axis.locator_params(axis="x", nbins=2)
        axis.grid(axis="y", alpha=0.25)
    daggers = {variant: f"{variant[1]} †" for variant in clean}
    names = [daggers.get((question, variant), variant or TITLES[question]) for question, variant in rows]
    axes[0].set(yticks=range(len(rows)), ylim=(len(rows) - 0.4, -0.6))
    for text, (_, variant) in zip(axes[0].set_yticklabels(names, fontsize=7), rows, strict=True):
        text.set_fontweight("normal" if variant else "bold")
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
    table = pd.DataFrame({name: flat(run) for name, run in runs.items()}).T
    panels = {  # title: column of a score, by modality
        "$R^2$ of $z$": {way: f"{way}.redshift.r2" for way in ASKED},
        r"$\sigma_\mathrm{NMAD}$ of $z$ from spectra": {"spectrum": "spectrum.redshift.nmad"},
        "recall at 10": {"joint": "recall_at_10"},
        "redshifts of real spectra off by > 0.05 (1 + $z$)": {"spectrum": "real.outliers_005"},
    }
    if "real.n" not in table or table["real.n"].isna().any():  # no file of real spectra was given
        panels.popitem()
    grown, longest = table.index.str.endswith("galaxies"), table.index == "overnight"
    kinds = [
        (grown, {"fmt": "o-", "ms": 5}),
        (~grown & ~longest, {"fmt": "o", "ms": 5, "mfc": "white"}),
        (longest, {"fmt": "*", "ms": 9}),
    ]
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 4.8), sharex=True)
    n = np.unique(table["pairs"].astype(int))
    for axis, (title, columns) in zip(axes.flat, panels.items(), strict=False):
        for way, column in columns.items():
            for of_kind, style in kinds:
                found = table[of_kind]
                low, high = np.reshape(found[f"{column}_ci95"].tolist(), (-1, 2)).T
                bars = [found[column] - low, high - found[column]]
                label = ASKED[way] if len(columns) > 1 and of_kind is grown else None
                axis.errorbar(found["pairs"], found[column], bars, color=MODALITY[way], capsize=2, label=label, **style)
        score = column.rpartition(".")[2]
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
