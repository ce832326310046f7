"""Which galaxies form stars, and how many: from the colour of their starlight, as equivalent widths of DESI galaxies tell."""

import numpy as np
from scipy.special import expit

from mock_survey.spectra.light import PARSEC, rest_templates
from mock_survey.spectra.lines import HALPHA_OF_RATE, LINES, calzetti

# Fits to galaxies of DESI DR1 in COSMOS (FastSpecFit), by ``datasets/fit_spectra.py``. The colour is that of the starlight
# between 3728 and 6565 angstrom, -2.5 log10 of the ratio of flux densities by wavelength. Log odds of an equivalent width of
# H-alpha above 3 angstrom, at a colour of 0.7 mag and per mag (213 galaxies: ± 0.2, ± 0.7), and log10 of that of the forming,
# at 0.4 mag and per mag, with its scatter (141: ± 0.02, ± 0.04). At given colour, mass makes no difference.
FORMING, FORMING_SLOPE = 1.04, -4.4
WIDTH, WIDTH_SLOPE, WIDTH_SCATTER = 1.37, -0.46, 0.19
FIBRE = 0.04  # dex, by which the width of a whole galaxy exceeds that in the fibre, where the bulge shines


def star_formation(galaxies: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Star formation of n galaxies with ``coefficients`` (n, 5), ``formed_mass`` and ``log_mstar``.

    Returns ``quiescent``, ``log_sfr`` (solar masses a year) and ``gas_reddening``, E(B-V) of the gas.
    """
    mass, n = galaxies["log_mstar"], galaxies["log_mstar"].size
    blue, red = (_light_at(galaxies["coefficients"], LINES[name]) for name in ("OII_3727", "Ha"))
    colour = -2.5 * np.log10(blue / red)
    forming = rng.random(n) < expit(FORMING + FORMING_SLOPE * (colour - 0.7))
    # Attenuation of H-alpha in magnitudes: Garn & Best (2010), equation 6, which the Balmer decrements in DESI confirm.
    x = np.clip(mass, 8.5, 11.5) - 10
    attenuation = np.maximum(0.91 + 0.77 * x + 0.11 * x**2 - 0.09 * x**3 + rng.normal(0, 0.28, n), 0)
    width = 10 ** (WIDTH + FIBRE + WIDTH_SLOPE * (colour - 0.4) + rng.normal(0, WIDTH_SCATTER, n))
    starlight = galaxies["formed_mass"] * red * (4 * np.pi * (10 * PARSEC) ** 2)
    rate = np.log10(width * starlight) + 0.4 * attenuation - HALPHA_OF_RATE
    return {
        "quiescent": ~forming,  # of which some 1e-12 of the mass is formed in a year (Salim et al. 2007)
        "log_sfr": np.where(forming, rate, mass - 12 + rng.normal(0, 0.4, n)),
        "gas_reddening": attenuation / calzetti(LINES["Ha"]),
    }


def _light_at(coefficients: np.ndarray, wavelength: float) -> np.ndarray:
    """Flux density (n,) within 60 angstrom of a rest wavelength, erg/s/cm²/Å at 10 pc for one solar mass formed."""
    rest, templates = rest_templates()
    return coefficients @ templates[:, np.abs(rest - wavelength) < 60].mean(axis=1)
