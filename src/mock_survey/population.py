"""Which galaxies there are: redshifts, luminosities, colours and star formation of a flux-limited sample."""

import contextlib

import numpy as np
from astropy import units
from skypy.galaxies import schechter_lf

from astroclip_book.data.catalog import COSMOLOGY
from mock_survey import sed, structure
from mock_survey.sed import REDSHIFT_MAX
from mock_survey.spectra.star_formation import star_formation

# The sample is a mixture of DESI target classes, in shares that give the redshifts of the AstroCLIP release.
CLASSES, SHARES = ("bright", "faint", "lrg"), (0.50, 0.38, 0.12)
FAINT_EXTRA = 0.675  # mag beyond BGS Bright; BGS Faint ends at r = 20.175 (Hahn et al. 2023), its fibre cuts left out
LRG_EXTRA = 1.7  # z < 20 in the parent imaging sample is r of about 21.2 for a red galaxy at z = 0.6

# What the laws below leave open, set by the colours of real galaxies: of RESOLVE nearby, of DESI targets farther away.
RED_SHARE = 0.45  # of the red galaxies of Herbel et al. (2017)
BLUE_EVOLUTION, RED_EVOLUTION, EVOLUTION_END = -0.8, -0.5, 0.3  # of u - r with redshift, and up to which redshift
BLUE_SCATTER = 0.85  # in the dispersion of Baldry et al. (2004), part of which is noise in u
RED_OFFSET = -0.15  # mag in u - r between the red sequences of RESOLVE and of Baldry et al.


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
        alpha, m0, m1, phi, fall = -1.3, -20.40492365, 0.9408582, 0.00370253, 9.73858
    else:
        alpha, m0, m1, phi, fall = -0.5, -20.37196157, 0.70798041, RED_SHARE * 0.0035097, 0.70596888
    return {"alpha": alpha, "M_star": lambda z: m0 - m1 * z, "phi_star": lambda z: phi * np.exp(-z / fall)}


def _transition(magnitude, p0, p1, q0, q1, q2) -> np.ndarray:
    return p0 + p1 * (magnitude + 20) + q0 * np.tanh((magnitude - q1) / q2)


def colour_sequence(magnitude: np.ndarray, redshift: np.ndarray, blue: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean and dispersion of rest-frame SDSS u - r at absolute r magnitude: Baldry et al. (2004), table 1."""
    lookback = np.minimum(redshift, EVOLUTION_END)
    if blue:
        mean = _transition(magnitude, 1.790, -0.053, -0.363, -20.75, 1.12) + BLUE_EVOLUTION * lookback
        return mean, BLUE_SCATTER * _transition(magnitude, 0.298, 0.014, -0.067, -19.90, 0.58)
    mean = _transition(magnitude, 2.279, -0.037, -0.108, -19.81, 0.96) + RED_OFFSET + RED_EVOLUTION * lookback
    return mean, _transition(magnitude, 0.152, 0.008, 0.044, -19.91, 0.94)


def green_red(ultraviolet_red: np.ndarray) -> np.ndarray:
    """Rest-frame g - r of nearby galaxies from their u - r: the line that those of the RESOLVE survey lie along."""
    return (ultraviolet_red - 0.5) / 2.35


def mixture(redshift: np.ndarray, magnitude: np.ndarray, blue: bool, rank: np.ndarray) -> np.ndarray:
    """Template fractions (n, 5) at absolute B ``magnitude`` whose colour lies ``rank`` sigma from its sequence."""
    start = coefficients = sed.dirichlet(redshift, blue)
    for _ in range(2):  # the sequences are functions of r, which depends on the colour
        b, r = (sed.absolute_magnitude(coefficients, band) for band in ("bessell-B", "sdss2010-r"))
        mean, sigma = colour_sequence(magnitude - (b - r), redshift, blue)
        coefficients = sed.redden_to(green_red(mean + sigma * rank), start)
    return coefficients


def main_sequence(log_mass: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """log of the star formation rate (solar masses a year) of star-forming galaxies: Renzini & Peng (2015), equation 1."""
    # That is for nearby galaxies down to dwarfs; it rises as (1 + z)^2.8 (Sargent et al. 2012).
    return 0.76 * log_mass - 7.64 + 2.8 * np.log10((1 + redshift) / 1.05)


def target_class(magnitudes: np.ndarray, magnitude_limit: float) -> np.ndarray:
    """Index into `CLASSES`, or -1: BGS Bright and Faint by r (Hahn et al. 2023), LRG by colour (Zhou et al. 2023)."""
    g, r, z = magnitudes.T
    lrg = (g - r > 1.3) & (r - z > 0.7) & (z < magnitude_limit + 0.5) & (r < magnitude_limit + LRG_EXTRA)
    return np.select([r < magnitude_limit, r < magnitude_limit + FAINT_EXTRA, lrg], [0, 1, 2], -1)


def draw_population(n: int, seed: int, magnitude_limit: float) -> dict[str, np.ndarray]:
    """Galaxies of a DESI-like sample, of which BGS Bright ends at the apparent r magnitude (AB) ``magnitude_limit``.

    Magnitudes are AB and free of Galactic dust, radii in arcsec, masses in solar masses (surviving stars, Chabrier initial
    mass function), ages in Gyr, velocities in km/s. Metallicity and age are those of the templates that make the spectrum.
    """
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
        order = rng.permutation(n)
        galaxies = {name: np.concatenate([part[name] for part in chosen])[order] for name in chosen[0]}
        galaxies |= _stars(galaxies, rng)
        return galaxies | structure.draw_structure(galaxies, rng)


def _draw_pool(magnitude_limit: float, area: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All galaxies on ``area`` square degrees that could be in the sample."""
    grid, parts = np.linspace(0.005, REDSHIFT_MAX, 200), []
    for blue in (True, False):
        # B without K-correction is at most some 1.5 mag fainter than r: nothing within the r limit is lost.
        limit = magnitude_limit + (FAINT_EXTRA + 1.2 if blue else LRG_EXTRA + 0.8)
        law = luminosity_function(blue)
        z, m = schechter_lf(grid, **law, m_lim=limit, sky_area=area * units.deg**2, cosmology=COSMOLOGY)
        rank = rng.standard_normal(z.size)
        coefficients = mixture(z, m, blue, rank)
        formed = 10 ** (0.4 * (sed.absolute_magnitude(coefficients, "bessell-B") - m))
        part = {"redshift": z, "blue": np.full(z.size, blue), "colour_rank": rank}
        parts.append(part | {"coefficients": coefficients, "formed_mass": formed})
    order = rng.permutation(sum(len(part["redshift"]) for part in parts))
    pool = {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}
    stars = pool["coefficients"] * pool["formed_mass"][:, None]
    return pool | {"magnitudes": sed.photometry(stars, pool["redshift"])}


def _stars(galaxies: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    coefficients, formed, redshift = galaxies["coefficients"], galaxies["formed_mass"], galaxies["redshift"]
    absolute = sed.absolute_magnitude(coefficients * formed[:, None], "decamDR1-r")
    left, metals = sed.surviving(coefficients)
    mass = np.log10(formed * left)
    return {
        "absolute_r": absolute,
        "log_mstar": mass,
        "log_z": np.log10(metals / sed.SOLAR_METALLICITY),
        "age": sed.age(coefficients, redshift),
    } | star_formation(galaxies | {"log_mstar": mass}, rng)
