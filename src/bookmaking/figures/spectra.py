"""Spectra as one looks at them: smoothed, lines named, at rest or as observed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from astroclip_book.data.pairs import WAVELENGTH
from bookmaking.figures.style import FLUX, MODALITY, WIDTH, drawing

# Vacuum wavelengths at rest in Å, under the names that astronomers use for them.
LINES = {"[O II]": 3728.5, "Ca HK": (3934.8, 3969.6), "Hβ": 4862.7, "[O III]": 5008.2, "Mg b": 5176.6}
LINES |= {"Na D": 5893.6, "Hα": 6564.6}
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
    previous, box = -np.inf, {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
    style = {"fontsize": 6.5, "ha": "center", "va": "top", "color": "#444444", "bbox": box}
    for name, rest in LINES.items():
        wavelengths = np.atleast_1d(rest) * (1 + redshift)
        middle = wavelengths.mean()
        if not low < middle < high:
            continue
        for wavelength in wavelengths:
            axes.axvline(wavelength, color="#777777", lw=0.6, ls=":", zorder=0)
        if names:  # those of close lines would print over each other: lower every one that is too near the last
            crowded = middle - previous < 0.06 * (high - low)
            axes.text(middle, 0.87 if crowded else 0.985, name, transform=axes.get_xaxis_transform(), **style)
            previous = -np.inf if crowded else middle


def _panels(n: int, xlabel: str):
    """A figure of n panels below each other, for fluxes against wavelength."""
    figure, axes = plt.subplots(n, 1, figsize=(WIDTH, 1.55 * n + 0.4), sharex=True, squeeze=False)
    axes[-1, 0].set_xlabel(xlabel)
    figure.supylabel(FLUX, fontsize=9)
    return figure, axes[:, 0]


@drawing
def observed_spectra(flux: np.ndarray, redshift: np.ndarray, labels: list[str]):
    """Observed spectra (n, 7781), raw in grey and smoothed over 12 Å, each with its lines at its redshift."""
    figure, axes = _panels(len(flux), "observed wavelength (Å)")
    for axis, values, z, label in zip(axes, flux, redshift, labels, strict=True):
        smoothed = smooth(values)
        axis.plot(WAVELENGTH, values, color="#cccccc", lw=0.3, rasterized=True)
        axis.plot(WAVELENGTH, smoothed, color=MODALITY["spectrum"], lw=0.8)
        axis.set(xlim=WAVELENGTH[[0, -1]], ylim=observed_limits(smoothed))
        mark_lines(axis, z)
        axis.set_title(label, loc="right", fontsize=8, pad=2)
    return figure


@drawing
def reconstructions(flux: np.ndarray, model: np.ndarray, redshift: np.ndarray):
    """Spectra and their models (n, 7781) at rest, both smoothed, all panels on the same rest wavelengths."""
    figure, axes = _panels(len(flux), "rest wavelength (Å)")
    for axis, data, fit, z in zip(axes, flux, model, redshift, strict=True):
        rest, smoothed = WAVELENGTH / (1 + z), smooth(data)
        axis.plot(rest, smoothed, color="#999999", lw=0.7, label="data, 12 Å mean")
        axis.plot(rest, smooth(fit), color=MODALITY["spectrum"], lw=1.0, label="model from the latents")
        axis.set(xlim=WAVELENGTH[[0, -1]] / (1 + np.array([np.max(redshift), np.min(redshift)])))
        axis.set_ylim(observed_limits(smoothed))
        mark_lines(axis)
        axis.set_title(f"$z = {z:.3f}$", loc="right", fontsize=8, pad=2)
    axes[0].legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    return figure


def stack(flux: np.ndarray, redshift: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Median spectrum at rest of galaxies, each divided by its mean flux there; NaN where fewer than half reach.

    Of fluxes (n, 7781) at redshifts (n,), on evenly spaced rest wavelengths (p,) in Å: cells as wide as their spacing are
    averaged, which keeps the noise down.
    """
    step = wavelength[1] - wavelength[0]
    edges, rows = np.append(wavelength, wavelength[-1] + step) - 0.5 * step, []
    for values, z in zip(flux, redshift, strict=True):
        count, total = (np.histogram(WAVELENGTH / (1 + z), edges, weights=each)[0] for each in (None, values))
        row = np.where(count >= 0.5 * np.median(count[count > 0]), total / np.maximum(count, 1), np.nan)
        rows.append(row / max(abs(np.nanmean(row)), np.finfo(float).tiny))
    enough = np.isfinite(rows).mean(axis=0) >= 0.5
    result = np.full(len(wavelength), np.nan)
    result[enough] = np.nanmedian(np.array(rows)[:, enough], axis=0)
    return result
