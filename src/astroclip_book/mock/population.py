"""Which galaxies there are: redshifts, luminosities, spectra, masses, sizes and shapes of a flux-limited sample."""

from __future__ import annotations

import contextlib

import numpy as np
from astropy import units
from astropy.cosmology import FlatLambdaCDM
from scipy.special import gammainc
from skypy.galaxies import morphology, schechter_lf
from skypy.galaxies.spectrum import dirichlet_coefficients, kcorrect

from astroclip_book.errors import BookError

COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)
BANDS = ("decamDR1-g", "decamDR1-r", "decamDR1-z")
REDSHIFT_MAX = 0.8
MORPHOLOGIES = ("elliptical", "lenticular", "spiral", "irregular")

# The sample is a mixture of DESI target classes, in shares that give the redshifts of the AstroCLIP release.
CLASSES = ("bright", "faint", "lrg")
SHARES = (0.51, 0.39, 0.10)
FAINT_EXTRA = 0.675  # mag beyond BGS Bright; BGS Faint ends at r = 20.175 (Hahn et al. 2023), its fibre cuts left out
LRG_EXTRA = 1.7  # z < 20 in the parent imaging sample is r of about 21.2 for a red galaxy at z = 0.6
LIMITS = (15.0, 22.0)  # of BGS Bright: brighter leaves too few galaxies on the sky, fainter ones lie beyond z = 0.8

RED_SHARE = 0.8  # of the red galaxies of Herbel et al. (2017), whose mixture is redder than DESI's
OLD = 3  # position of the oldest kcorrect template
OLD_PER_MAG, OLD_PIVOT = 0.3, -20.3  # dex per magnitude in B, and where Herbel's law is left as it is
# Flux of a bulge relative to its disc in g, r, z at equal r: redder by 0.2 and 0.12 mag (MacArthur et al. 2004).
BULGE_TINT = 10 ** (-0.4 * np.array([0.2, 0.0, -0.12]))
BULGE_SIZE = 0.35  # half-light radius of a bulge in that of its disc, after Simard et al. (2011)


@contextlib.contextmanager
def legacy_seed(seed: int):
    """Seed numpy's global generator, which SkyPy draws from, and put its state back afterwards."""
    state = np.random.get_state()
    np.random.seed(np.random.SeedSequence(seed).generate_state(4))
    try:
        yield
    finally:
        np.random.set_state(state)


def luminosity_function(blue: bool) -> dict:
    """Schechter function in rest-frame B: Herbel et al. (2017), table 2, after Beare et al. (2015)."""
    if blue:
        return {"alpha": -1.3, "M_star": lambda z: -20.40492365 - 0.9408582 * z,
                "phi_star": lambda z: 0.00370253 * np.exp(-z / 9.73858)}
    return {"alpha": -0.5, "M_star": lambda z: -20.37196157 - 0.70798041 * z,
            "phi_star": lambda z: RED_SHARE * 0.0035097 * np.exp(-z / 0.70596888)}


def template_coefficients(redshift: np.ndarray, magnitude: np.ndarray, blue: bool) -> np.ndarray:
    """Mixing fractions (N, 5) of the kcorrect templates: Dirichlet law of Herbel et al. (2017), section 3.2.2.

    The law knows no luminosity, whereas luminous star-forming galaxies are older and redder (Baldry et al. 2004): the
    oldest template gains with absolute B magnitude, at a rate set to the colours of nearby galaxies.
    """
    if blue:
        alpha0, alpha1 = [2.079, 3.524, 1.917, 1.992, 2.536], [2.265, 3.862, 1.921, 1.685, 2.480]
        weight = [3.47e09, 3.31e06, 2.13e09, 1.64e10, 1.01e09]
    else:
        alpha0, alpha1 = [2.461, 2.358, 2.568, 2.268, 2.402], [2.410, 2.340, 2.200, 2.540, 2.464]
        weight = [3.84e09, 1.57e06, 3.91e08, 4.66e10, 3.03e07]
    coefficients = dirichlet_coefficients(redshift, np.array(alpha0), np.array(alpha1), weight=np.array(weight))
    if blue:
        coefficients[:, OLD] *= 10 ** (-OLD_PER_MAG * (magnitude - OLD_PIVOT))
    return coefficients / coefficients.sum(axis=1, keepdims=True)


def surviving_fraction(coefficients: np.ndarray) -> np.ndarray:
    """Share of the stellar mass ever formed that is still in stars, per galaxy.

    SkyPy's own helpers of this kind sum over the galaxies as well as over the templates.
    """
    return coefficients @ kcorrect.mremain / coefficients.sum(axis=1)


