"""How far a survey is from the sky, in numbers; each is small where the two are alike."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from astroclip_book.data.catalog import COSMOLOGY
from astroclip_book.data.imaging import SKY_NOISE
from astroclip_book.data.pairs import BANDS, N_WAVELENGTH, Pairs
from astroclip_book.evaluate.metrics import ranking
from astroclip_book.evaluate.yardsticks import MAGNITUDES
from real_sky.sky.stored import COLOURS, WITHIN, binned, colour_percentiles, sky_noise
from real_sky.sky.texture import z_scored

SOLAR_R = 4.65  # absolute AB magnitude of the Sun in r, Willmer 2018 (https://doi.org/10.3847/1538-4365/aabfdf)
SURVEY_NOISE = np.array([location + scale for _, location, scale in SKY_NOISE])  # medians in g, r, z, nanomaggies
LOW_REDSHIFT = 0.1  # below, K corrections (less than 0.1 mag) are left out
FOLDS = 5
REPEATS = 10  # cross-validations averaged: with so few real spectra, which fold they fall in matters
PENALTY = 0.05  # inverse strength of the probe's L2 penalty: some twenty real spectra, six statistics in twelve windows
COMPANIONS = 20  # mock galaxies beside each real one, the nearest in redshift
BLOCK = 500  # spectra in memory at a time


def redshift_ks(redshift: np.ndarray, percentiles: list[float]) -> float:
    """Kolmogorov–Smirnov distance of redshifts (n,) to a distribution given by its 101 percentiles.

    Between percentiles the distribution is taken as uniform; redshifts beyond its ends are left out, as there.
    """
    z = np.sort(redshift[(redshift > percentiles[0]) & (redshift < percentiles[-1])])
    expected = np.interp(z, percentiles, np.linspace(0, 1, len(percentiles)))
    steps = np.arange(len(z) + 1) / len(z)
    return float(np.maximum(expected - steps[:-1], steps[1:] - expected).max())


def observed_magnitudes(catalog: dict[str, np.ndarray], n: int) -> np.ndarray:
    """Apparent magnitudes in g, r, z behind the dust of the Milky Way, (n, 3); NaN without a column.

    Magnitudes of the mock are free of that dust, and ``MW_TRANSMISSION_*`` is the share of the light that arrives. A
    catalogue without it is taken to hold magnitudes as observed.
    """
    missing = np.full(n, np.nan)
    free = np.stack([catalog.get(name, missing) for name in MAGNITUDES], axis=1).astype(float)
    arrives = np.stack([catalog.get(f"MW_TRANSMISSION_{name[-1]}", np.ones(n)) for name in MAGNITUDES], axis=1)
    return free - 2.5 * np.log10(arrives)


def colour_distances(magnitudes: np.ndarray, bins: list[dict], weight: np.ndarray | None = None) -> dict:
    """Colours at fixed magnitude beside the stored ones.

    Parameters
    ----------
    magnitudes : (n, 3) array
        g, r, z.
    bins : list of dict
        As `sky.colour_percentiles` makes them.
    weight : (n,) array, optional
        As `hosts.host_weight` gives, to compare what is selected alike.

    Returns
    -------
    dict
        Colour to the bin's bright edge ("16") to ``median_difference`` (magnitudes, ours less the sky's), ``width_ratio``
        (5 % to 95 %) and ``n``. A bin in which we have few galaxies is left out.
    """
    ours = {tuple(one["r"]): one for one in colour_percentiles(magnitudes, weight)}
    result: dict = {name: {} for name in COLOURS}
    for one in bins:
        mine = ours.get(tuple(one["r"]))
        for name in COLOURS if mine else ():
            (low, middle, high), (real_low, real_middle, real_high) = mine[name], one[name]
            result[name][f"{one['r'][0]:g}"] = {
                "median_difference": middle - real_middle,
                "width_ratio": (high - low) / (real_high - real_low),
                "n": mine["n"],
            }
    return result


def spectra_spread(pairs: Pairs, positions: np.ndarray) -> np.ndarray:
    """Standard deviation at each pixel over z-scored spectra, (7781,)."""
    total, squares = np.zeros(N_WAVELENGTH), np.zeros(N_WAVELENGTH)
    for start in range(0, len(positions), BLOCK):
        x = z_scored(pairs.spectra(positions[start : start + BLOCK]).astype(np.float64))
        total += x.sum(axis=0)
        squares += np.square(x).sum(axis=0)
    n = len(positions)
    return np.sqrt(np.maximum(squares / n - np.square(total / n), 0))


def share_alike(spread: np.ndarray, real: list[float]) -> float:
    """Share of the bins in which a spread (7781,) is within 30 % of the real one (251,)."""
    return float(np.mean(np.abs(binned(spread) / real - 1) <= WITHIN))


def noise_ratio(images: np.ndarray) -> dict[str, float]:
    """Median sky noise of images (n, h, w, 3) in units of the Legacy Surveys' median, per band."""
    return dict(zip(BANDS, (np.median(sky_noise(images), axis=0) / SURVEY_NOISE).tolist(), strict=True))


