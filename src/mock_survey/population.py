"""Which galaxies there are: redshifts, luminosities, colours and star formation of a flux-limited sample."""

import contextlib
import json
from pathlib import Path

import numpy as np
from astropy import units
from scipy.special import softmax
from scipy.stats import multivariate_normal
from skypy.galaxies import schechter_lf

from astroclip_book.data.catalog import COSMOLOGY
from mock_survey import sed, structure
from mock_survey.sed import REDSHIFT_MAX
from mock_survey.spectra.star_formation import star_formation

# The sample is a mixture of DESI target classes, in shares that give the redshifts of the AstroCLIP release. Of the bright
# ones, it has more above the limit of SDSS's main sample than a survey of one magnitude limit would.
CLASSES = ("bright", "faint", "lrg")
STRATA, SHARES = np.array([0, 0, 1, 2]), (0.16, 0.54, 0.22, 0.08)  # positions in `CLASSES`, and their shares
SDSS_BRIGHTER = 1.73  # mag above the limit of BGS Bright; SDSS's main sample ends at r = 17.77
FAINT_EXTRA = 0.675  # mag beyond BGS Bright; BGS Faint ends at r = 20.175 (Hahn et al. 2023), its fibre cuts left out
LRG_EXTRA = 1.7  # z < 20 in the parent imaging sample is r of about 21.2 for a red galaxy at z = 0.6

# Fits to real galaxies; ``datasets/fit_population.py`` says to which and how.
FITTED = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
OLDEST, OTHERS = 3, [0, 1, 2, 4]  # templates; the oldest is in nearly every galaxy
# Galaxies per Mpc³ and its growth with redshift, P: Loveday et al. (2012), all galaxies in r, for H0 = 70 km/s/Mpc.
DENSITY, DENSITY_EVOLUTION = 3.2e-3, 1.8
EVOLUTION_END = 0.3  # redshift to which both evolve; luminous galaxies are no more numerous at 0.6 than at 0.3
LRG_FAINTEST = -21.0  # absolute r magnitude
BLUEST = 0.3  # mag, by which a galaxy may be brighter in r than its luminosity without K-correction says
FAINTEST_SHARE = 2e-3  # of the r-band light: what a template contributes less is not known


@contextlib.contextmanager
def legacy_seed(seed: int):
    """Seed numpy's global generator, which SkyPy draws from, and put its state back afterwards."""
    state = np.random.get_state()
    np.random.seed(np.random.SeedSequence(seed).generate_state(4))
    try:
        yield
    finally:
        np.random.set_state(state)


def log_ratios(coefficients: np.ndarray) -> np.ndarray:
    """Log ratios (n, 4) of the r-band light of four templates to that of the fourth, the old one, from ``coefficients`` (n, 5)."""
    light = coefficients * sed.rest_flux()
    share = np.maximum(light / light.sum(axis=1, keepdims=True), FAINTEST_SHARE)
    return np.log(share[:, OTHERS] / share[:, [OLDEST]])