def half_light_radius(magnitude: np.ndarray, early: np.ndarray) -> np.ndarray:
    """Circularised half-light radius in kpc from absolute r magnitude: Shen et al. (2003), figure 4 and table 1.

    Early types fainter than their law was fitted for (M_r > -20) keep its size there.
    """
    late_size = morphology.late_type_lognormal_size(magnitude, 0.26, 0.51, -1.71, -20.91, 0.45, 0.27).to_value("kpc")
    bright = np.minimum(magnitude, -20.0)
    early_size = morphology.early_type_lognormal_size(bright, 0.65, -5.06, -20.91, 0.45, 0.27).to_value("kpc")
    return np.where(early, early_size, late_size)


def axis_ratio(early: np.ndarray) -> np.ndarray:
    """Apparent axis ratio: Ryden (2004) discs seen from random directions, a beta law for spheroids."""
    disc = morphology.ryden04_ellipticity(0.222, 0.057, -1.85, 0.89, size=early.size)
    spheroid = morphology.beta_ellipticity(0.13, 9.0, size=early.size)
    ellipticity = np.where(early, spheroid, disc)
    return np.clip((1 - ellipticity) / (1 + ellipticity), 0.12, 1.0)


def morphology_class(blue: np.ndarray, magnitude: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Index into `MORPHOLOGIES`, by colour and luminosity after Bamford et al. (2009) and Kelvin et al. (2014)."""
    u = rng.random(blue.size)
    irregular = np.clip(0.35 * (magnitude + 19.5), 0.03, 0.6)
    blue_class = np.where(u < irregular, 3, np.where(u < irregular + 0.05, 1, np.where(u < irregular + 0.08, 0, 2)))
    elliptical = np.clip(0.45 - 0.1 * (magnitude + 21.0), 0.25, 0.8)
    red_class = np.where(u < elliptical, 0, np.where(u < elliptical + 0.6 * (1 - elliptical), 1, 2))
    return np.where(blue, blue_class, red_class)


def bulge_to_total(kind: np.ndarray, magnitude: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Share of the r-band light in the bulge: means by class after Simard et al. (2011) and Weinzirl et al. (2009)."""
    mean = np.choose(kind, [0.85, 0.45, np.clip(0.16 - 0.04 * (magnitude + 20.5), 0.04, 0.4), 0.02])
    concentration = np.choose(kind, [9.0, 8.0, 6.0, 20.0])
    return rng.beta(mean * concentration, (1 - mean) * concentration)


def bulge_share(bulge_to_total: np.ndarray) -> np.ndarray:
    """Share of the bulge in the light of g, r, z, (..., 3), from its share in r (...)."""
    bulge = np.asarray(bulge_to_total)[..., None] * BULGE_TINT
    return bulge / (bulge + 1 - np.asarray(bulge_to_total)[..., None])


def disc_radius(radius: np.ndarray, bulge_to_total: np.ndarray) -> np.ndarray:
    """Half-light radius of a disc that makes, with a bulge `BULGE_SIZE` as large, the half-light ``radius`` of both."""
    r = np.geomspace(0.2, 1.1, 200)  # in radii of the disc
    exponential = 1 - (1 + 1.678 * r) * np.exp(-1.678 * r)
    de_vaucouleurs = gammainc(8, 7.669 * (r / BULGE_SIZE) ** 0.25)
    share = np.linspace(0, 1, 51)
    growth = share[:, None] * de_vaucouleurs + (1 - share[:, None]) * exponential
    half = np.array([np.interp(0.5, curve, r) for curve in growth])
    return radius / np.interp(bulge_to_total, share, half)


def photometry(coefficients: np.ndarray, redshift: np.ndarray, formed_mass: np.ndarray) -> np.ndarray:
    """Apparent AB magnitudes (N, 3) in DECam g, r, z."""
    return kcorrect.apparent_magnitudes(
        coefficients, redshift, list(BANDS), COSMOLOGY, stellar_mass=formed_mass, resolution=160
    )


def target_class(magnitudes: np.ndarray, magnitude_limit: float) -> np.ndarray:
    """Index into `CLASSES`, or -1: BGS Bright and Faint by r (Hahn et al. 2023), LRG by colour (Zhou et al. 2023)."""
    g, r, z = magnitudes.T
    lrg = (g - r > 1.3) & (r - z > 0.7) & (z < magnitude_limit + 0.5) & (r < magnitude_limit + LRG_EXTRA)
    return np.select([r < magnitude_limit, r < magnitude_limit + FAINT_EXTRA, lrg], [0, 1, 2], -1)


def draw_population(n: int, seed: int, magnitude_limit: float) -> dict[str, np.ndarray]:
    """Galaxies of a DESI-like sample.

    Parameters
    ----------
    n : int
        Number of galaxies.
    seed : int
        Everything drawn here descends from it.
    magnitude_limit : float
        Apparent r magnitude (AB) where BGS Bright ends.

    Returns
    -------
    dict of arrays with first dimension ``n``; magnitudes are AB, radii in arcsec, masses in solar masses
    (surviving stars, Chabrier initial mass function of the kcorrect templates).

    Raises
    ------
    BookError
        When the magnitude limit leaves no galaxies within the redshifts of the survey.
    """
    if not LIMITS[0] <= magnitude_limit <= LIMITS[1]:
        raise BookError(f"survey.magnitude_limit must lie between {LIMITS[0]} and {LIMITS[1]} (BGS Bright has 19.5), "
                        f"not {magnitude_limit}: it leaves no galaxies, or only some beyond z = {REDSHIFT_MAX}.")
    rng = np.random.default_rng([seed, 1])
    with legacy_seed(seed):
        chosen, have = [], np.zeros(3, int)
        want = np.diff(np.round(np.concatenate([[0], np.cumsum(SHARES)]) * n)).astype(int)
        area = 0.002 * n * 10 ** (-0.5 * (magnitude_limit - 19.5))
        while (have < want).any():
            pool = _draw_pool(magnitude_limit, area, rng)
            kind = target_class(pool["magnitudes"], magnitude_limit)
            for k in range(3):
                rows = np.flatnonzero(kind == k)[: want[k] - have[k]]
                have[k] += rows.size
                chosen.append({name: values[rows] for name, values in pool.items()} | {"target": np.full(rows.size, k)})
        galaxies = {name: np.concatenate([part[name] for part in chosen]) for name in chosen[0]}
        order = rng.permutation(n)
        galaxies = {name: values[order] for name, values in galaxies.items()}
        return galaxies | _structure(galaxies, rng)


def _draw_pool(magnitude_limit: float, area: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    grid = np.linspace(0.005, REDSHIFT_MAX, 200)
    parts = []
    for blue in (True, False):
        # B without K-correction is at most some 1.5 mag fainter than r: nothing within the r limit is lost.
        limit = magnitude_limit + (FAINT_EXTRA + 1.2 if blue else LRG_EXTRA + 0.8)
        law = luminosity_function(blue)
        z, m = schechter_lf(grid, **law, m_lim=limit, sky_area=area * units.deg**2, cosmology=COSMOLOGY)
        parts.append((z, m, np.full(z.size, blue), template_coefficients(z, m, blue)))
    order = rng.permutation(sum(len(part[0]) for part in parts))
    redshift, b_magnitude, blue, coefficients = (np.concatenate(column)[order] for column in zip(*parts, strict=True))
    formed = kcorrect.stellar_mass(coefficients, b_magnitude, "bessell-B")
    return {"redshift": redshift, "blue": blue, "coefficients": coefficients, "formed_mass": formed,
            "magnitudes": photometry(coefficients, redshift, formed)}


def _structure(galaxies: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    coefficients, redshift = galaxies["coefficients"], galaxies["redshift"]
    absolute = kcorrect.absolute_magnitudes(coefficients, "decamDR1-r", stellar_mass=galaxies["formed_mass"])
    kind = morphology_class(galaxies["blue"], absolute, rng)
    radius = half_light_radius(absolute, kind < 2)
    apparent = morphology.angular_size(radius * units.kpc, redshift, COSMOLOGY).to_value("arcsec")
    share = bulge_to_total(kind, absolute, rng)
    elliptical = kind == 0
    disc = np.where(elliptical, apparent, disc_radius(apparent, share))
    return {
        "absolute_r": absolute,
        "log_mstar": np.log10(galaxies["formed_mass"] * surviving_fraction(coefficients)),
        "morphology": kind,
        "bulge_to_total": share,
        "radius": apparent,
        "disc_radius": disc,
        "bulge_radius": np.where(elliptical, apparent, BULGE_SIZE * disc),
        "axis_ratio": axis_ratio(elliptical),
        "angle": rng.uniform(0, np.pi, kind.size),
    }
