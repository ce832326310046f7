"""What the sky looks like, in numbers: summary statistics of real observations that the mock is held against.

They are stored in ``stored.json`` so that every run can be compared; `real_sky.sky.measure` makes them from files.
"""

from __future__ import annotations

import functools
import itertools
import json
from pathlib import Path

import numpy as np

from astroclip_book.data.pairs import N_WAVELENGTH

MAX_REDSHIFT = 0.8
MAGNITUDE_EDGES = (16.0, 17.0, 18.0, 19.0, 19.5)  # of the bins in r within which colours are compared
COLOURS = {"g_r": (0, 1), "r_z": (1, 2)}  # name: bands subtracted
MASS_EDGES = tuple(np.arange(8.0, 11.6, 0.5).tolist())  # log10 solar masses
COLOUR_EDGES = tuple(np.round(np.arange(0.1, 0.95, 0.1), 1).tolist())  # g - r
SPREAD_BINNING = 31  # pixels: 251 bins of 25 Å fill the 7781
BORDER = 8  # pixels at each edge of a cut-out in which the sky is measured
WITHIN = 0.3  # relative difference at which a spread still counts as alike
FAILURE = 0.05  # an error in redshift of more than this times 1 + z is a failure
FEW = 20  # fewer objects than this have no percentiles worth comparing


@functools.cache
def reference() -> dict:
    """The stored statistics: ``redshift``, ``colours``, ``spectra_std``, ``spectra_snr``, ``image_noise``, ``nearby``."""
    return json.loads(Path(__file__).with_name("stored.json").read_text())


def colour_percentiles(magnitudes: np.ndarray, weight: np.ndarray | None = None) -> list[dict]:
    """Percentiles 5, 50, 95 of the colours in bins of r.

    Parameters
    ----------
    magnitudes : (n, 3) array
        g, r, z; objects with a missing one are left out.
    weight : (n,) array, optional
        What each object counts for; by default all count alike.

    Returns
    -------
    list of dict
        For each bin between ``MAGNITUDE_EDGES`` with at least ``FEW`` objects: ``r`` [low, high], ``n``, ``g_r``, ``r_z``.
        With weights, ``n`` is the number of equal ones that would scatter as much, (sum w)² / sum w² (Kish 1965).
    """
    weight = np.ones(len(magnitudes)) if weight is None else weight
    good = np.isfinite(magnitudes).all(axis=1) & (weight > 0)
    magnitudes, weight = magnitudes[good], weight[good]
    bins = []
    for low, high in itertools.pairwise(MAGNITUDE_EDGES):
        inside = (magnitudes[:, 1] >= low) & (magnitudes[:, 1] < high)
        w = weight[inside]
        n = int(w.sum() ** 2 / np.square(w).sum() + 1e-6) if inside.any() else 0
        if n >= FEW:
            colours = {name: (magnitudes[:, a] - magnitudes[:, b])[inside] for name, (a, b) in COLOURS.items()}
            percentiles = {
                name: np.quantile(values, [0.05, 0.5, 0.95], weights=w, method="inverted_cdf").tolist()
                for name, values in colours.items()
            }
            bins.append({"r": [low, high], "n": n, **percentiles})
    return bins


def binned_percentiles(x: np.ndarray, y: np.ndarray, edges: tuple[float, ...]) -> list[dict]:
    """Percentiles 16, 50, 84 of ``y`` in bins of ``x``: ``centre``, ``n``, ``percentiles``; bins of few are left out."""
    inside = [(a, b, y[(x >= a) & (x < b) & np.isfinite(y)]) for a, b in itertools.pairwise(edges)]
    return [
        {"centre": (a + b) / 2, "n": len(values), "percentiles": np.percentile(values, [16, 50, 84]).tolist()}
        for a, b, values in inside
        if len(values) >= FEW
    ]


def binned(values: np.ndarray) -> np.ndarray:
    """(7781,) to (251,): means of 31 pixels."""
    return np.asarray(values, float).reshape(N_WAVELENGTH // SPREAD_BINNING, SPREAD_BINNING).mean(axis=1)


def sky_noise(images: np.ndarray) -> np.ndarray:
    """Scatter of the sky in each image and band, (n, 3): scaled median absolute deviation of the pixels at its edges."""
    sides = images[:, :BORDER], images[:, -BORDER:], images[:, :, :BORDER], images[:, :, -BORDER:]
    border = np.concatenate([side.reshape(len(images), -1, images.shape[-1]) for side in sides], axis=1)
    return 1.4826 * np.median(np.abs(border - np.median(border, axis=1, keepdims=True)), axis=1)