def template_mix(redshift: np.ndarray, absolute_r: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Template coefficients (n, 5) in solar masses formed, of galaxies of known redshift and absolute r magnitude (n,).

    Drawn from a mixture of Gaussians in redshift, magnitude and `log_ratios`, which describes fits to some 39,000 galaxies.
    """
    known = np.clip(np.column_stack([redshift, absolute_r]), *np.transpose(FITTED["range"]))
    weights, means, covariances = (np.array(FITTED[name]) for name in ("weights", "means", "covariances"))
    parts = list(zip(means, covariances, strict=True))
    density = [multivariate_normal(mean[:2], cov[:2, :2]).logpdf(known) for mean, cov in parts]
    share = softmax(np.log(weights) + np.stack(density, axis=1), axis=1)
    component = (share.cumsum(axis=1) > rng.random((len(known), 1))).argmax(axis=1)
    ratios = np.empty((len(known), len(OTHERS)))
    for k, (mean, cov) in enumerate(parts):
        slope = np.linalg.solve(cov[:2, :2], cov[:2, 2:])
        inside = component == k
        noise = rng.multivariate_normal(np.zeros(len(OTHERS)), cov[2:, 2:] - cov[2:, :2] @ slope, inside.sum())
        ratios[inside] = mean[2:] + (known[inside] - mean[:2]) @ slope + noise
    share = softmax(np.insert(ratios, OLDEST, 0, axis=1), axis=1)
    light = np.where(share > 2 * FAINTEST_SHARE, share, 0)
    light /= light.sum(axis=1, keepdims=True)
    return light / sed.rest_flux() * 10 ** (-0.4 * absolute_r)[:, None]


def stratum(magnitudes: np.ndarray, magnitude_limit: float) -> np.ndarray:
    """Index into `STRATA`, or -1: BGS Bright and Faint by r (Hahn et al. 2023), LRG by colour (Zhou et al. 2023)."""
    g, r, z = magnitudes.T
    lrg = (g - r > 1.3) & (r - z > 0.9) & (z < magnitude_limit + 0.5) & (r < magnitude_limit + LRG_EXTRA)
    bright = [r < magnitude_limit - SDSS_BRIGHTER, r < magnitude_limit, r < magnitude_limit + FAINT_EXTRA]
    return np.select([*bright, lrg], range(4), -1)


def draw_population(n: int, seed: int, magnitude_limit: float) -> dict[str, np.ndarray]:
    """Galaxies of a DESI-like sample, of which BGS Bright ends at the apparent r magnitude (AB) ``magnitude_limit``.

    Magnitudes are AB and free of Galactic dust, radii in arcsec, masses in solar masses (surviving stars, Chabrier initial
    mass function), ages in Gyr, velocities in km/s. Metallicity and age are those of the templates that make the spectrum.
    """
    rng = np.random.default_rng([seed, 1])
    with legacy_seed(seed):
        chosen, have = [], np.zeros(len(SHARES), int)
        want = np.diff(np.round(np.concatenate([[0], np.cumsum(SHARES)]) * n)).astype(int)
        area = 0.002 * n * 10 ** (-0.5 * (magnitude_limit - 19.5))
        while (have < want).any():
            pool = _draw_pool(magnitude_limit, area, rng)
            kind = stratum(pool["magnitudes"], magnitude_limit)
            for k, target in enumerate(STRATA):
                rows = np.flatnonzero(kind == k)[: want[k] - have[k]]
                have[k] += rows.size
                part = {name: values[rows] for name, values in pool.items()}
                chosen.append(part | {"target": np.full(rows.size, target)})
        order = rng.permutation(n)
        galaxies = {name: np.concatenate([part[name] for part in chosen])[order] for name in chosen[0]}
        left, metals = sed.surviving(galaxies["coefficients"])
        galaxies["log_mstar"] = np.log10(galaxies["formed_mass"] * left)
        galaxies["log_z"] = np.log10(metals / sed.SOLAR_METALLICITY)
        galaxies["age"] = sed.age(galaxies["coefficients"], galaxies["redshift"])
        galaxies |= star_formation(galaxies, rng)
        return galaxies | structure.draw_structure(galaxies, rng)


def _draw_pool(magnitude_limit: float, area: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All galaxies on ``area`` square degrees that could be in the sample."""
    law = FITTED["luminosity_function"]
    z, m = schechter_lf(
        np.linspace(0.005, REDSHIFT_MAX, 200),
        lambda z: law["m_star"] - law["evolution"] * (np.minimum(z, EVOLUTION_END) - 0.1),
        lambda z: DENSITY * 10 ** (0.4 * DENSITY_EVOLUTION * np.minimum(z, EVOLUTION_END)),
        law["alpha"],
        magnitude_limit + LRG_EXTRA + BLUEST,
        area * units.deg**2,
        COSMOLOGY,
    )
    # Beyond the limit of BGS Faint there are luminous red galaxies alone.
    could = (m < LRG_FAINTEST) | (m + COSMOLOGY.distmod(z).value < magnitude_limit + FAINT_EXTRA + BLUEST)
    z, m = z[could], m[could]
    coefficients = template_mix(z, m, rng)
    formed = coefficients.sum(axis=1)
    return {
        "redshift": z,
        "absolute_r": m,
        "coefficients": coefficients / formed[:, None],
        "formed_mass": formed,
        "magnitudes": sed.photometry(coefficients, z),
    }
