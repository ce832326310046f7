"""Spectra as one looks at them: smoothed, lines named, at rest or as observed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import WAVELENGTH
from bookmaking.figures.style import FLUX, MODALITY, WIDTH, drawing

# Vacuum wavelengths at rest in Å, under the names that astronomers use for them.
LINES = {
    "[O II]": 3728.5, "Ca HK": (3934.8, 3969.6), "Hβ": 4862.7, "[O III]": 5008.2, "Mg b": 5176.6,
    "Na D": 5893.6, "Hα": 6564.6,
}  # fmt: skip
BLUE_END = 3900.0  # Å: the noise below it would set the scale of faint spectra
SMOOTHING = 15  # pixels, 12 Å: narrower than the distance of the lines above, wide enough to see through the noise


def smooth(flux: np.ndarray, width: int = SMOOTHING) -> np.ndarray:
    """Running mean of a spectrum (p,) over ``width`` pixels; the ends average what there is."""
    kernel = np.ones(width)
    return np.convolve(flux, kernel, "same") / np.convolve(np.ones_like(flux), kernel, "same")


def limits(flux: np.ndarray) -> tuple[float, float]:
    """Ordinate range that shows the spectrum and not its worst pixels."""
    low, high = np.percentile(flux, [1, 99.7])
    return min(0.0, float(low)), float(high + 0.25 * (high - low) + 1e-12)


def observed_limits(flux: np.ndarray) -> tuple[float, float]:
    """Ordinate range for a spectrum (7781,) as observed: the noise of its blue end does not count."""
    return limits(flux[WAVELENGTH > BLUE_END])


def mark_lines(axes, redshift: float = 0.0, names: bool = True) -> None:
    """Dotted verticals at the lines of a galaxy, named along the top."""
    low, high = axes.get_xlim()
    previous = -np.inf
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
    for name, rest in LINES.items():
        wavelengths = np.atleast_1d(rest) * (1 + redshift)
        middle = wavelengths.mean()
        if not low < middle < high:
            continue
        for wavelength in wavelengths:
            axes.axvline(wavelength, color="#777777", lw=0.6, ls=":", zorder=0)
        if names:
            # Names of close lines would print over each other: lower every one that is too near the last.
            crowded = middle - previous < 0.06 * (high - low)
            axes.text(middle, 0.87 if crowded else 0.985, name, fontsize=6.5, ha="center", va="top", color="#444444",
                      transform=axes.get_xaxis_transform(), bbox=box)  # fmt: skip
            previous = -np.inf if crowded else middle


@drawing
def observed_spectra(flux: np.ndarray, redshift: np.ndarray, labels: list[str]):
    """Observed spectra (n, 7781), raw in grey and smoothed over 12 Å, each with its lines at its redshift."""
    figure, axes = plt.subplots(len(flux), 1, figsize=(WIDTH, 1.55 * len(flux) + 0.4), sharex=True, squeeze=False)
    for axis, values, z, label in zip(axes[:, 0], flux, redshift, labels, strict=True):
        smoothed = smooth(values)
        axis.plot(WAVELENGTH, values, color="#cccccc", lw=0.3, rasterized=True)
        axis.plot(WAVELENGTH, smoothed, color=MODALITY["spectrum"], lw=0.8)
        axis.set(xlim=WAVELENGTH[[0, -1]], ylim=observed_limits(smoothed))
        mark_lines(axis, z)
        axis.set_title(label, loc="right", fontsize=8, pad=2)
    axes[-1, 0].set_xlabel("observed wavelength (Å)")
    figure.supylabel(FLUX, fontsize=9)
    return figure


@drawing
def reconstructions(flux: np.ndarray, model: np.ndarray, redshift: np.ndarray):
    """Spectra and their models (n, 7781) at rest, both smoothed, all panels on the same rest wavelengths."""
    figure, axes = plt.subplots(len(flux), 1, figsize=(WIDTH, 1.55 * len(flux) + 0.4), sharex=True, squeeze=False)
    window = WAVELENGTH[0] / (1 + np.max(redshift)), WAVELENGTH[-1] / (1 + np.min(redshift))
    for axis, data, fit, z in zip(axes[:, 0], flux, model, redshift, strict=True):
        rest, smoothed = WAVELENGTH / (1 + z), smooth(data)
        axis.plot(rest, smoothed, color="#999999", lw=0.7, label="data, 12 Å mean")
        axis.plot(rest, smooth(fit), color=MODALITY["spectrum"], lw=1.0, label="model from the latents")
        axis.set(xlim=window, ylim=observed_limits(smoothed))
        mark_lines(axis)
        axis.set_title(f"$z = {z:.3f}$", loc="right", fontsize=8, pad=2)
    axes[0, 0].legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    axes[-1, 0].set_xlabel("rest wavelength (Å)")
    figure.supylabel(FLUX, fontsize=9)
    return figure


def stack(flux: np.ndarray, redshift: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Median spectrum at rest of galaxies, each divided by its mean flux there; NaN where fewer than half reach.

    Parameters
    ----------
    flux : (n, 7781) array
    redshift : (n,) array
    wavelength : (p,) array
        Rest wavelengths in Å; cells as wide as their spacing are averaged, which keeps the noise down.
    """
    edges = np.append(wavelength, 2 * wavelength[-1] - wavelength[-2]) - 0.5 * (wavelength[1] - wavelength[0])
    rows = np.full((len(flux), len(wavelength)), np.nan)
    for row, values, z in zip(rows, flux, redshift, strict=True):
        cell = np.digitize(WAVELENGTH / (1 + z), edges) - 1
        inside = (cell >= 0) & (cell < len(wavelength))
        count = np.bincount(cell[inside], minlength=len(wavelength))
        total = np.bincount(cell[inside], values[inside], minlength=len(wavelength))
        full = count >= 0.5 * np.median(count[count > 0])
        row[full] = total[full] / count[full]
        row /= max(abs(np.nanmean(row)), np.finfo(float).tiny)
    enough = np.isfinite(rows).mean(axis=0) >= 0.5
    result = np.full(len(wavelength), np.nan)
    result[enough] = np.nanmedian(rows[:, enough], axis=0)
    return result
