"""How galaxies look: morphology, bulge and disc, sizes, orientation, motions."""

import numpy as np
import pandas as pd
from astropy import units
from scipy.special import gammainc
from scipy.stats import norm
from skypy.galaxies import morphology

from astroclip_book.data.catalog import COSMOLOGY
from mock_survey import sed

MORPHOLOGIES = ("elliptical", "lenticular", "spiral", "irregular")
HALF_LIGHT = 1.678  # half-light radius of an exponential disc, in its scale lengths
BULGE_SIZE = 0.35  # half-light radius of a bulge in that of its disc, after Simard et al. (2011)
DISC_THICKNESS = 0.2  # shortest axis in the longest, of a disc seen edge on (Holmberg 1958)
# log of the half-light radius in kpc at 10^10.7 solar masses and z = 0.1 if the third were 0; slope with mass; its rise towards
# high mass; power of 1 + z; scatter in dex. ``datasets/fit_images.py``, from DESI targets and RESOLVE.
EARLY_SIZE = (0.395, 0.10, 0.745, 0.0, 0.19)
LATE_SIZE = (0.73, 0.15, 0.28, -0.18, 0.15)
BULGE_AGE = -1.0  # dex in the odds of young against old stars, bulge over disc, 0.3 dex about it
GAS_TURBULENCE = 25.0  # km/s, of ionised gas in discs (Kassin et al. 2007)


