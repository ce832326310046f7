"""Galaxies as one looks at them: colour images, and the sample they come from."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from scipy.stats import median_abs_deviation

from astroclip_book.data.pairs import BANDS, PIXEL_SCALE, WAVELENGTH
from bookmaking.figures.style import BAND, FLUX, LABELS, MODALITY, WIDTH, drawing

SCALES = np.array([6.0, 3.4, 2.2])  # g, r, z, of the Legacy Surveys' viewer
OFFSET, SOFTENING = 0.03, 20.0


def rgb(images: np.ndarray) -> np.ndarray:
    """Colours (..., 3) in [0, 1] of the Legacy Surveys' viewer (Dey et al. 2019), after Lupton et al. (2004).

    Of images (..., 3) in nanomaggies, z is shown red, r green and g blue.
    """
    scaled = np.maximum(images * SCALES + OFFSET, 0)
    intensity = np.maximum(scaled.mean(-1, keepdims=True), 1e-6)
    colours = scaled * (np.arcsinh(SOFTENING * intensity) / np.sqrt(SOFTENING) / intensity)
    # What is too bright for the screen turns white, as in the viewer. Dimming it to keep its hue, as Lupton et al. do, paints
    # rings into cores where the seeing differs between the bands.
    return np.minimum(colours, 1)[..., ::-1]


def show_image(axes, image: np.ndarray, label: str = "") -> None:
    """Put a colour image into axes, with a short text below it."""
    axes.imshow(rgb(image), origin="lower")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if label:
        axes.set_xlabel(label, fontsize=7, labelpad=2)


@drawing
def gallery(images: np.ndarray, labels: list[str], columns: int = 6):
    """Images (n, h, w, 3) in a grid, a text below each, with a bar of 10 arcsec in the first."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, rows * (WIDTH / columns + 0.22)), squeeze=False)
    for place in axes.flat[len(images) :]:
        place.remove()
    for place, image, label in zip(axes.flat, images, labels, strict=False):
        show_image(place, image, label)
    axes.flat[0].plot([8, 8 + 10 / PIXEL_SCALE], [8, 8], color="white", lw=2, solid_capstyle="butt")
    axes.flat[0].text(8, 14, "10″", color="white", fontsize=8)
    return figure


@drawing
def population(redshift: np.ndarray, catalog: dict[str, np.ndarray]):
    """Redshifts (n,), colour against magnitude and mass against redshift: the panels that the catalogue allows."""
    colour, mass = {"MAG_G", "MAG_R"} <= catalog.keys(), "LOG_MSTAR" in catalog
    figure, axes = plt.subplots(1, 1 + colour + mass, figsize=(WIDTH, 2.6 if colour or mass else 3.2), squeeze=False)
    # Dots small enough that ten thousand of them still show their density.
    dots = {"s": np.clip(6000 / len(redshift), 1.5, 12), "alpha": np.clip(1500 / len(redshift), 0.25, 0.9), "lw": 0}
    sns.histplot(x=redshift, bins=40, color="#4477AA", alpha=1, lw=0, ax=axes[0, 0])
    axes[0, 0].set(xlabel=LABELS["redshift"], ylabel="galaxies")
    if colour:
        g_r = catalog["MAG_G"] - catalog["MAG_R"]
        seen = np.isfinite(g_r)
        points = axes[0, 1].scatter(catalog["MAG_R"][seen], g_r[seen], c=redshift[seen], **dots)
        axes[0, 1].set(xlabel="$r$ (AB mag)", ylabel="$g - r$ (mag)")
        if seen.any():
            axes[0, 1].set_ylim(np.percentile(g_r[seen], [0.2, 99.8]) + [-0.1, 0.1])
        if not seen.all():
            axes[0, 1].set_title(f"{(~seen).sum():,} without a magnitude", fontsize=7)
        figure.colorbar(points, ax=axes[0, 1], label=LABELS["redshift"]).solids.set_alpha(1)
    if mass:
        axes[0, -1].scatter(redshift, catalog["LOG_MSTAR"], color="#4477AA", **dots)
        low = np.nanpercentile(catalog["LOG_MSTAR"], 0.2)
        axes[0, -1].set(xlabel=LABELS["redshift"], ylabel=LABELS["log_mstar"], ylim=(low - 0.3, None))
    return figure


@drawing
def noise(images: np.ndarray, spectra: np.ndarray):
    """Noise as a reader of the pixels would measure it: sky per band, and signal and noise along the spectrum.

    Of images (n, h, w, 3) it is the scatter of the 8 rows at either edge, of spectra (n, 7781) that of the differences
    of neighbouring pixels, both by their median absolute deviation.
    """
    figure, (sky, fibre) = plt.subplots(1, 2, figsize=(WIDTH, 2.8), width_ratios=(1, 1.5))
    border = np.concatenate([images[:, :8], images[:, -8:]], axis=1).reshape(len(images), -1, 3)
    deviation = pd.DataFrame(1e3 * median_abs_deviation(border, axis=1, scale="normal"), columns=list(BANDS))
    limits = 0, np.percentile(deviation, 99.5)
    sns.histplot(deviation, bins=40, binrange=limits, element="step", fill=False, palette=BAND, ax=sky)
    sky.set(xlabel="sky noise (10$^{-3}$ nanomaggies per pixel)", ylabel="galaxies")
    level = median_abs_deviation(np.diff(spectra, axis=1), axis=0, scale="normal") / np.sqrt(2)
    curves = pd.DataFrame({"noise per pixel": level, "median galaxy": np.median(spectra, axis=0)[:-1]})
    curves = curves.groupby(np.arange(len(curves)) // 25).mean()  # over 20 Å
    fibre.plot(WAVELENGTH[:-1:25] + 10, curves, label=curves.columns)
    for line, shade in zip(fibre.lines, ("black", MODALITY["spectrum"]), strict=True):
        line.set_color(shade)
    fibre.set(xlabel="observed wavelength (Å)", ylabel=FLUX, ylim=(0, None))
    fibre.legend()
    return figure
