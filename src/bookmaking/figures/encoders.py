"""What an encoder has learned, and how: views, training, where it looks, and how much that tells."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import WAVELENGTH
from bookmaking.figures.galaxies import BLUE_END, limits, mark_lines, panels, show_image, smooth
from bookmaking.figures.style import DARK, FAINT, LABELS, MODALITY, WIDTH, drawing, estimate, name_rows

WAYS = {
    "frozen": "frozen features, k-NN", "random": "random weights, k-NN",
    "pca": "principal components, k-NN", "supervised": "supervised, same size",
}  # fmt: skip
STYLES = ({"color": "#0072B2", "marker": "o", "ls": "-"}, {"color": "#D55E00", "marker": "s", "ls": "--"})


@drawing
def training_curves(curves: dict[str, dict[str, list[float]]], best_epoch: int | None = None):
    """Scores by epoch, a panel for each label of the ordinate with at most two curves by name; ``best_epoch`` counts from 0."""
    figure, axes = plt.subplots(1, len(curves), figsize=(WIDTH, 2.8), squeeze=False)
    for axis, (label, lines) in zip(axes[0], curves.items(), strict=True):
        for (name, values), style in zip(lines.items(), STYLES, strict=False):
            axis.plot(np.arange(1, len(values) + 1), values, label=name, ms=3 if len(values) < 40 else 0, **style)
        if best_epoch is not None:
            axis.axvline(best_epoch + 1, color="#777777", lw=0.8, ls=":", label="epoch kept")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set(xlabel="epoch", ylabel=label)
        axis.legend()
    return figure


@drawing
def augmented_views(original: np.ndarray, views: np.ndarray):
    """One galaxy as observed (h, w, 3) and ten random views of it (10, h', w', 3), nanomaggies."""
    figure, axes = plt.subplot_mosaic("AA01234;AA56789", figsize=(WIDTH, 2 * WIDTH / 7 + 0.3))
    show_image(axes["A"], original, "as observed")
    for number, view in enumerate(views):
        show_image(axes[str(number)], view)
    return figure


@drawing
def reconstructions(flux: np.ndarray, model: np.ndarray, redshift: np.ndarray):
    """Spectra and their models (n, 7781) at rest, both smoothed, all panels on the same rest wavelengths."""
    figure, axes = panels(len(flux), "rest wavelength (Å)")
    for axis, data, fit, z in zip(axes, flux, model, redshift, strict=True):
        rest, smoothed = WAVELENGTH / (1 + z), smooth(data)
        axis.plot(rest, smoothed, color="#999999", lw=0.7, label="data, 12 Å mean")
        axis.plot(rest, smooth(fit), color=MODALITY["spectrum"], lw=1.0, label="model from the latents")
        axis.set(xlim=(WAVELENGTH[0] / (1 + redshift.max()), WAVELENGTH[-1] / (1 + redshift.min())))
        axis.set_ylim(limits(smoothed[WAVELENGTH > BLUE_END]))
        mark_lines(axis)
        axis.set_title(f"$z = {z:.3f}$", loc="right", fontsize=8, pad=2)
    axes[0].legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    return figure


@drawing
def ways(scores: dict[str, dict[str, dict]]):
    """R² of redshift and stellar mass, with intervals, by each way of `WAYS` to look at the same pixels."""
    labels = list(scores["frozen"])
    figure, axes = plt.subplots(1, len(labels), figsize=(WIDTH, 1.9), sharey=True, squeeze=False)
    for axis, label in zip(axes[0], labels, strict=True):
        for row, (way, found) in enumerate(scores.items()):
            estimate(axis, found[label], "r2", row, color=MODALITY["cross"] if way == "frozen" else DARK)
        name_rows(axis, [WAYS[way] for way in scores])
        axis.set_xlabel(f"$R^2$ of {LABELS[label]}")
        axis.axvline(0, color=FAINT, lw=0.8)
    return figure


@drawing
def attention(rest: np.ndarray, mean: dict[str, np.ndarray]):
    """Mean weights (p,) by name at rest wavelengths (p,), in Å; the second is the control."""
    figure, axis = plt.subplots(figsize=(WIDTH, 2.4))
    for (name, curve), style, colour in zip(mean.items(), ("-", "--"), (MODALITY["image"], DARK), strict=True):
        axis.plot(rest, curve, ls=style, color=colour, label=name)
    axis.set(xlim=rest[[0, -1]], ylim=(0, None), xlabel="rest wavelength (Å)", ylabel="mean weight")
    mark_lines(axis)
    axis.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    return figure
