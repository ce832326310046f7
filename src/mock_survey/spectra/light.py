"""What the fibre receives: stars of bulge and disc, gas and dust, on the DESI grid and without noise."""

import functools

import galsim
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.special import j1
from skypy.galaxies.spectrum import KCorrectTemplates

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey.spectra.lines import BROAD_RATIO, LINES, add_lines

# Dust of the Milky Way: optical and near-infrared knots of Fitzpatrick (1999), table 3, angstrom and A / E(B-V) for
# R_V = 3.1; and A(1 micron) per magnitude of the E(B-V) of Schlegel et al. (1998): Schlafly & Finkbeiner (2011), section 5.
KNOTS = (26500.0, 12200.0, 6000.0, 5470.0, 4670.0, 4110.0, 2700.0, 2600.0)
CURVE = (0.265, 0.829, 2.688, 3.055, 3.806, 4.315, 6.265, 6.591)
AT_ONE_MICRON = 0.78 * 1.32

FIBRE_RADIUS = 0.75  # arcsec: DESI fibres see 1.5 arcsec on the sky (DESI Collaboration 2022)
FIBRE_SEEING = 1.0  # arcsec FWHM, the convention of the Legacy Surveys' fibre fluxes
# Share of a point source's light in such a fibre. DESI calibrates with stars, so that what they lose is given back to all.
POINT_SOURCE = 1 - np.exp(-0.5 * (FIBRE_RADIUS * 2.3548 / FIBRE_SEEING) ** 2)
PARSEC = 3.0857e18  # cm
TEMPLATE_BIN = 258.0  # km/s
TEMPLATE_DISPERSION = 110.0  # km/s: half a bin's width, and 3 Å at 5000 of the library (Bruzual & Charlot 2003)


@functools.cache
def _aperture_table(kind: type[galsim.GSObject]) -> tuple[np.ndarray, np.ndarray]:
    """Light in the fibre against log half-light radius (arcsec) of a kind of profile, by its Hankel transform as seen."""
    radius, k, reach = np.geomspace(0.02, 60, 60), np.geomspace(1e-3, 40, 6000), np.geomspace(1e-5, 2400, 3000)
    profile = kind(half_light_radius=1)
    unit = np.array([profile.kValue(x, 0).real for x in reach])
    window = FIBRE_RADIUS * j1(k * FIBRE_RADIUS) * np.exp(-0.5 * (k * FIBRE_SEEING / 2.3548) ** 2)
    return np.log(radius), np.array([np.trapezoid(window * np.interp(k * r, reach, unit), k) for r in radius])


def fibre_truth(galaxies: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a centred fibre sees in 1 arcsec seeing of bulges and discs that are taken for circular.

    ``fibre_fraction``, the share of the light in g, r, z (n, 3) in it, and ``aperture``, those of bulge and disc (n, 2) in a
    spectrum that is calibrated for point sources.
    """
    bulge = np.interp(np.log(galaxies["bulge_radius"]), *_aperture_table(galsim.DeVaucouleurs))
    disc = np.interp(np.log(galaxies["disc_radius"]), *_aperture_table(galsim.Exponential))
    share = galaxies["bulge_share"]
    fraction = share * bulge[:, None] + (1 - share) * disc[:, None]
    return {"aperture": np.stack([bulge, disc], axis=1) / POINT_SOURCE, "fibre_fraction": fraction}


@functools.cache
def rest_templates() -> tuple[np.ndarray, np.ndarray]:
    """Rest wavelengths (m,), evenly spaced in their logarithm, and the templates (5, m) without emission lines."""
    bare = KCorrectTemplates(hdu=2)
    wavelength = bare.wavelength.value.astype(float)
    keep = (wavelength > 1900) & (wavelength < 10000)
    return wavelength[keep], bare.templates.value.astype(float)[:, keep]


def observed_spectra(galaxies: dict[str, np.ndarray], share: np.ndarray) -> np.ndarray:
    """Noiseless flux (n, 7781) on `WAVELENGTH` in 1e-17 erg/s/cm²/Å, behind the dust of the Milky Way.

    Of galaxies as `survey.truth` has them, ``share`` (n, 2) of the light of bulge and disc is seen: their ``aperture``, or
    ones for whole galaxies.
    """
    rest, templates = rest_templates()
    # Templates are the flux of one solar mass at 10 pc; a line's flux is not stretched by 1 + z, its density is.
    dimming = 10 ** (-0.4 * galaxies["distance_modulus"])[:, None]
    mixture = galaxies["bulge_coefficients"] * share[:, :1] + galaxies["disc_coefficients"] * share[:, 1:]
    continuum = 1e17 * dimming * galaxies["formed_mass"][:, None] * (mixture @ templates)
    at_halpha = continuum[:, np.abs(rest - LINES["Ha"]) < 60].mean(axis=1, keepdims=True)
    # Stars form in the disc; what else lights the gas is seen in proportion to the continuum.
    lines = 1e17 * galaxies["line_luminosity"] * dimming / (4 * np.pi * (10 * PARSEC) ** 2) * share[:, 1:]
    lines += at_halpha * galaxies["nuclear_width"][:, None] * galaxies["nuclear_ratio"]
    broad = at_halpha * galaxies["broad_width"][:, None] * BROAD_RATIO
    flux = np.empty((len(share), WAVELENGTH.size))
    for i, z in enumerate(galaxies["redshift"]):
        stars = widened(continuum[i], galaxies["stellar_dispersion"][i])
        flux[i] = np.interp(WAVELENGTH / (1 + z), rest, stars) / (1 + z)
        add_lines(flux[i], z, lines[i], galaxies["gas_dispersion"][i])
        if galaxies["broad_width"][i]:
            add_lines(flux[i], z, broad[i], galaxies["broad_dispersion"][i])
    return flux * galactic_attenuation(galaxies["ebv"], WAVELENGTH)


def widened(continuum: np.ndarray, dispersion: float) -> np.ndarray:
    """Template light (m,) of stars that move with a dispersion in km/s, as far as that exceeds the templates' own."""
    excess = dispersion**2 - TEMPLATE_DISPERSION**2
    return gaussian_filter1d(continuum, np.sqrt(excess) / TEMPLATE_BIN, mode="nearest") if excess > 0 else continuum


def extinction(wavelength: np.ndarray) -> np.ndarray:
    """A / E(B-V) in magnitudes at wavelengths in angstrom, on the scale of the map of Schlegel et al. (1998)."""
    # Fitzpatrick (1999) in the calibration of Schlafly & Finkbeiner (2011), which is behind ``MW_TRANSMISSION`` too.
    spline = CubicSpline([0, *(1e4 / np.array(KNOTS))], [0, *CURVE])
    return spline(1e4 / np.asarray(wavelength)) * AT_ONE_MICRON / spline(1.0)


def galactic_attenuation(ebv: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Share of the light (n, m) that arrives for E(B-V) ``ebv`` (n,) at observed ``wavelength`` (m,), 2700 Å upwards."""
    return 10 ** np.outer(ebv, -0.4 * extinction(wavelength))
