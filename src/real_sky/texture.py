"""Simple statistics of a spectrum that say how it is made, and little of which galaxy it shows; and a probe that asks them."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from astroclip_book.data.pairs import N_WAVELENGTH
from astroclip_book.evaluate.metrics import ranking

WINDOWS = 12  # of the spectrum, each described by a few statistics
STATISTICS = ("noise", "tails", "correlation, 1 pixel", "correlation, 5 pixels", "structure", "skewness")
FOLDS = 5
REPEATS = 10  # cross-validations averaged: with so few real spectra, which fold they fall in matters
PENALTY = 0.05  # inverse strength of the probe's L2 penalty: some twenty real spectra, six statistics in twelve windows


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
