"""Simple statistics of a spectrum that say how it is made, and little of which galaxy it shows."""

from __future__ import annotations

import numpy as np

from astroclip_book.data.pairs import N_WAVELENGTH

WINDOWS = 12  # of the spectrum, each described by a few statistics
STATISTICS = ("noise", "tails", "correlation, 1 pixel", "correlation, 5 pixels", "structure", "skewness")


def z_scored(flux: np.ndarray) -> np.ndarray:
    """Spectra (n, p), each with mean 0 and standard deviation 1, as the AstroCLIP release prepares them."""
    return (flux - flux.mean(axis=1, keepdims=True)) / flux.std(axis=1, keepdims=True)


def texture(flux: np.ndarray) -> np.ndarray:
    """What a spectrum is like without its shape: noise, its tails and correlation, and structure, window by window.

    No statistic changes with the spectrum's scale or its mean level, so that relative spectra can be compared.

    Parameters
    ----------
    flux : (n, 7781) array

    Returns
    -------
    (n, 72) array
        In each of twelve windows: log noise, from differences of neighbouring pixels; log ratio of the differences'
        standard deviation to it (tails); correlation of pixels 1 and 5 apart; log scatter of means of 16 pixels;
        skewness.
    """
    size = N_WAVELENGTH // WINDOWS
    windows = z_scored(np.asarray(flux, np.float64))[:, : size * WINDOWS].reshape(len(flux), WINDOWS, size)
    ramp = np.linspace(-1, 1, size)
    ramp /= np.linalg.norm(ramp)
    windows = windows - windows.mean(axis=2, keepdims=True)
    windows -= (windows @ ramp)[..., None] * ramp  # what is left has no level and no slope
    difference = np.diff(windows, axis=2)
    noise = 1.4826 * np.median(np.abs(difference), axis=2) / np.sqrt(2) + 1e-6
    coarse = windows[..., : size // 16 * 16].reshape(*windows.shape[:2], -1, 16).mean(axis=3)
    variance = np.square(windows).mean(axis=2) + 1e-12
    statistics = (
        np.log(noise),
        np.log((difference.std(axis=2) + 1e-6) / noise),
        *((windows[..., lag:] * windows[..., :-lag]).mean(axis=2) / variance for lag in (1, 5)),
        np.log(coarse.std(axis=2) + 1e-6),
        np.cbrt((windows**3).mean(axis=2)) / np.sqrt(variance),
    )
    return np.concatenate(statistics, axis=1)
