"""Nebular emission lines: luminosities from star formation and active nuclei, ratios as in DESI's galaxies, and widths."""

from pathlib import Path

import numpy as np

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey.spectra.spectrograph import resolution_sigma

SPEED = 299792.458  # km/s
PIXEL = 0.8  # angstrom, of `WAVELENGTH`
REACH = 4.5  # sigma, beyond which a line's wing is dropped

_ROWS = Path(__file__).with_suffix(".csv").read_text(encoding="utf-8").split()[1:]
LINES = {name: float(value) for name, value in (row.split(",") for row in _ROWS)}  # vacuum wavelengths in angstrom
REST = np.array([*LINES.values()])
# Case B at 10,000 K relative to H-beta (Osterbrock & Ferland 2006, table 4.4).
BALMER = {"Ha": 2.86, "Hb": 1.0, "Hg": 0.468, "Hd": 0.259, "He": 0.159, "H8": 0.105}
# log10 of the luminosity of H-alpha, erg/s, for a solar mass of stars a year (Kennicutt & Evans 2012, table 1).
HALPHA_OF_RATE = 41.27
# Of a broad-line region, relative to H-alpha.
BROAD_RATIO = np.array([{"Ha": 1, "Hb": 0.33, "Hg": 0.15, "Hd": 0.08}.get(name, 0) for name in LINES])

SEYFERTS, COMPOSITES = 0.06, 0.10  # of galaxies above 1e10 solar masses (Kauffmann et al. 2003, Kewley et al. 2006)
TYPE_ONE = 0.2  # of the Seyferts show a broad-line region (Hao et al. 2005)
KINDS = ("none", "star_forming", "composite", "seyfert", "liner")


def calzetti(wavelength: np.ndarray) -> np.ndarray:
    """Attenuation curve k = A / E(B-V) of Calzetti et al. (2000), equation 4; rest-frame angstrom."""
    x = 1e4 / np.asarray(wavelength, float)
    red = 2.659 * (-1.857 + 1.040 * x)
    blue = 2.659 * (-2.156 + 1.509 * x - 0.198 * x**2 + 0.011 * x**3)
    return np.where(np.asarray(wavelength) > 6300, red, blue) + 4.05


