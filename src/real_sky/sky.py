"""What the mock is held against: statistics of real observations, and a probe that tells real spectra from mock ones.

``datasets/measure_sky.py`` makes what is stored in ``sky.json`` from files of observations.
"""

import itertools
import json
from pathlib import Path

import numpy as np
from scipy.stats import zscore
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from astroclip_book.data.pairs import N_WAVELENGTH
from astroclip_book.evaluate.metrics import ranking

# Bins within which colours are compared: of redshift, and of r from bright to the limits of two surveys that the mock samples.
REDSHIFT_EDGES, MAGNITUDE_EDGES = (0.04, 0.10, 0.18, 0.26), (16.0, 17.77, 18.7, 19.5)
COLOURS = {"g_r": (0, 1), "r_z": (1, 2)}  # name: bands subtracted
MASS_EDGES = tuple(np.arange(8.0, 11.6, 0.5).tolist())  # log10 solar masses
COLOUR_EDGES = tuple(np.round(np.arange(0.1, 0.95, 0.1), 1).tolist())  # g - r
SPREAD_BINNING = 31  # pixels: 251 bins of 25 Å fill the 7781
BORDER = 8  # pixels at each edge of a cut-out in which the sky is measured
FEW = 20  # fewer objects have no percentiles worth comparing
SOLAR_R = 4.65  # absolute AB magnitude of the Sun in r, Willmer 2018 (https://doi.org/10.3847/1538-4365/aabfdf)

WINDOWS = 12  # of the spectrum, each described by a few statistics
STATISTICS = ("noise", "tails", "correlation, 1 pixel", "correlation, 5 pixels", "structure", "skewness")
FOLDS = 5
REPEATS = 10  # cross-validations averaged: with so few real spectra, which fold they fall in matters
PENALTY = 0.05  # inverse strength of the probe's L2 penalty: some twenty real spectra, six statistics in twelve windows


def reference() -> dict:
    """The stored statistics: ``redshift``, ``colours``, ``spectra_std``, ``spectra_snr``, ``image_noise``, ``nearby``."""
    return json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


def colour_percentiles(magnitudes: np.ndarray, redshift: np.ndarray) -> dict[str, dict]:
    """Percentiles 10, 50, 90 of colours of magnitudes (n, 3) in g, r, z free of dust, in bins of redshift (n,) and r.

    Returns ``n``, ``r`` (the middle of the bin), ``g_r`` and ``r_z`` of each bin, named by its lower edges, with at least `FEW` objects.
    """
    bins, r, known = {}, magnitudes[:, 1], np.isfinite(magnitudes).all(axis=1)
    for (near, far), (bright, faint) in itertools.product(*map(itertools.pairwise, (REDSHIFT_EDGES, MAGNITUDE_EDGES))):
        inside = known & (redshift >= near) & (redshift < far) & (r >= bright) & (r < faint)
        if inside.sum() >= FEW:
            colours = {name: magnitudes[inside, a] - magnitudes[inside, b] for name, (a, b) in COLOURS.items()}
            levels = {name: np.percentile(values, [10, 50, 90]).tolist() for name, values in colours.items()}
            bins[f"z{100 * near:02.0f}_r{int(bright)}"] = {"n": int(inside.sum()), "r": (bright + faint) / 2, **levels}
    return bins


def colour_distances(ours: dict[str, dict], theirs: dict[str, dict]) -> dict:
    """Two results of `colour_percentiles` compared.

    Returns for each colour and bin ``median_difference`` (ours less theirs, mag), ``width_ratio`` (10 % to 90 %) and ``n`` of ours.
    """
    return {
        name: {
            one: {
                "median_difference": ours[one][name][1] - theirs[one][name][1],
                "width_ratio": np.ptp(ours[one][name]) / np.ptp(theirs[one][name]),
                "n": ours[one]["n"],
            }
            for one in theirs
            if one in ours
        }
        for name in COLOURS
    }


def binned_percentiles(x: np.ndarray, y: np.ndarray, edges: tuple[float, ...]) -> list[dict]:
    """Percentiles 16, 50, 84 of ``y`` in bins of ``x``: ``centre``, ``n``, ``percentiles``; bins of few are left out."""
    bins = []
    for a, b in itertools.pairwise(edges):
        values = y[(x >= a) & (x < b) & np.isfinite(y)]
        if len(values) >= FEW:
            percentiles = np.percentile(values, [16, 50, 84]).tolist()
            bins.append({"centre": (a + b) / 2, "n": len(values), "percentiles": percentiles})
    return bins


def binned(values: np.ndarray) -> np.ndarray:
    """(7781,) to (251,): means of 31 pixels."""
    return np.asarray(values, float).reshape(N_WAVELENGTH // SPREAD_BINNING, SPREAD_BINNING).mean(axis=1)


def sky_noise(images: np.ndarray) -> np.ndarray:
    """Scatter of the sky in each image and band, (n, 3): scaled median absolute deviation of the pixels at its edges."""
    sides = images[:, :BORDER], images[:, -BORDER:], images[:, :, :BORDER], images[:, :, -BORDER:]
    border = np.concatenate([side.reshape(len(images), -1, images.shape[-1]) for side in sides], axis=1)
    return 1.4826 * np.median(np.abs(border - np.median(border, axis=1, keepdims=True)), axis=1)


def texture(flux: np.ndarray) -> np.ndarray:
    """What spectra (n, 7781) are like without their shape, scale and level: `STATISTICS`, each in twelve windows, (n, 72).

    Log noise, from differences of neighbouring pixels; log ratio of the differences' standard deviation to it (tails);
    correlation of pixels 1 and 5 apart; log scatter of means of 16 pixels; skewness.
    """
    size = N_WAVELENGTH // WINDOWS
    scaled = zscore(np.asarray(flux, np.float64), axis=1)  # as the AstroCLIP release prepares spectra
    windows = scaled[:, : size * WINDOWS].reshape(len(flux), WINDOWS, size)
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


def probe(mock: np.ndarray, real: np.ndarray, bootstrap: int, seed: int) -> dict:
    """How well a linear classifier tells mock (n, f) from real objects (m, f) that it has not seen, by features such as `texture`.

    Of at least five objects each. Returns ``auc``, 0.5 where it cannot, ``auc_ci95`` over resampled objects, ``n_mock``, ``n_real``.
    """
    x, label = np.concatenate([mock, real]), np.repeat([0, 1], [len(mock), len(real)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=1000))
    folds = [StratifiedKFold(FOLDS, shuffle=True, random_state=seed + repeat) for repeat in range(REPEATS)]
    score = np.mean([cross_val_predict(model, x, label, cv=cv, method="decision_function") for cv in folds], axis=0)
    rng, resampled = np.random.default_rng(seed), []
    for _ in range(bootstrap):
        rows = np.concatenate([rng.choice(np.flatnonzero(label == k), np.sum(label == k)) for k in (0, 1)])
        resampled.append(ranking(label[rows], score[rows])["auc"])
    interval, auc = np.percentile(resampled, [2.5, 97.5]).tolist(), float(ranking(label, score)["auc"])
    return {"auc": auc, "auc_ci95": interval, "n_mock": len(mock), "n_real": len(real)}
