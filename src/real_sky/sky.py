"""What the mock is held against: statistics of real observations, and a probe that tells real spectra from mock ones.

``datasets/measure_sky.py`` makes what is stored in ``sky.json`` from files of observations.
"""

import itertools
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from astroclip_book.data.pairs import N_WAVELENGTH
from astroclip_book.evaluate.metrics import ranking

MAGNITUDE_EDGES = (16.0, 17.0, 18.0, 19.0, 19.5)  # of the bins in r within which colours are compared
COLOURS = {"g_r": (0, 1), "r_z": (1, 2)}  # name: bands subtracted
MASS_EDGES = tuple(np.arange(8.0, 11.6, 0.5).tolist())  # log10 solar masses
COLOUR_EDGES = tuple(np.round(np.arange(0.1, 0.95, 0.1), 1).tolist())  # g - r
SPREAD_BINNING = 31  # pixels: 251 bins of 25 Å fill the 7781
BORDER = 8  # pixels at each edge of a cut-out in which the sky is measured
FEW = 20  # fewer objects have no percentiles worth comparing
SOLAR_R = 4.65  # absolute AB magnitude of the Sun in r, Willmer 2018 (https://doi.org/10.3847/1538-4365/aabfdf)

# The selection behind the stored colours: DESI bright targets (Legacy Surveys DR8) near 10,827 candidate hosts of supernovae and
# other transients, up to three for each: desihub/timedomain, snsurvey/sn_target_dr8.ipynb. Supernovae Ia a year for each solar
# mass of stars, and for each of stars formed a year: Scannapieco & Bildsten (2005) with the values of Sullivan et al. (2006).
PER_MASS, PER_STARS = 5.3e-14, 3.9e-4
# Redshift up to which supernovae were found, and share of galaxies that are no hosts, were fitted to the number of the file's
# galaxies in bins of r over `LIMITS`; its colours played no part.
REACH, CHANCE, LIMITS = 0.08, 0.14, (15.0, 19.5)

WINDOWS = 12  # of the spectrum, each described by a few statistics
STATISTICS = ("noise", "tails", "correlation, 1 pixel", "correlation, 5 pixels", "structure", "skewness")
FOLDS = 5
REPEATS = 10  # cross-validations averaged: with so few real spectra, which fold they fall in matters
PENALTY = 0.05  # inverse strength of the probe's L2 penalty: some twenty real spectra, six statistics in twelve windows


def reference() -> dict:
    """The stored statistics: ``redshift``, ``colours``, ``spectra_std``, ``spectra_snr``, ``image_noise``, ``nearby``."""
    return json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


def colour_percentiles(magnitudes: np.ndarray, weight: np.ndarray | None = None) -> list[dict]:
    """Percentiles 5, 50, 95 of the colours of magnitudes (n, 3) in g, r, z, in bins of r; objects with a missing one are left out.

    Returns for each bin between `MAGNITUDE_EDGES` with at least `FEW` objects ``r`` [low, high], ``n``, ``g_r`` and ``r_z``. With
    weights (n,), ``n`` is the number of equal ones that would scatter as much, (sum w)² / sum w² (Kish 1965).
    """
    weight, bins = np.ones(len(magnitudes)) if weight is None else weight, []
    good = np.isfinite(magnitudes).all(axis=1) & (weight > 0)
    for low, high in itertools.pairwise(MAGNITUDE_EDGES):
        inside = good & (magnitudes[:, 1] >= low) & (magnitudes[:, 1] < high)
        w = weight[inside]
        n = int(w.sum() ** 2 / np.square(w).sum() + 1e-6) if inside.any() else 0
        if n >= FEW:
            levels = {"q": [0.05, 0.5, 0.95], "weights": w, "method": "inverted_cdf"}
            colours = {name: (magnitudes[:, a] - magnitudes[:, b])[inside] for name, (a, b) in COLOURS.items()}
            bins.append({"r": [low, high], "n": n} | {k: np.quantile(v, **levels).tolist() for k, v in colours.items()})
    return bins


def colour_distances(magnitudes: np.ndarray, bins: list[dict], weight: np.ndarray | None = None) -> dict:
    """Colours of magnitudes (n, 3) at fixed magnitude beside stored ``bins``, as `colour_percentiles` makes them.

    Returns colour to the bin's bright edge ("16") to ``median_difference`` (magnitudes, ours less the sky's), ``width_ratio`` (5 %
    to 95 %) and ``n``. A bin in which we have few galaxies is left out. Weights of `host_weight` compare what is selected alike.
    """
    ours = {tuple(one["r"]): one for one in colour_percentiles(magnitudes, weight)}
    shared = [(real, ours[tuple(real["r"])]) for real in bins if tuple(real["r"]) in ours]
    return {
        name: {
            f"{real['r'][0]:g}": {
                "median_difference": mine[name][1] - real[name][1],
                "width_ratio": (mine[name][2] - mine[name][0]) / (real[name][2] - real[name][0]),
                "n": mine["n"],
            }
            for real, mine in shared
        }
        for name in COLOURS
    }


def host_weight(r: np.ndarray, redshift: np.ndarray, catalog: dict[str, np.ndarray]) -> np.ndarray:
    """Chance of each galaxy of a magnitude-limited sample to be in the file behind the stored colours, (n,) of unit sum.

    Where ``LOG_MSTAR`` and ``LOG_SFR`` of the catalogue are unknown, or the magnitude r as observed is beyond `LIMITS`, it is 0.
    """
    unknown = np.full(len(redshift), np.nan)
    mass, stars = (10 ** np.asarray(catalog.get(name, unknown), float) for name in ("LOG_MSTAR", "LOG_SFR"))
    found = (PER_MASS * mass + PER_STARS * stars) * np.exp(-((redshift / REACH) ** 2))
    inside = (r > LIMITS[0]) & (r < LIMITS[1]) & np.isfinite(found)
    if not inside.any():
        return np.zeros(len(redshift))
    return np.where(inside, (1 - CHANCE) * found / found[inside].sum() + CHANCE / inside.sum(), 0.0)


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


def z_scored(flux: np.ndarray) -> np.ndarray:
    """Spectra (n, p), each with mean 0 and standard deviation 1, as the AstroCLIP release prepares them."""
    return (flux - flux.mean(axis=1, keepdims=True)) / flux.std(axis=1, keepdims=True)


def texture(flux: np.ndarray) -> np.ndarray:
    """What spectra (n, 7781) are like without their shape, scale and level: `STATISTICS`, each in twelve windows, (n, 72).

    Log noise, from differences of neighbouring pixels; log ratio of the differences' standard deviation to it (tails);
    correlation of pixels 1 and 5 apart; log scatter of means of 16 pixels; skewness.
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
