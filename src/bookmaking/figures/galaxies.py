"""Galaxies as one looks at them: colour images, spectra with their lines, and the sample they come from."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from scipy.stats import binned_statistic, median_abs_deviation

from astroclip_book.data.pairs import BANDS, PIXEL_SCALE, WAVELENGTH, Pairs
from bookmaking.figures.style import BAND, FLUX, LABELS, MODALITY, WIDTH, drawing

SCALES = np.array([6.0, 3.4, 2.2])  # g, r, z, of the Legacy Surveys' viewer
OFFSET, SOFTENING = 0.03, 20.0
# Vacuum wavelengths at rest in Å, under the names that astronomers use for them.
LINES = {"[O II]": 3728.5, "Ca HK": (3934.8, 3969.6), "Hβ": 4862.7, "[O III]": 5008.2, "Mg b": 5176.6}
LINES |= {"Na D": 5893.6, "Hα": 6564.6}
BLUE_END = 3900.0  # Å: the noise below it would set the scale of faint spectra
SMOOTHING = 15  # pixels, 12 Å: narrower than the distance of the lines above, wide enough to see through the noise


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


def smooth(flux: np.ndarray, width: int = SMOOTHING) -> np.ndarray:
    """Running mean of a spectrum (p,) over ``width`` pixels; the ends average what there is."""
    return pd.Series(flux).rolling(width, center=True, min_periods=1).mean().to_numpy()


def stack(flux: np.ndarray, redshift: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Median of spectra (n, 7781), each over its mean, in even cells at rest (p,), in Å; NaN where fewer than half of them reach."""
    step = wavelength[1] - wavelength[0]
    edges = np.append(wavelength, wavelength[-1] + step) - 0.5 * step
    rest = zip(WAVELENGTH / (1 + redshift[:, None]), flux, strict=True)
    rows = np.array([binned_statistic(place, values, bins=edges).statistic for place, values in rest])
    rows /= np.abs(np.nanmean(rows, axis=1, keepdims=True))
    enough = np.isfinite(rows).mean(axis=0) >= 0.5
    result = np.full(len(wavelength), np.nan)
    result[enough] = np.nanmedian(rows[:, enough], axis=0)
    return result


def limits(flux: np.ndarray) -> tuple[float, float]:
    """Ordinate range that shows the spectrum and not its worst pixels."""
    low, high = np.percentile(flux, [1, 99.7])
    return min(0.0, float(low)), float(high + 0.25 * (high - low) + 1e-12)


