"""Nebular emission lines: strengths from published ratios, widths from gas motion and the instrument."""

from __future__ import annotations

import functools

import numpy as np
from skypy.galaxies.spectrum import KCorrectTemplates

from astroclip_book.pairs import WAVELENGTH

SPEED = 299792.458  # km/s
PARSEC = 3.0857e18  # cm
INSTRUMENT_SIGMA = 0.76  # angstrom: DESI resolves about 1.8 angstrom FWHM in all three arms (DESI Collaboration 2022)

# Vacuum wavelengths (angstrom).
LINES = {
    "OII_3727": 3727.09, "OII_3730": 3729.88, "NeIII_3869": 3869.86, "Hd": 4102.90, "Hg": 4341.69, "Hb": 4862.69,
    "OIII_4960": 4960.30, "OIII_5008": 5008.24, "HeI_5877": 5877.25, "OI_6302": 6302.05, "NII_6550": 6549.86,
    "Ha": 6564.61, "NII_6585": 6585.27, "SII_6718": 6718.29, "SII_6733": 6732.67, "SIII_9071": 9071.1,
    "SIII_9533": 9533.2,
}


@functools.cache
def halpha_of_templates() -> np.ndarray:
    """Flux (5,) of H-alpha in the kcorrect templates, from their versions with and without lines.

    The templates blend H-alpha with [N II]; a third of it is a typical [N II] share.
    """
    full, bare = KCorrectTemplates(hdu=1), KCorrectTemplates(hdu=2)
    wavelength = full.wavelength.value.astype(float)
    near = (wavelength > 6500) & (wavelength < 6630)
    blend = np.trapezoid((full.templates.value - bare.templates.value)[:, near].astype(float), wavelength[near], axis=1)
    return 0.68 * blend


def nitrogen_ratio(log_mass: np.ndarray) -> np.ndarray:
    """log [N II]/H-alpha of star-forming gas.

    Mass-metallicity relation of Kewley & Ellison (2008), table 2, in the N2 calibration of Pettini & Pagel (2004).
    """
    m = np.clip(log_mass, 8.2, 11.2)
    oxygen = 23.9049 - 5.62784 * m + 0.645142 * m**2 - 0.0235065 * m**3
    return (oxygen - 8.90) / 0.57


def oxygen_ratio(nitrogen: np.ndarray) -> np.ndarray:
    """log [O III]/H-beta on the star-forming sequence of Kewley et al. (2013), equation 3 at z = 0."""
    return np.clip(0.61 / (np.minimum(nitrogen, -0.25) + 0.08) + 1.1, -0.8, 0.9)


def gas_dispersion(log_mass: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Velocity dispersion in km/s, rising with mass as in Bezanson et al. (2015), 0.1 dex scatter."""
    return np.clip(10 ** (2.0 + 0.27 * (log_mass - 10) + rng.normal(0, 0.1, log_mass.size)), 30, 350)


def line_truth(galaxies: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Line fluxes relative to the templates' H-alpha (n, 17), in the order of `LINES`, and gas dispersions (n,).

    Blue galaxies lie on the star-forming sequence, an eighth of the massive ones as Seyferts; red galaxies
    have the ratios of low-ionisation regions (Kauffmann et al. 2003, Cid Fernandes et al. 2010).
    """
    mass = galaxies["log_mstar"]
    n = mass.size
    seyfert = galaxies["blue"] & (mass > 10) & (rng.random(n) < 0.125)
    nitrogen = nitrogen_ratio(mass) + rng.normal(0, 0.08, n)
    oxygen = oxygen_ratio(nitrogen) + rng.normal(0, 0.1, n)
    nitrogen = np.select([seyfert, ~galaxies["blue"]], [rng.normal(0.0, 0.15, n), rng.normal(0.05, 0.2, n)], nitrogen)
    oxygen = np.select([seyfert, ~galaxies["blue"]], [rng.normal(0.7, 0.2, n), rng.normal(0.2, 0.25, n)], oxygen)
    dust = np.maximum(rng.normal(0.25, 0.12, n), 0)  # E(B-V) of the gas
    ha = 10 ** rng.normal(0, 0.2, n)
    hb = ha / 2.86 * 10 ** (-0.4 * 1.07 * dust)  # case B and the Calzetti et al. (2000) curve from here on
    o3, n2 = hb * 10**oxygen, ha * 10**nitrogen
    s2, o2 = ha * 10 ** rng.normal(-0.45, 0.1, n), ha * 10 ** (rng.normal(0.1, 0.12, n) - 0.4 * 2.5 * dust)
    flux = {
        "OII_3727": 0.42 * o2, "OII_3730": 0.58 * o2, "NeIII_3869": 0.12 * o3,
        "Hd": 0.259 * hb * 10 ** (-0.3 * dust), "Hg": 0.468 * hb * 10 ** (-0.2 * dust), "Hb": hb,
        "OIII_4960": o3 / 2.98, "OIII_5008": o3, "HeI_5877": 0.11 * hb, "OI_6302": 0.04 * ha,
        "NII_6550": n2 / 3.05, "Ha": ha, "NII_6585": n2, "SII_6718": 0.57 * s2, "SII_6733": 0.43 * s2,
        "SIII_9071": 0.06 * ha, "SIII_9533": 0.15 * ha,
    }
    return {"line_flux": np.stack([flux[name] for name in LINES], axis=1), "gas_dispersion": gas_dispersion(mass, rng),
            "gas_reddening": dust, "log_sfr": star_formation_rate(galaxies, ha, dust)}


def star_formation_rate(galaxies: dict[str, np.ndarray], strength: np.ndarray, dust: np.ndarray) -> np.ndarray:
    """log of the star formation rate in solar masses a year, from H-alpha freed of dust.

    Calibration of Kennicutt & Evans (2012), table 1, and attenuation curve of Calzetti et al. (2000);
    ``strength`` is H-alpha relative to the templates', which hold the flux of a solar mass at 10 pc.
    """
    flux = galaxies["coefficients"] @ halpha_of_templates() * galaxies["formed_mass"] * strength
    return np.log10(flux * 10 ** (0.4 * 3.33 * dust) * 4 * np.pi * (10 * PARSEC) ** 2) - 41.27


def add_lines(spectrum: np.ndarray, redshift: float, flux: np.ndarray, dispersion: float) -> None:
    """Add Gaussian lines in place.

    Parameters
    ----------
    spectrum : (7781,) flux density on `WAVELENGTH`
    redshift : float
    flux : (17,) observed line fluxes in the unit of ``spectrum`` times angstrom
    dispersion : float
        Velocity dispersion in km/s.
    """
    centre = np.fromiter(LINES.values(), float) * (1 + redshift)
    sigma = np.hypot(centre * dispersion / SPEED, INSTRUMENT_SIGMA)
    first = np.rint((centre - WAVELENGTH[0]) / 0.8).astype(int)
    pixel = first[:, None] + np.arange(-60, 61)
    inside = (pixel >= 0) & (pixel < WAVELENGTH.size)
    distance = (WAVELENGTH[0] + 0.8 * pixel - centre[:, None]) / sigma[:, None]
    density = (flux / (np.sqrt(2 * np.pi) * sigma))[:, None] * np.exp(-0.5 * distance**2)
    np.add.at(spectrum, pixel[inside], density[inside])
