"""Redshift from an observed spectrum when the galaxy's own spectrum at rest is known: nobody can know more.

The noiseless spectrum is moved to every redshift of the survey and held against the observed one by inverse variances.
All redshifts are compared on the same pixels: the mock renders each galaxy at all rest wavelengths that could be seen.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy import fft, sparse
from scipy.ndimage import gaussian_filter1d

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey.dust import galactic_attenuation
from mock_survey.galaxies import sed
from mock_survey.spectra import light, spectrograph
from mock_survey.survey import Galaxies

STEP = 1e-4  # of log(1 + z), 30 km/s: finer steps change no score of redshifts in the fourth digit
LOWEST = np.log(1.005)  # log(1 + z), where the mock's luminosity functions begin
LAGS = int((np.log(1 + sed.REDSHIFT_MAX) - LOWEST) / STEP) + 1
GRID = np.expm1(LOWEST + STEP * np.arange(LAGS))  # redshifts that are tried
OBSERVED = int(np.log(WAVELENGTH[-1] / WAVELENGTH[0]) / STEP) + 2  # points that span the pixels
# Rest wavelengths that the pixels can show. Point k sees entry k + lag where log(1 + z) is lag steps below its maximum.
REST = np.exp(np.log(WAVELENGTH[0]) + STEP * np.arange(OBSERVED + LAGS - 1)) / (1 + GRID[-1])
SMOOTHING = 0.01  # of log(1 + z): what the histogram of redshifts is smoothed by
BLOCK = 50  # galaxies in memory at a time


def redshift_predictions(galaxies: Galaxies, spectra: np.ndarray, prior: Galaxies) -> np.ndarray:
    """Posterior mean of each redshift, (n,), from observed spectra (n, 7781) that are zero where masked.

    Known are the shape of the spectrum at rest, the noise of each pixel, masked pixels, the dust of the Milky Way,
    and the signal-to-noise ratio that the galaxy has in its whole spectrum: at every redshift, the galaxy is as well
    seen, so its brightness says nothing about its distance. Not known are the residuals of sky lines in the observed
    spectra, but for how they look and how strong they tend to be, and the errors of the flux calibration. Redshifts and
    sky residuals of ``prior``, a large draw of the survey's, are expected beforehand.
    """
    expected, residual, means = log_prior(prior["redshift"]), prior["sky_residual"].std(), []
    for start in range(0, len(galaxies["redshift"]), BLOCK):
        block = {name: values[start : start + BLOCK] for name, values in galaxies.items()}
        posterior = expected + log_likelihood(block, spectra[start : start + BLOCK].astype(float), residual)
        weight = np.exp(posterior - posterior.max(axis=1, keepdims=True))
        means.append(weight @ GRID / weight.sum(axis=1))
    return np.concatenate(means)


def log_prior(redshifts: np.ndarray) -> np.ndarray:
    """Log of the smoothed histogram of redshifts on `GRID`, (`LAGS`,), up to a constant."""
    place = np.rint((np.log1p(redshifts) - LOWEST) / STEP).astype(int)
    counts = np.bincount(np.clip(place, 0, LAGS - 1), minlength=LAGS).astype(float)
    return np.log(gaussian_filter1d(counts, SMOOTHING / STEP, mode="constant") + 1e-12)


def log_likelihood(galaxies: Galaxies, flux: np.ndarray, residual: float) -> np.ndarray:
    """Log likelihood (n, `LAGS`) of each redshift on `GRID`, up to a constant for each galaxy.

    With a template t moved to z, the observed flux y and the inverse covariance W of its noise,
    rho(z) = (y W t) / sqrt(t W t) has unit variance about the signal-to-noise ratio rho_0 at the true redshift. For a
    galaxy that is seen with rho_0 at any redshift, the log of the likelihood is rho_0 rho(z), but for terms without z.
    The standard deviation ``residual`` of ``sky_residual`` adds residual² s s^T to the covariance, s being what sky lines
    leave; the inverse is that of Sherman and Morrison.
    """
    clean = light.observed_spectra(galaxies, galaxies["aperture"])
    sigma = spectrograph.noise_sigma(clean, galaxies["spectrum_noise"], galaxies["noise_tilt"])
    weight = (flux != 0) / sigma**2
    sky = weight * spectrograph.sky_line_sigma(galaxies["spectrum_noise"])
    share = 1 / (residual**-2 + (sky**2 / np.maximum(weight, 1e-300)).sum(axis=1, keepdims=True))
    dust = galactic_attenuation(galaxies["ebv"], WAVELENGTH)
    template = rest_spectra(galaxies)
    pattern = _correlate(sky * dust, template)
    leftover = (sky * flux).sum(axis=1, keepdims=True)
    product = _correlate(weight * flux * dust, template) - share * leftover * pattern
    norm = _correlate(weight * dust**2, template**2) - share * pattern**2
    expected = (weight * clean**2).sum(axis=1, keepdims=True) - share * (sky * clean).sum(axis=1, keepdims=True) ** 2
    return np.sqrt(expected / norm) * product


def rest_spectra(galaxies: Galaxies) -> np.ndarray:
    """Noiseless spectra (n, `REST`.size) in front of the Milky Way's dust, in the galaxies' frames, 1e-17 erg/s/cm²/Å.

    Rendered at the true redshift, with the resolution that the galaxy is seen with, and where that shows no pixel at
    the lowest and the highest redshift.
    """
    own, clear = galaxies["redshift"], galaxies | {"ebv": np.zeros_like(galaxies["redshift"])}
    places = [np.full_like(own, GRID[-1]), np.full_like(own, GRID[0]), own]
    seen = [(1 + z[:, None]) * light.observed_spectra(clear | {"redshift": z}, galaxies["aperture"]) for z in places]
    pixels, rest, result = np.log(WAVELENGTH), np.log(REST), np.empty((len(own), REST.size))
    for z, flux in zip(places, seen, strict=True):  # the later ones overwrite the earlier
        for i, shift in enumerate(np.log1p(z)):
            first, last = np.searchsorted(rest, pixels[[0, -1]] - shift)
            result[i, first : last + 1] = np.interp(rest[first : last + 1], pixels - shift, flux[i])
    return result


@functools.cache
def _spreading() -> sparse.csr_array:
    """What takes values at `OBSERVED` points to the pixels between them, linearly: (7781, `OBSERVED`)."""
    place = np.log(WAVELENGTH / WAVELENGTH[0]) / STEP
    first = place.astype(int)
    part = place - first
    rows = np.arange(WAVELENGTH.size)
    return sparse.csr_array(
        (np.concatenate([1 - part, part]), (np.tile(rows, 2), np.concatenate([first, first + 1]))),
        shape=(WAVELENGTH.size, OBSERVED),
    )


def _correlate(weighted: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Sums over pixels of ``weighted`` (n, 7781) times ``template`` (n, `REST`.size) moved to each of `GRID`, (n, `LAGS`)."""
    points = (_spreading().T @ weighted.T).T
    size = fft.next_fast_len(REST.size, real=True)
    product = np.conj(fft.rfft(points, size)) * fft.rfft(template, size)
    return fft.irfft(product, size)[:, LAGS - 1 :: -1]