def morphology_class(blue: np.ndarray, magnitude: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Index into `MORPHOLOGIES`, by colour and luminosity after Bamford et al. (2009) and Kelvin et al. (2014)."""
    u = rng.random(blue.size)
    irregular = np.clip(0.35 * (magnitude + 19.5), 0.03, 0.6)
    blue_class = np.select([u < irregular, u < irregular + 0.05, u < irregular + 0.08], [3, 1, 0], 2)
    elliptical = np.clip(0.45 - 0.1 * (magnitude + 21.0), 0.25, 0.8)
    red_class = np.select([u < elliptical, u < elliptical + 0.6 * (1 - elliptical)], [0, 1], 2)
    return np.where(blue, blue_class, red_class)


def bulge_to_total(kind: np.ndarray, magnitude: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Share of the r-band light in the bulge: means by class after Simard et al. (2011) and Weinzirl et al. (2009)."""
    mean = np.choose(kind, [0.85, 0.45, np.clip(0.16 - 0.04 * (magnitude + 20.5), 0.04, 0.4), 0.02])
    concentration = np.choose(kind, [9.0, 8.0, 6.0, 20.0])
    return rng.beta(mean * concentration, (1 - mean) * concentration)


def bulge_coefficients(coefficients, light, share, contrast) -> np.ndarray:
    """Part (n, 5) of the template fractions that belongs to a bulge with the ``share`` (n,) of the r-band ``light`` (n, 5).

    The odds that a star of the young templates lies in the bulge are ``contrast`` (n,) times those of an old one, so spirals
    have bulges redder than their discs by some 0.2 mag in g - r (MacArthur et al. 2004, Vika et al. 2014) and galaxies of
    old stars alone hardly any gradient.
    """
    weight = coefficients * light / (coefficients * light).sum(axis=1, keepdims=True)
    relative = np.where(sed.OLD, 1.0, contrast[:, None])
    low, high = np.full(share.size, -30.0), np.full(share.size, 30.0)
    for _ in range(40):  # bisection in the log of the odds
        middle = 0.5 * (low + high)
        odds = np.exp(middle)[:, None] * relative
        small = (weight * odds / (1 + odds)).sum(axis=1) < share
        low, high = np.where(small, middle, low), np.where(small, high, middle)
    return coefficients * odds / (1 + odds)


def half_light_radius(log_mass, redshift, early, rng: np.random.Generator) -> np.ndarray:
    """Half-light radius along the major axis in kpc from stellar mass: the form of Shen et al. (2003), equation 18."""
    size, low, rise, growth, scatter = np.where(early[:, None], EARLY_SIZE, LATE_SIZE).T
    excess = log_mass - 10.7
    mean = size + low * excess + rise * np.log10(1 + 10**excess) + growth * np.log10((1 + redshift) / 1.1)
    return 10 ** (mean + scatter * rng.standard_normal(log_mass.size))


def disc_radius(radius: np.ndarray, bulge_to_total: np.ndarray) -> np.ndarray:
    """Half-light radius of a disc that makes, with a bulge `BULGE_SIZE` as large, the half-light ``radius`` of both."""
    r = np.geomspace(0.2, 1.1, 200)  # in radii of the disc
    exponential = 1 - (1 + HALF_LIGHT * r) * np.exp(-HALF_LIGHT * r)
    de_vaucouleurs = gammainc(8, 7.669 * (r / BULGE_SIZE) ** 0.25)
    share = np.linspace(0, 1, 51)
    growth = share[:, None] * de_vaucouleurs + (1 - share[:, None]) * exponential
    half = np.array([np.interp(0.5, curve, r) for curve in growth])
    return radius / np.interp(bulge_to_total, share, half)


def axis_ratios(elliptical: np.ndarray, dusty: np.ndarray, colour: np.ndarray, log_mass: np.ndarray, rng) -> np.ndarray:
    """Apparent axis ratios: Ryden (2004) discs seen from random directions, a beta law for ellipticals.

    Among the ``dusty`` of similar mass, they are dealt out so that inclined discs are the redder ones, by about 0.1 mag in
    g - r: dust does that to spirals seen edge on (Maller et al. 2009, Masters et al. 2010).
    """
    disc = morphology.ryden04_ellipticity(0.222, 0.057, -1.85, 0.89, size=elliptical.size)
    spheroid = morphology.beta_ellipticity(0.15, 9.0, size=elliptical.size)
    ellipticity = np.where(elliptical, spheroid, disc)
    ratio = np.clip((1 - ellipticity) / (1 + ellipticity), 0.12, 1.0)
    peers = pd.Series(colour[dusty]).groupby(np.round(4 * log_mass[dusty]))  # bins of a quarter dex
    redness = norm.ppf((peers.rank() - 0.5) / peers.transform("size"))
    face_on = -0.4 * redness + np.sqrt(1 - 0.4**2) * rng.standard_normal(dusty.sum())
    ratio[dusty] = np.sort(ratio[dusty])[np.argsort(np.argsort(face_on))]
    return ratio


def inclination(axis_ratio: np.ndarray) -> np.ndarray:
    """Angle in degrees between the axis of an oblate disc and the line of sight, 90 edge on (Holmberg 1958)."""
    cosine = np.sqrt(np.clip(axis_ratio**2 - DISC_THICKNESS**2, 0, None) / (1 - DISC_THICKNESS**2))
    return np.degrees(np.arccos(cosine))


def stellar_dispersion(log_mass: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Central velocity dispersion of the stars in km/s: Zahid et al. (2016), table 1, 0.08 dex scatter."""
    excess = log_mass - 10.26
    return 10 ** (2.073 + np.where(excess < 0, 0.403, 0.293) * excess + rng.normal(0, 0.08, log_mass.size))


def rotation_velocity(log_mass: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotation velocity of a disc in km/s: Tully-Fisher relation of Reyes et al. (2011), 0.056 dex scatter."""
    return 10 ** (2.142 + 0.278 * (log_mass - 10.10) + rng.normal(0, 0.056, log_mass.size))


def draw_structure(galaxies: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What `population.draw_population` returns beyond the stars; draws from numpy's global generator too (SkyPy)."""
    coefficients, redshift, mass = galaxies["coefficients"], galaxies["redshift"], galaxies["log_mstar"]
    kind = morphology_class(~galaxies["quiescent"], galaxies["absolute_r"], rng)
    elliptical, spiral, disc_like = kind == 0, kind == 2, (kind == 1) | (kind == 2)
    colour = sed.colour(coefficients)
    ratio = axis_ratios(elliptical, ~galaxies["quiescent"] & ~elliptical, colour, mass, rng)
    # Sizes are circularised from here on.
    kpc = half_light_radius(mass, redshift, kind < 2, rng) * np.sqrt(ratio)
    radius = morphology.angular_size(kpc * units.kpc, redshift, COSMOLOGY).to_value("arcsec")
    share = bulge_to_total(kind, galaxies["absolute_r"], rng)
    disc = np.where(elliptical, radius, disc_radius(radius, share))
    light = sed.band_flux(redshift)
    contrast = np.minimum(10 ** rng.normal(BULGE_AGE, 0.3, kind.size), 1)
    bulge = bulge_coefficients(coefficients, light[:, :, 1], share, contrast)
    tilt = inclination(ratio)
    rotation, dispersion = rotation_velocity(mass, rng), stellar_dispersion(mass, rng)
    # A disc's gas shows its rotation projected: the S0.5 of Kassin et al. (2007), but a fibre sees the inner part, which turns
    # less. 0.5 gives the widths of H-alpha in DESI (``datasets/fit_spectra.py``: 82 km/s at 10^10.5 solar masses).
    gas = np.hypot(0.5 * rotation * np.sin(np.radians(tilt)), GAS_TURBULENCE)
    # From a tenth of the bluest discs to half of the reddest have a bar (Masters et al. 2011, figure 4).
    bar_fraction = np.interp(colour, [0.35, 0.5, 0.75], [0.1, 0.2, 0.5])
    bar = disc_like & (rng.random(kind.size) < bar_fraction)
    return {
        "morphology": kind,
        "radius": radius,
        "disc_radius": disc,
        "axis_ratio": ratio,
        "inclination": tilt,
        "stellar_dispersion": dispersion,
        "rotation_velocity": rotation,
        "bulge_to_total": share,
        "bulge_coefficients": bulge,
        "disc_coefficients": coefficients - bulge,
        "bulge_share": np.einsum("nk,nkb->nb", bulge, light) / np.einsum("nk,nkb->nb", coefficients, light),
        "bulge_radius": np.where(elliptical, radius, BULGE_SIZE * disc),
        "angle": rng.uniform(0, np.pi, kind.size),
        "gas_dispersion": np.where(galaxies["quiescent"] | elliptical, dispersion, gas),
        "bar": bar,
        # A ring: twice as many of the barred, a fifth in all (Nair & Abraham 2010).
        "ring": disc_like & (rng.random(kind.size) < np.where(bar, 0.3, 0.15)),
        # 2 per cent merge nearby (Darg et al. 2010), more in the past (Lotz et al. 2011).
        "merger": rng.random(kind.size) < 0.02 * (1 + redshift) ** 2,
        # Edge-on discs show a lane where they turn faster than 120 km/s (Dalcanton et al. 2004).
        "dust_lane": spiral & (tilt > 78) & (rotation > 120),
    }