def mass_to_light(log_mass: np.ndarray, absolute_r: np.ndarray) -> np.ndarray:
    """log10 of stellar mass per r luminosity, in solar units."""
    return log_mass + 0.4 * (absolute_r - SOLAR_R)


def scaling_relations(redshift: np.ndarray, catalog: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs of properties that go together in real galaxies, as far as the catalogue has the columns.

    Parameters
    ----------
    redshift : (n,) array
    catalog : dict of (n,) arrays
        ``LOG_MSTAR``, ``HALF_LIGHT_RADIUS`` (arcsec), ``MAG_G``, ``MAG_R`` and ``LOG_SFR`` are used where present.

    Returns
    -------
    dict
        ``log_radius_of_mass``: log mass and log kpc; ``mass_to_light_of_colour``: g - r and `mass_to_light` of galaxies
        below z = 0.1; ``log_sfr_of_mass``: log mass and log solar masses a year.
    """
    relations, mass = {}, catalog.get("LOG_MSTAR")
    if mass is not None and "HALF_LIGHT_RADIUS" in catalog:
        kpc = catalog["HALF_LIGHT_RADIUS"] / 206265 * COSMOLOGY.angular_diameter_distance(redshift).to_value("kpc")
        relations["log_radius_of_mass"] = mass, np.log10(kpc)
    if mass is not None and {"MAG_G", "MAG_R"} <= catalog.keys():
        near = (redshift > 0) & (redshift < LOW_REDSHIFT)
        g, r = (np.asarray(catalog[name], float)[near] for name in ("MAG_G", "MAG_R"))
        absolute = r - COSMOLOGY.distmod(redshift[near]).value
        relations["mass_to_light_of_colour"] = g - r, mass_to_light(mass[near], absolute)
    if mass is not None and "LOG_SFR" in catalog:
        relations["log_sfr_of_mass"] = mass, catalog["LOG_SFR"]
    return relations


def companions(redshift: np.ndarray, of: np.ndarray, each: int = COMPANIONS) -> np.ndarray:
    """Positions in ``redshift`` of the galaxies nearest in redshift to those of ``of``, each once, ascending."""
    return np.unique(np.argsort(np.abs(redshift[:, None] - of), axis=0, kind="stable")[:each])


def probe(mock: np.ndarray, real: np.ndarray, bootstrap: int, seed: int) -> dict:
    """How well a linear classifier tells mock from real objects it has not seen: 0.5 where it cannot.

    Parameters
    ----------
    mock, real : (n, f) and (m, f) arrays
        Features of different objects, such as `texture`. At least five of each.
    bootstrap, seed : int

    Returns
    -------
    dict
        ``auc``, ``auc_ci95`` as [low, high] over resampled objects, ``n_mock``, ``n_real``.
    """
    x, label = np.concatenate([mock, real]), np.repeat([0, 1], [len(mock), len(real)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=1000))
    folds = [StratifiedKFold(FOLDS, shuffle=True, random_state=seed + repeat) for repeat in range(REPEATS)]
    score = np.mean([cross_val_predict(model, x, label, cv=cv, method="decision_function") for cv in folds], axis=0)
    rng = np.random.default_rng(seed)
    draws = [
        np.concatenate([rng.choice(np.flatnonzero(label == k), np.sum(label == k)) for k in (0, 1)])
        for _ in range(bootstrap)
    ]
    interval = np.percentile([ranking(label[rows], score[rows])["auc"] for rows in draws], [2.5, 97.5])
    return {
        "auc": float(ranking(label, score)["auc"]),
        "auc_ci95": interval.tolist(),
        "n_mock": len(mock),
        "n_real": len(real),
    }
