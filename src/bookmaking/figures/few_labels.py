"""What a few labels give: curves, a confusion matrix, ROC curves, and the tables beside them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown

from bookmaking.figures.property_tables import WAYS
from bookmaking.figures.style import FAINT, GROUPS, LABELS, WIDTH, drawing
from bookmaking.figures.tables import PROPERTIES, number, table

ASKED = {way: WAYS[way] for way in ("image", "spectrum", "cross")}
YARDSTICKS = {
    "unaligned_image": "image before alignment",
    "unaligned_spectrum": "spectrum before alignment",
    "photometry": "photometry",
}
METHODS = {
    "neighbours": "nearest neighbours",
    "linear": "linear probe",
    "perceptron": "small network",
    "logistic": "logistic regression",
    "distance": "distance, without labels",
}
COLOURS = dict(zip(METHODS, (GROUPS[0], GROUPS[5], GROUPS[2], GROUPS[5], "#555555"), strict=True))
# Yardsticks beside each way to ask: those of what is asked.
BESIDE = {
    "image": ("unaligned_image", "photometry"),
    "spectrum": ("unaligned_spectrum",),
    "cross": ("unaligned_image", "photometry"),
}
SPACES = {"aligned": "shared space", "unaligned": "before alignment"}
LOWEST = -0.25  # of the R² shown
SEQUENCE = ("elliptical", "lenticular", "spiral", "irregular")  # of forms, of which neighbours are taken for each other


@drawing
def label_efficiency(curves: dict[str, dict]):
    """R² against the number of labels, a row for each property and a column for each way to ask.

    Parameters
    ----------
    curves : dict
        Property to way to method to ``labels``, ``r2``, ``low``, ``high``, as `astroclip_book.evaluate.probes.measure` gives
        them. The last point of each is from all labels, its ``low`` and ``high`` an interval.
    """
    size = (WIDTH, 2.3 * len(curves) + 0.6)
    figure, axes = plt.subplots(len(curves), len(ASKED), figsize=size, sharex=True, sharey=True, squeeze=False)
    for row, name in zip(axes, (name for name in LABELS if name in curves), strict=True):
        ways = curves[name]
        for axis, way in zip(row, ASKED, strict=True):
            for method in (method for method in METHODS if method in ways[way]):
                curve, colour = ways[way][method], COLOURS[method]
                labels, r2, low, high = (np.array(curve[name]) for name in ("labels", "r2", "low", "high"))
                axis.plot(labels, r2, color=colour, marker="o", ms=3, label=METHODS[method])
                axis.fill_between(labels[:-1], low[:-1], high[:-1], color=colour, alpha=0.15, lw=0)
                interval = np.abs(np.stack([low[-1:], high[-1:]]) - r2[-1])
                axis.errorbar(labels[-1], r2[-1], yerr=interval, color=colour, capsize=2)
            for yardstick, style in zip(BESIDE[way], ("--", ":"), strict=False):
                if yardstick in ways:
                    curve, label = ways[yardstick]["linear"], f"{YARDSTICKS[yardstick]}, linear probe"
                    axis.plot(curve["labels"], curve["r2"], color="#555555", ls=style, label=label)
            axis.set(xscale="log", ylim=(LOWEST, 1.02))
            axis.axhline(0, color=FAINT, lw=0.8)
            axis.grid(alpha=0.3)
        row[0].set_ylabel(f"$R^2$ of {LABELS[name]}")
    for axis, title in zip(axes[0], ASKED.values(), strict=True):
        axis.set_title(title)
    axes[-1, 1].set_xlabel("galaxies with a label")
    entries: dict = {}
    for axis in axes[0]:
        entries |= {label: line for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=3)
    return figure


@drawing
def confusion(matrices: dict[str, np.ndarray], classes: list[str]):
    """Confusion matrices: shares of each true class, and numbers of galaxies.

    Parameters
    ----------
    matrices : dict of (C, C) int arrays
        Way to ask to galaxies by true class (row) and class told (column).
    classes : list of str
    """
    figure, axes = plt.subplots(1, len(matrices), figsize=(WIDTH, 2.9), sharey=True, squeeze=False)
    order = sorted(range(len(classes)), key=lambda place: (_along(classes[place]), place))
    classes = [classes[place] for place in order]
    for axis, way in zip(axes[0], (way for way in ASKED if way in matrices), strict=True):
        matrix = matrices[way][np.ix_(order, order)]
        shares = matrix / matrix.sum(1, keepdims=True).clip(1)
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            text = f"{share:.2f}\n({matrix[row, column]})"
            colour = "white" if share > 0.55 else "black"
            axis.text(column, row, text, ha="center", va="center", fontsize=6, color=colour)
        axis.set(title=ASKED[way], xlabel="told", xticks=range(len(classes)), yticks=range(len(classes)))
        axis.set_xticklabels(classes, rotation=40, ha="right", fontsize=7)
        axis.set_yticklabels(classes, fontsize=7)
    axes[0, 0].set_ylabel("true")
    return figure


@drawing
def roc(curves: dict[str, dict], scores: dict):
    """ROC curves of artefact detection, a panel for each space.

    Parameters
    ----------
    curves : dict
        Space to method to ``false`` and ``true``, rates.
    scores : dict
        ``artefacts`` of the metrics.
    """
    figure, axes = plt.subplots(1, len(curves), figsize=(WIDTH, 3.1), sharey=True, squeeze=False)
    for axis, (space, methods) in zip(axes[0], curves.items(), strict=True):
        for method, rates in methods.items():
            label = f"{METHODS[method]}, {scores[space][method]['auc']:.2f}"
            width = 2.0 if scores["best"][space] == method else 1.0
            axis.plot(rates["false"], rates["true"], color=COLOURS[method], lw=width, label=label)
        axis.plot([0, 1], [0, 1], color=FAINT, lw=0.8, ls="--")
        axis.set(title=SPACES[space], xlabel="clean images taken for spoilt", aspect="equal")
        axis.set(xlim=(0, 1), ylim=(0, 1.01))
        axis.legend(loc="lower right", fontsize=7)
    axes[0, 0].set_ylabel("spoilt images found")
    return figure


def probes_table(probes: dict[str, dict]) -> Markdown:
    """R² with its interval from all labels, a row for each property and vector, a column for each method.

    Parameters
    ----------
    probes : dict
        Property to way to method to ``r2``, ``r2_ci95``, ``n``, ``labels``, as `astroclip_book.evaluate.probes.measure` gives it.
    """
    methods, titles = ("neighbours", "linear", "perceptron"), ASKED | YARDSTICKS
    rows = []
    for name, ways in probes.items():
        for way in (way for way in titles if way in ways):
            scores = [ways[way].get(method) for method in methods]
            counts = next((score["labels"], score["n"]) for score in scores if score)
            cells = (score and _interval(score, "r2") for score in scores)
            rows.append([PROPERTIES[name], titles[way], *cells, *counts])
    columns = [METHODS[method] for method in methods]
    return table(["property", "asked → fitted", *columns, "labels", "tested"], rows)


def morphology_table(scores: dict) -> Markdown:
    """Accuracy, balanced accuracy and the recall of each class, a row for each way to ask and method.

    Parameters
    ----------
    scores : dict
        ``morphology`` of the metrics.
    """
    classes = sorted(scores["classes"], key=_along)
    rows: list[list] = []
    for way, title in ASKED.items():
        for method, score in scores[way].items():
            arms = scores.get("spiral", {}).get(way, {}).get(method)
            numbers = [_interval(score, name) for name in ("balanced_accuracy", "accuracy")]
            recall = [number(score["recall"][kind], ".2f") for kind in classes]
            rows.append([title, METHODS[method], *numbers, *recall, arms and _interval(arms, "auc"), score["n"]])
    guess = scores["majority"]
    numbers = [number(guess[name], ".2f") for name in ("balanced_accuracy", "accuracy")]
    rows.append(["always the commonest class", None, *numbers, *(None for _ in classes), "0.50", None])
    head = ["asked → fitted", "method", "balanced accuracy", "accuracy", *classes, "spiral arms, AUC", "tested"]
    return table(head, rows)


def artefacts_table(scores: dict) -> Markdown:
    """How well spoilt images are found by each way, and by the way chosen in each space the kinds of artefact.

    Parameters
    ----------
    scores : dict
        ``artefacts`` of the metrics.
    """
    rows: list[list] = []
    for space, title in SPACES.items():
        for method in (method for method in METHODS if method in scores[space]):
            score = scores[space][method]
            best = method == scores["best"][space]
            name = f"**{METHODS[method]}**" if best else METHODS[method]
            rows.append(["any", title, name, *_ranked(score)])
    for kind in scores["kinds"]["aligned"]:
        for space, title in SPACES.items():
            score = scores["kinds"][space][kind]
            rows.append([kind.replace("_", " "), title, METHODS[scores["best"][space]], *_ranked(score)])
    return table(["artefact", "image vectors", "method", "AUC", "average precision", "spoilt, tested"], rows)


def _along(kind: str) -> int:
    """Where a class is in the sequence of forms, others after it."""
    return SEQUENCE.index(kind) if kind in SEQUENCE else len(SEQUENCE)


def _ranked(score: dict) -> list:
    return [_interval(score, "auc"), _interval(score, "average_precision"), score["wanted"]]


def _interval(score: dict, name: str) -> str:
    low, high = score[f"{name}_ci95"]
    return f"{number(score[name], '.2f')} [{number(low, '.2f')}, {number(high, '.2f')}]"