def line_truth(galaxies: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What decides the emission lines of n galaxies with ``log_sfr``, ``gas_reddening``, ``log_mstar``, ``quiescent``."""
    mass = galaxies["log_mstar"]
    n = mass.size
    # Half of the quiescent galaxies have weak low-ionisation lines, the others none that one would see (Cid Fernandes et
    # al. 2011); active nuclei live in massive galaxies.
    kind = np.where(galaxies["quiescent"], np.where(rng.random(n) < 0.5, 4, 0), 1)
    active, massive = rng.random(n), mass > 10
    kind[massive & (active < SEYFERTS)] = 3
    kind[massive & (active > 1 - COMPOSITES) & ~galaxies["quiescent"]] = 2
    dust = galaxies["gas_reddening"]
    # Fits to 163 star-forming galaxies of DESI DR1 (FastSpecFit) by ``datasets/fit_spectra.py``; [N II] of dwarfs agrees with
    # the metals of Kewley & Ellison (2008). On the star-forming sequence, [O III] falls where [N II] rises.
    x = np.clip(mass, 8.2, 11.4) - 10.5
    nitrogen = -0.47 + 0.18 * x - 0.09 * x**2 + rng.normal(0, 0.09, n)
    oxygen = -0.43 - 1.37 * (nitrogen + 0.4) + rng.normal(0, 0.18, n)
    sulphur, oxygen_two = rng.normal(-0.47, 0.1, n), 0.03 - 0.06 * x + rng.normal(0, 0.16, n)
    stars = line_ratios(nitrogen, oxygen, sulphur, oxygen_two, dust)
    halpha = 10 ** (galaxies["log_sfr"] + HALPHA_OF_RATE - 0.4 * dust * calzetti(LINES["Ha"]))
    # By `KINDS`: log [N II]/H-alpha and its scatter, log [O III]/H-beta, equivalent width of H-alpha in angstrom and its
    # scatter. Places in the diagrams of Kewley et al. (2006); old stars light gas as weakly ionised as a liner's.
    of_kind = np.array([
        [0.05, 0.05, -0.1, -0.05, 0.05],
        [0.2, 0.2, 0.1, 0.15, 0.2],
        [0.25, 0.25, 0.2, 0.75, 0.25],
        [0.15, 0.0, 4.0, 12.0, 1.0],
        [0.3, 0.0, 0.5, 0.7, 0.45],
    ])  # fmt: skip
    nitrogen, nitrogen_scatter, oxygen, width, width_scatter = of_kind[:, kind]
    seyfert, normal = kind == 3, rng.standard_normal((4, n))
    nucleus = line_ratios(
        nitrogen=nitrogen + nitrogen_scatter * normal[0],
        oxygen=oxygen + 0.2 * normal[1],
        sulphur=-0.25 + 0.15 * normal[2],
        oxygen_two=0.3 + 0.2 * normal[3],
        dust=0.7 * dust,
        hard=seyfert,
    )
    width = width * rng.lognormal(0, width_scatter)
    broad = seyfert & (rng.random(n) < TYPE_ONE)
    return {
        "ionisation": kind,  # position in `KINDS`
        # (n, 29) erg/s, of gas lit by young stars, dimmed by the galaxy's dust
        "line_luminosity": stars * halpha[:, None],
        "nuclear_width": width,  # angstrom, equivalent width of H-alpha from gas lit by a nucleus or by old stars
        "nuclear_ratio": nucleus,  # (n, 29), its lines relative to that
        "broad_width": np.where(broad, rng.lognormal(np.log(60.0), 0.6, n), 0.0),  # of H-alpha from a broad-line region
        "broad_dispersion": rng.lognormal(np.log(3000.0), 0.35, n) / 2.3548,  # km/s
    }


def line_ratios(nitrogen, oxygen, sulphur, oxygen_two, dust, hard=False) -> np.ndarray:
    """Lines relative to H-alpha as observed, (n, 29), behind dust of E(B-V) ``dust`` (n,).

    Before dust, the logs of [N II] 6585/H-alpha, [O III] 5008/H-beta, [S II]/H-alpha and [O II]/H-alpha (both lines) are
    given; an active nucleus, where ``hard``, adds He II and [Ne V] and strengthens [O I] and [Ne III].
    """
    hb = np.full(nitrogen.size, 1 / BALMER["Ha"])
    o3, n2, s2, o2 = hb * 10**oxygen, 10**nitrogen, 10**sulphur, 10**oxygen_two
    hard = np.broadcast_to(hard, hb.shape)
    neon, oi = np.where(hard, 0.15, 0.10) * o3, np.where(hard, 0.12, 0.10) * s2
    flux = {name: ratio * hb for name, ratio in BALMER.items()}
    flux |= {"NeV_3427": 0.05 * hard * o3, "NeIII_3869": neon, "NeIII_3968": 0.31 * neon}
    flux |= {"OII_3727": 0.42 * o2, "OII_3730": 0.58 * o2, "OII_7322": 0.012 * o2, "OII_7332": 0.010 * o2}
    flux |= {"OIII_4364": np.where(oxygen > 0.4, 0.012, 0.004) * o3, "OIII_4960": o3 / 2.98, "OIII_5008": o3}
    flux |= {"HeI_4473": 0.04 * hb, "HeI_5877": 0.12 * hb, "HeI_6680": 0.033 * hb}
    flux |= {"HeII_4687": np.where(hard, 0.25, 0.005) * hb, "ArIII_7138": 0.025 * o3 + 0.04 * hb}
    flux |= {"OI_6302": oi, "OI_6366": oi / 3.1, "NII_6550": n2 / 3.05, "NII_6585": n2}
    flux |= {"SII_6718": 0.57 * s2, "SII_6733": 0.43 * s2, "SIII_9071": 0.25 * s2, "SIII_9533": 0.62 * s2}
    reddening = 10 ** (-0.4 * np.outer(dust, calzetti(REST) - calzetti(LINES["Ha"])))
    return np.stack([flux[name] for name in LINES], axis=1) * reddening


def add_lines(spectrum: np.ndarray, redshift: float, flux: np.ndarray, dispersion: float) -> None:
    """Add Gaussian lines to a spectrum (7781,) on `WAVELENGTH`, as wide as gas motions and the instrument make them.

    ``flux`` (29,) is in the unit of ``spectrum`` times angstrom, the gas's ``dispersion`` in km/s.
    """
    centre = REST * (1 + redshift)
    sigma = np.hypot(centre * dispersion / SPEED, resolution_sigma(centre))
    half = int(np.ceil(REACH * sigma.max() / PIXEL))
    middle = np.rint((centre - WAVELENGTH[0]) / PIXEL).astype(int)
    shown = (middle > -half) & (middle < WAVELENGTH.size + half) & (flux > 0)
    pixel = middle[shown, None] + np.arange(-half, half + 1)
    inside = (pixel >= 0) & (pixel < WAVELENGTH.size)
    distance = (WAVELENGTH[0] + PIXEL * pixel - centre[shown, None]) / sigma[shown, None]
    density = (flux / (np.sqrt(2 * np.pi) * sigma))[shown, None] * np.exp(-0.5 * distance**2)
    np.add.at(spectrum, pixel[inside], density[inside])