def mark_lines(axes, redshift: float = 0.0, names: bool = True) -> None:
    """Dotted verticals at the lines of a galaxy, named along the top."""
    low, high = axes.get_xlim()
    previous, box = -np.inf, {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
    style = {"fontsize": 6.5, "ha": "center", "va": "top", "color": "#444444", "bbox": box}
    for name, rest in LINES.items():
        wavelengths = np.atleast_1d(rest) * (1 + redshift)
        middle = wavelengths.mean()
        if not low < middle < high:
            continue
        for wavelength in wavelengths:
            axes.axvline(wavelength, color="#777777", lw=0.6, ls=":", zorder=1.5)  # over raw spectra, under smooth ones
        if names:  # those of close lines would print over each other: lower every one that is too near the last
            crowded = middle - previous < 0.06 * (high - low)
            axes.text(middle, 0.87 if crowded else 0.985, name, transform=axes.get_xaxis_transform(), **style)
            previous = -np.inf if crowded else middle


def show_image(axes, image: np.ndarray, label: str = "") -> None:
    """Put a colour image into axes, with a short text below it."""
    axes.imshow(rgb(image), origin="lower")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(label, fontsize=7, labelpad=2)


def show_spectrum(axes, flux: np.ndarray, redshift: float, width: int = SMOOTHING, names: bool = True) -> None:
    """Put a spectrum (7781,) as observed into axes, smoothed, with its lines; the noise of its blue end does not set the scale."""
    smoothed = smooth(flux, width)
    axes.plot(WAVELENGTH, smoothed, color=MODALITY["spectrum"], lw=0.8 if names else 0.5)
    axes.set(xlim=WAVELENGTH[[0, -1]], ylim=limits(smoothed[WAVELENGTH > BLUE_END]))
    mark_lines(axes, redshift, names)


def show_galaxy(axes, pixels: np.ndarray, redshift: float, modality: str, label: str) -> None:
    """Put a galaxy into square axes without ticks, its image or its spectrum over 25 Å, with a text below it."""
    if modality == "image":
        show_image(axes, pixels)
    else:
        show_spectrum(axes, pixels, redshift, 31, names=False)
        axes.set(xticks=[], yticks=[], box_aspect=1)
    axes.set_xlabel(label, fontsize=6.5, labelpad=2)


def show_galaxies(row, pairs: Pairs, places: np.ndarray, modalities: list[str], labels: list[str]) -> None:
    """Put the galaxies of some places of the pairs into a row of axes, each in a modality and with a text below it."""
    redshift, read = pairs.index.redshift[places], {"image": pairs.images, "spectrum": pairs.spectra}
    for axes, place, z, modality, label in zip(row, places, redshift, modalities, labels, strict=True):
        show_galaxy(axes, read[modality]([place])[0], z, modality, label)


def rows_of_galaxies(n: int, k: int, first: str = "query"):
    """A figure and its axes (n, k + 1) for galaxies and k neighbours of each, with titles."""
    figure, axes = plt.subplots(n, k + 1, figsize=(WIDTH, 1.45 * n), squeeze=False)
    for rank, axis in enumerate(axes[0]):
        axis.set_title(f"neighbour {rank}" if rank else first, fontsize=8)
    return figure, axes


def panels(n: int, xlabel: str):
    """A figure and its n axes below each other, for fluxes against wavelength."""
    figure, axes = plt.subplots(n, 1, figsize=(WIDTH, 1.3 * n + 0.4), sharex=True, squeeze=False)
    axes[-1, 0].set_xlabel(xlabel)
    figure.supylabel(FLUX, fontsize=9)
    return figure, axes[:, 0]


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
def observed_spectra(flux: np.ndarray, redshift: np.ndarray, labels: list[str]):
    """Observed spectra (n, 7781), raw in grey and smoothed over 12 Å, each with its lines at its redshift."""
    figure, axes = panels(len(flux), "observed wavelength (Å)")
    for axis, values, z, label in zip(axes, flux, redshift, labels, strict=True):
        axis.plot(WAVELENGTH, values, color="#cccccc", lw=0.3, rasterized=True, zorder=1)
        show_spectrum(axis, values, z)
        axis.set_title(label, loc="right", fontsize=8, pad=2)
    return figure


@drawing
def one_galaxy(model: np.ndarray, image: np.ndarray, truth: np.ndarray, spectrum: np.ndarray, redshift: float):
    """A galaxy's image (h, w, 3) and spectrum (7781,) without and with noise."""
    figure, axes = plt.subplot_mosaic("ABCC", figsize=(WIDTH, 2.4), width_ratios=(1, 1, 1.5, 1.5))
    for name, pixels, label in (("A", model, "noiseless"), ("B", image, "as observed")):
        show_image(axes[name], pixels, label)
    axes["C"].plot(WAVELENGTH, spectrum, color="#BBBBBB", lw=0.4, zorder=1)
    axes["C"].plot(WAVELENGTH, truth, color=MODALITY["spectrum"], lw=0.8)
    axes["C"].set(xlim=WAVELENGTH[[0, -1]], ylim=limits(spectrum), xlabel="observed wavelength (Å)", ylabel=FLUX)
    mark_lines(axes["C"], redshift)
    return figure


@drawing
def population(redshift: np.ndarray, catalog: dict[str, np.ndarray]):
    """Redshifts (n,), colour against magnitude and mass against redshift: the panels that the catalogue allows."""
    colour, mass = {"MAG_G", "MAG_R"} <= catalog.keys(), "LOG_MSTAR" in catalog
    figure, axes = plt.subplots(1, 1 + colour + mass, figsize=(WIDTH, 2.6 if colour or mass else 3.2), squeeze=False)
    figure.get_layout_engine().set(w_pad=0.09)  # or two labels of axes meet
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
    """Noise by median absolute deviations: of the 8 rows at either edge of images (n, h, w, 3), of neighbouring pixels of spectra."""
    figure, (sky, fibre) = plt.subplots(1, 2, figsize=(WIDTH, 2.8), width_ratios=(1, 1.5))
    border = np.concatenate([images[:, :8], images[:, -8:]], axis=1).reshape(len(images), -1, 3)
    deviation = pd.DataFrame(1e3 * median_abs_deviation(border, axis=1, scale="normal"), columns=list(BANDS))
    limits = 0, np.percentile(deviation, 99.5)
    sns.histplot(deviation, bins=40, binrange=limits, element="step", fill=False, palette=BAND, ax=sky)
    sky.set(xlabel="sky noise (10$^{-3}$ nanomaggies per pixel)", ylabel="galaxies")
    level = median_abs_deviation(np.diff(spectra, axis=1), axis=0, scale="normal") / np.sqrt(2)
    curves = pd.DataFrame({"noise per pixel": level, "median galaxy": np.median(spectra, axis=0)[:-1]})
    curves = curves.groupby(np.arange(len(curves)) // 25).mean().set_index(WAVELENGTH[:-1:25] + 10)  # over 20 Å
    curves.plot(color=["black", MODALITY["spectrum"]], ax=fibre)
    fibre.set(xlabel="observed wavelength (Å)", ylabel=FLUX, ylim=(0, None))
    return figure
