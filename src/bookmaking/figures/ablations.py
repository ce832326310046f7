"""What each choice of the alignment is worth."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown
from matplotlib.ticker import NullFormatter

from astroclip_book.evaluate.ablation_grid import QUESTIONS
from bookmaking.figures.style import FAINT, MODALITY, WIDTH, drawing
from bookmaking.figures.tables import number, table

SHOWN = {  # score: (title, colour)
    "redshift_image": ("$R^2$ of $z$\nimage", MODALITY["image"]),
    "redshift_spectrum": ("$R^2$ of $z$\nspectrum", MODALITY["spectrum"]),
    "redshift_cross": ("$R^2$ of $z$\nimage → spectrum", MODALITY["cross"]),
    "recall_at_10": ("recall at 10\nimage → spectrum", MODALITY["joint"]),
}


WINDOW = 0.1  # below the reference: a few failures would press all else together


@drawing
def ablations(result: dict):
    """Every variant's scores, a panel each, beside the reference and the spread over its seeds.

    Scores further than `WINDOW` below the reference are arrows at the edge.

    Parameters
    ----------
    result : dict
        As `astroclip_book.evaluate.ablations.ablate` returns it. The shares of the pairs have a figure of their own.
    """
    questions = {name: variants for name, variants in result["questions"].items() if variants and name != "pairs"}
    rows = sum(len(variants) for variants in questions.values()) + len(questions)
    figure, axes = plt.subplots(1, len(SHOWN), figsize=(WIDTH, 0.155 * rows + 0.9), sharey=True)
    figure.get_layout_engine().set(w_pad=0.09)  # or the numbers of two axes meet
    names, places, place = [], [], 0
    for question, variants in questions.items():
        names.append(QUESTIONS[question].title)
        places.append(place)
        for label, scores in variants.items():
            place += 1
            names.append(label)
            places.append(place)
            for axis, (score, (_, colour)) in zip(axes, SHOWN.items(), strict=True):
                lowest = result["reference"][score] - WINDOW
                inside = scores[score] > lowest
                axis.plot(max(scores[score], lowest), place, marker="o" if inside else "<", ms=3.5, color=colour)
        place += 1
    for axis, (score, (title, colour)) in zip(axes, SHOWN.items(), strict=True):
        mean, sd = result["reference"][score], result["reference"]["sd"][score]
        axis.axvspan(mean - 2 * sd, mean + 2 * sd, color=colour, alpha=0.15, lw=0)
        axis.axvline(mean, color=colour, lw=0.8)
        axis.set_title(title, fontsize=8)
        axis.set_xlim(left=mean - 1.08 * WINDOW)
        axis.tick_params(axis="x", labelsize=7)
        axis.locator_params(axis="x", nbins=4)
        axis.grid(axis="y", alpha=0.25)
    axes[0].set(yticks=places, ylim=(place - 0.4, -0.6))
    titles = {QUESTIONS[question].title for question in questions}
    for text, name in zip(axes[0].set_yticklabels(names, fontsize=7), names, strict=True):
        text.set_fontweight("bold" if name in titles else "normal")
    return figure


@drawing
def scaling(result: dict):
    """Validation loss against the number of training pairs, with the fitted law, and the two scores that follow it.

    Parameters
    ----------
    result : dict
        As `astroclip_book.evaluate.ablations.ablate` returns it.
    """
    law, runs = result["scaling"], list(result["questions"]["pairs"].values())
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.8))
    left.plot(law["n"], law["loss"], "o", color=MODALITY["joint"], label="this run")
    if law["exponent"] is not None:
        n = np.geomspace(min(law["n"]), 4 * max(law["n"]), 100)
        curve = law["floor"] + law["amplitude"] * n ** -law["exponent"]
        left.plot(n, curve, color=FAINT, ls="--", label="fitted law, continued")
    for axis in (left, right):
        axis.set(xscale="log", xlabel="training pairs")
        axis.xaxis.set_minor_formatter(NullFormatter())
    left.set_ylabel("validation loss (nat)")
    left.legend()
    for score in ("redshift_cross", "recall_at_10"):
        title, colour = SHOWN[score]
        values = [one[score] for one in runs]
        right.plot(law["n"], values, "o-", ms=4, color=colour, label=title.replace("\n", ", "))
    right.set(ylabel="score on the test set", ylim=(min(0, right.get_ylim()[0]), None))
    right.legend()
    return figure


def earlier_table(result: dict) -> Markdown:
    """What is asked, and what earlier works did."""
    return table(
        ["what is varied", "earlier works"],
        [
            [QUESTIONS[question].title, QUESTIONS[question].earlier]
            for question, variants in result["questions"].items()
            if variants
        ],
    )


def ablations_table(result: dict) -> Markdown:
    """What each variant costs: its scores less the reference's, of which the last row has the standard deviation."""
    reference = result["reference"]
    rows = []
    for question, variants in result["questions"].items():
        titles = [QUESTIONS[question].title, *[""] * len(variants)]
        for title, (label, scores) in zip(titles, variants.items(), strict=False):
            rows.append([title, label, *(number(scores[name] - reference[name], "+.3f") for name in SHOWN)])
    spread = [f"± {reference['sd'][name]:.3f}" for name in SHOWN]
    rows.append(["reference", f"{reference['seeds']} seeds", *spread])
    return table(["", "variant", *(title.replace("\n", ", ") for title, _ in SHOWN.values())], rows)


def scaling_sentence(law: dict) -> Markdown:
    """The fitted law in words, or that there is none."""
    if law["exponent"] is None:
        return Markdown("This run has too few training pairs to fit a law to.")
    sigma = "" if law["exponent_sigma"] is None else f" ± {law['exponent_sigma']:.2f}"
    return Markdown(
        f"The loss falls as a floor of {law['floor']:.2f} nat plus a term that goes with the number of pairs to the power "
        f"−{law['exponent']:.2f}{sigma}, fitted to {len(law['n'])} points."
    )
