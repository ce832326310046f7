"""Dust of the Milky Way, which dims and reddens all that lies behind it."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from astroclip_book.data.imaging import MAX_REDDENING, REDDENING, TRANSMISSION

# Optical and near-infrared knots of Fitzpatrick (1999), table 3: angstrom, and A / E(B-V) for R_V = 3.1.
_KNOTS = (26500.0, 12200.0, 6000.0, 5470.0, 4670.0, 4110.0, 2700.0, 2600.0)
_CURVE = (0.265, 0.829, 2.688, 3.055, 3.806, 4.315, 6.265, 6.591)
# A(1 micron) per magnitude of the E(B-V) of the map of Schlegel et al. (1998): Schlafly & Finkbeiner (2011), section 5.
AT_ONE_MICRON = 0.78 * 1.32


def draw_reddening(n: int, rng: np.random.Generator) -> np.ndarray:
    """E(B-V) in magnitudes (n,) over the footprint of the Legacy Surveys: log-normal law of Stein et al. (2022)."""
    shape, location, scale = REDDENING
    return np.minimum(location + scale * rng.lognormal(0, shape, n), MAX_REDDENING)


def galactic_transmission(ebv: np.ndarray) -> np.ndarray:
    """Share of the light that arrives in g, r, z, (..., 3), for E(B-V) (...): the Legacy Surveys' ``MW_TRANSMISSION``."""
    return 10 ** (np.asarray(ebv)[..., None] * TRANSMISSION)


def galactic_attenuation(ebv: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Share of the light (n, m) that arrives for E(B-V) ``ebv`` (n,) at observed ``wavelength`` (m,), 2700 Å upwards."""
    return 10 ** np.outer(ebv, -0.4 * extinction(wavelength))


def extinction(wavelength: np.ndarray) -> np.ndarray:
    """A / E(B-V) in magnitudes at wavelengths in angstrom, on the scale of the map of Schlegel et al. (1998).

    Curve of Fitzpatrick (1999), R_V = 3.1, in the calibration of Schlafly & Finkbeiner (2011), which is the one
    behind `galactic_transmission`.
    """
    spline = CubicSpline([0, *(1e4 / np.array(_KNOTS))], [0, *_CURVE])
    return spline(1e4 / np.asarray(wavelength)) * AT_ONE_MICRON / spline(1.0)
