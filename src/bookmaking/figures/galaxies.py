"""Galaxies as one looks at them: colour images, and the sample they come from."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import BANDS, PIXEL_SCALE, WAVELENGTH
from bookmaking.figures.style import BAND, FLUX, LABELS, MODALITY, WIDTH, drawing

SCALES = np.array([6.0, 3.4, 2.2])  # g, r, z, of the Legacy Surveys' viewer
OFFSET, SOFTENING = 0.03, 20.0


def rgb(images: np.ndarray) -> np.ndarray:
    """Colours of the Legacy Surveys' viewer (Dey et al. 2019), after Lupton et al. (2004): z is red, r green, g blue.

    Parameters
    ----------
    images : (..., 3) array
        Nanomaggies in g, r, z.

    Returns
    -------
    (..., 3) array in [0, 1]
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
    """Colour images (n, h, w, 3) in a grid, a text below each, with a bar of 10 arcsec in the first."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, rows * (WIDTH / columns + 0.22)), squeeze=False)
    for place in axes.flat[len(images) :]:
        place.remove()
    for place, image, label in zip(axes.flat, images, labels, strict=False):
        show_image(place, image, label)
    bar = 10 / PIXEL_SCALE
    axes.flat[0].plot([8, 8 + bar], [8, 8], color="white", lw=2, solid_capstyle="butt")
    axes.flat[0].text(8, 14, "10″", color="white", fontsize=8)
    return figure


@drawing
def population(redshift: np.ndarray, catalog: dict[str, np.ndarray]):
    """Redshift distribution, colour against magnitude and mass against redshift: the panels the catalogue allows.

    Parameters
    ----------
    redshift : (n,) array
    catalog : dict of (n,) arrays
        ``MAG_G``, ``MAG_R`` and ``LOG_MSTAR`` are used where present.
    """
    has_colour, has_mass = {"MAG_G", "MAG_R"} <= catalog.keys(), "LOG_MSTAR" in catalog
    panels = 1 + has_colour + has_mass
    figure, axes = plt.subplots(1, panels, figsize=(WIDTH, 2.6 if panels > 1 else 3.2), squeeze=False)
    places = iter(axes[0])
    axis = next(places)
    axis.hist(redshift, bins=40, color="#4477AA")
    axis.set(xlabel=LABELS["redshift"], ylabel="galaxies")
    if has_colour:
        axis = next(places)
        colour = catalog["MAG_G"] - catalog["MAG_R"]
        points = axis.scatter(catalog["MAG_R"], colour, c=redshift, **_points(len(redshift)))
        window = np.nanpercentile(colour, [0.2, 99.8]) + [-0.1, 0.1]
        axis.set(xlabel="$r$ (AB mag)", ylabel="$g - r$ (mag)", ylim=window)
        figure.colorbar(points, ax=axis, label=LABELS["redshift"]).solids.set_alpha(1)
    if has_mass:
        axis = next(places)
        axis.scatter(redshift, catalog["LOG_MSTAR"], color="#4477AA", **_points(len(redshift)))
        low = np.nanpercentile(catalog["LOG_MSTAR"], 0.2)
        axis.set(xlabel=LABELS["redshift"], ylabel=LABELS["log_mstar"], ylim=(low - 0.3, None))
    return figure


@drawing
def noise(images: np.ndarray, spectra: np.ndarray):
    """Noise as a reader of the pixels would measure it: sky per band, and signal and noise along the spectrum.

    Parameters
    ----------
    images : (n, h, w, 3) array
        Nanomaggies; the noise is the scaled median absolute deviation of the 8 rows at either edge.
    spectra : (n, 7781) array
        The noise is that of differences of neighbouring pixels.
    """
    figure, (sky, fibre) = plt.subplots(1, 2, figsize=(WIDTH, 2.8), width_ratios=(1, 1.5))
    border = np.concatenate([images[:, :8], images[:, -8:]], axis=1).reshape(len(images), -1, 3)
    deviation = 1482.6 * np.median(np.abs(border - np.median(border, axis=1, keepdims=True)), axis=1)
    bins = np.linspace(0, np.percentile(deviation, 99.5), 40)
    for band, values in zip(BANDS, deviation.T, strict=True):
        sky.hist(values, bins, histtype="step", lw=1.5, color=BAND[band], label=f"${band}$")
    sky.set(xlabel="sky noise (10$^{-3}$ nanomaggies per pixel)", ylabel="galaxies")
    sky.legend()
    level = 1.4826 * np.median(np.abs(np.diff(spectra, axis=1)), axis=0) / np.sqrt(2)
    width = 25
    used = len(level) // width * width
    wavelength, level, signal = (
        values[:used].reshape(-1, width).mean(1) for values in (WAVELENGTH, level, np.median(spectra, axis=0))
    )
    fibre.plot(wavelength, level, color="black", label="noise per pixel")
    fibre.plot(wavelength, signal, color=MODALITY["spectrum"], label="median galaxy")
    fibre.set(xlabel="observed wavelength (Å)", ylabel=FLUX, ylim=(0, None))
    fibre.legend()
    return figure


def _points(n: int) -> dict:
    """Dots small enough that ten thousand of them still show their density."""
    return {"s": float(np.clip(6000 / n, 1.5, 12)), "alpha": float(np.clip(1500 / n, 0.25, 0.9)), "lw": 0}
