"""Redshifts by template fitting, the classical method, with the templates of the mock survey."""

import functools
from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.optimize import nnls
from scipy.signal import argrelmin

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey.spectra.light import rest_templates, widened
from mock_survey.spectra.lines import REST, SPEED, line_ratios
from mock_survey.spectra.spectrograph import sky_lines

FAR = 0.8  # highest redshift
STEP = 2.25e-4  # of ln(wavelength), 67 km/s: no pixel of `GRID` is narrower than one of `WAVELENGTH`
GRID = np.arange(np.log(WAVELENGTH[0]), np.log(WAVELENGTH[-1]), STEP)
SHIFTS = round(np.log(1 + FAR) / STEP)
DISPERSION = 150.0  # km/s, of stars and gas
# Gas lit by young stars and by a nucleus, as `line_ratios` takes it.
GAS = (
    {"nitrogen": -0.5, "oxygen": 0.0, "sulphur": -0.45, "oxygen_two": 0.1, "dust": 0.2, "hard": False},
    {"nitrogen": -0.05, "oxygen": 0.6, "sulphur": -0.25, "oxygen_two": 0.3, "dust": 0.2, "hard": True},
)
DEGREE = 2  # of the polynomial that is added, for what calibration and a lost level change
CANDIDATES = 15  # minima of chi² of which the best with no negative light is taken
APART = 0.005  # in ln(1 + z): nearer minima are the same answer


class Fit(NamedTuple):
    """The best fit to one spectrum."""

    redshift: float
    chi2: float  # per pixel of `GRID` that was observed
    delta_chi2: float  # of the best fit at another redshift: below 9 or so, the redshift is not secure
    model: np.ndarray  # (7781,) in the unit of the spectrum


def fit_redshift(flux: np.ndarray, ivar: np.ndarray) -> Fit:
    """Redshift from 0 to `FAR` of a spectrum (7781,) in any scale, with inverse variances (7781,), 0 where nothing was observed.

    The five stellar templates of the mock and two of its emission lines, none of them negative, and a polynomial. Chi² of a
    weighted linear fit is known at all redshifts from a few cross-correlations (Tonry & Davis 1979), as on a grid of log
    wavelength a redshift is a shift; the best minima are fitted again without negative light. Pixels under lines of the night
    sky count as the mock's noise has them: where ``ivar`` was measured from neighbouring pixels, it knows nothing of lines.
    """
    rest, size = _templates(), next_fast_len(len(GRID) + len(_templates()[0]))
    pixel = ((np.log(WAVELENGTH) - GRID[0]) / STEP + 0.5).astype(int).clip(max=len(GRID) - 1)
    weight = ivar / (1 + sky_lines())
    w, wy = (np.bincount(pixel, values, len(GRID)) for values in (weight, weight * flux))
    y = np.divide(wy, w, out=np.zeros_like(wy), where=w > 0)
    smooth = np.polynomial.chebyshev.chebvander(np.linspace(-1, 1, len(GRID)), DEGREE).T

    def correlated(templates: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sums over pixels of values times templates, (..., shifts), by how many pixels these begin later."""
        return irfft(rfft(templates, size) * rfft(values, size).conj(), size)[..., : SHIFTS + 1]

    n = len(rest)
    matrix, vector = np.empty((SHIFTS + 1, n + DEGREE + 1, n + DEGREE + 1)), np.empty((SHIFTS + 1, n + DEGREE + 1))
    matrix[:, :n, :n] = correlated(rest[:, None] * rest, w).transpose(2, 0, 1)
    matrix[:, :n, n:] = correlated(rest[:, None], w * smooth).transpose(2, 0, 1)
    matrix[:, n:, :n] = matrix[:, :n, n:].transpose(0, 2, 1)
    matrix[:, n:, n:] = (w * smooth) @ smooth.T
    vector[:, :n], vector[:, n:] = correlated(rest, wy).T, smooth @ wy
    matrix += 1e-9 * np.trace(matrix, axis1=1, axis2=2)[:, None, None] * np.eye(n + DEGREE + 1)  # lines out of sight
    chi2 = wy @ y - (vector * np.linalg.solve(matrix, vector[..., None])[..., 0]).sum(axis=1)
    minima = argrelmin(chi2)[0]
    fits = []
    for shift in minima[np.argsort(chi2[minima])[:CANDIDATES]]:
        parts = np.concatenate([rest[:, shift : shift + len(GRID)], smooth, -smooth]).T
        amounts, residual = nnls(np.sqrt(w)[:, None] * parts, np.sqrt(w) * y)
        fits.append((residual**2, shift, parts @ amounts))
    best, shift, model = min(fits, key=lambda fit: fit[0])
    others = [value for value, other, _ in fits if abs(other - shift) * STEP > APART]
    before, at, after = chi2[shift - 1 : shift + 2]  # the minimum of a parabola through three points
    finer = shift + 0.5 * (before - after) / (before - 2 * at + after)
    return Fit(
        redshift=float(np.exp(STEP * (SHIFTS - finer)) - 1),
        chi2=best / (w > 0).sum(),
        delta_chi2=min(others, default=np.inf) - best,
        model=np.interp(np.log(WAVELENGTH), GRID, model),
    )


@functools.cache
def _templates() -> np.ndarray:
    """Stars and gas (7, m) at rest, on `GRID` continued to the blue by `SHIFTS` pixels; their mean squares are 1."""
    rest = np.exp(GRID[0] + STEP * np.arange(-SHIFTS, len(GRID)))
    wavelength, stars = rest_templates()
    sigma = REST[:, None] * DISPERSION / SPEED
    profiles = np.exp(-0.5 * ((rest - REST[:, None]) / sigma) ** 2) / sigma
    gas = [line_ratios(**{name: np.array([value]) for name, value in one.items()})[0] @ profiles for one in GAS]
    templates = np.array([*(np.interp(rest, wavelength, widened(one, DISPERSION)) for one in stars), *gas])
    return templates / np.sqrt(np.mean(templates**2, axis=1, keepdims=True))
