"""The oracle: how well anybody could know a galaxy of the mock survey from its image or its spectrum.

`measurements` are the true parameters with the errors that the noise allows; what follows from them is learned from
galaxies that the mock draws for the purpose. A redshift is found in the observed pixels: the noiseless spectrum is moved
to every redshift of the survey and held against the observed one by inverse variances.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import threadpoolctl
from scipy import fft, sparse
from scipy.ndimage import gaussian_filter1d
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey import Survey, sed
from mock_survey.measurements import BLOCK, image_measurements, spectrum_measurements
from mock_survey.spectra import light, spectrograph
from mock_survey.survey import Galaxies, truth

# Galaxies drawn for each of the survey's, and at most. From 60,000 to 100,000, R² from images rises by 0.0015.
DRAWN, MOST = 10, 60_000
# Likewise those of them whose spectra are measured, 2 ms each. From 4,000 to 8,000, R² of the mass rises by 0.001, that
# of age and metallicity by up to 0.01.
SPECTRA, MOST_SPECTRA = 2, 4_000

PROPERTIES: dict[str, Callable[[Galaxies], np.ndarray]] = {
    "redshift": lambda g: g["redshift"],
    "log_mstar": lambda g: g["log_mstar"],
    "log_ssfr": lambda g: g["log_sfr"] - g["log_mstar"],
    "log_tage_mw": lambda g: np.log10(g["age"]),
    "log_z_mw": lambda g: np.log10(sed.SOLAR_METALLICITY) + g["log_z"],
}

STEP = 1e-4  # of log(1 + z), 30 km/s: finer steps change no score of redshifts in the fourth digit
LOWEST = np.log(1.005)  # log(1 + z), where the mock's luminosity functions begin
LAGS = int((np.log(1 + sed.REDSHIFT_MAX) - LOWEST) / STEP) + 1
GRID = np.expm1(LOWEST + STEP * np.arange(LAGS))  # redshifts that are tried
OBSERVED = int(np.log(WAVELENGTH[-1] / WAVELENGTH[0]) / STEP) + 2  # points that span the pixels
# Rest wavelengths that the pixels can show. Point k sees entry k + lag where log(1 + z) is lag steps below its maximum.
REST = np.exp(np.log(WAVELENGTH[0]) + STEP * np.arange(OBSERVED + LAGS - 1)) / (1 + GRID[-1])
SMOOTHING = 0.01  # of log(1 + z): what the histogram of redshifts is smoothed by


@threadpoolctl.threadpool_limits.wrap(limits=1)  # as fast on few cores, and sums are the same everywhere
def oracle_predictions(survey: Survey, seed: int, rows: np.ndarray, spectra: np.ndarray) -> dict[str, dict]:
    """Predictions by one who measures each galaxy as well as its noise allows and knows what the mock draws.

    They approach E[y | x], which has the smallest squared error that there is, as far as nothing else in the pixels tells
    about the property. All that a spectrum tells but the redshift is measured at the true redshift, which one spectrum in a
    hundred does not give: measured at what it does give, R² of the mass of 10,000 galaxies fell from 0.96 to 0.94.

    ``rows`` (n,) are positions in the survey, the observed ``spectra`` (n, 7781) are in 1e-17 erg/s/cm²/Å and zero where
    masked. For each of `PROPERTIES` there are predictions (n,) from ``image`` and from ``spectrum``.
    """
    asked = {name: values[rows] for name, values in truth(survey, seed).items()}
    drawn = draw(survey, seed)
    some = {name: values[: min(SPECTRA * survey.n_galaxies, MOST_SPECTRA)] for name, values in drawn.items()}
    rng = np.random.default_rng([seed, 6])
    measured = {
        "image": (image_measurements(drawn, rng), image_measurements(asked, rng)),
        "spectrum": (spectrum_measurements(some, drawn, rng), spectrum_measurements(asked, drawn, rng)),
    }
    result: dict[str, dict] = {"redshift": {"spectrum": redshift_predictions(asked, spectra, drawn)}}
    for name, values in PROPERTIES.items():
        for modality, (x, new) in measured.items():
            if (name, modality) != ("redshift", "spectrum"):
                result.setdefault(name, {})[modality] = expected(x, values(drawn)[: len(x)], new, seed)
    return result


def draw(survey: Survey, seed: int) -> Galaxies:
    """Other galaxies from the same laws as the survey's: `survey.truth` of a larger survey, from another seed."""
    n = min(DRAWN * survey.n_galaxies, MOST)
    other = int(np.random.SeedSequence([seed, 5]).generate_state(1)[0])
    return truth(dataclasses.replace(survey, n_galaxies=n), other)


def expected(x: np.ndarray, y: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
    """E[y | x] at ``asked`` (n, d): a linear fit to x (N, d) and y (N,), and what boosted trees make of the rest."""
    # x is NaN where there is no measurement. The seed chooses the tenth of the galaxies that says when to stop.
    mean, std = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    std = np.where(std > 0, std, 1)
    scaled, asked_scaled = (np.clip(np.nan_to_num((values - mean) / std), -5, 5) for values in (x, asked))
    line = Ridge().fit(scaled, y)
    trees = HistGradientBoostingRegressor(max_iter=2000, learning_rate=0.1, early_stopping=True, random_state=seed)
    trees.fit(x, y - line.predict(scaled))
    return line.predict(asked_scaled) + trees.predict(asked)


def redshift_predictions(galaxies: Galaxies, spectra: np.ndarray, prior: Galaxies) -> np.ndarray:
    """Posterior mean of each redshift, (n,), from observed spectra (n, 7781) that are zero where masked.

    Known are the shape of the spectrum at rest, noise, masked pixels, the dust of the Milky Way, and the signal-to-noise
    ratio: at every redshift the galaxy is as well seen, so its brightness says nothing about its distance. Not known are the
    errors of the flux calibration, and of the smooth error of the sky all but its shape and how large it is on average.
    ``prior`` is a large draw of the survey's.
    """
    before, means = log_prior(prior["redshift"]), []
    for start in range(0, len(galaxies["redshift"]), BLOCK):
        block = {name: values[start : start + BLOCK] for name, values in galaxies.items()}
        posterior = before + log_likelihood(block, spectra[start : start + BLOCK].astype(float))
        weight = np.exp(posterior - posterior.max(axis=1, keepdims=True))
        means.append(weight @ GRID / weight.sum(axis=1))
    return np.concatenate(means)


def log_prior(redshifts: np.ndarray) -> np.ndarray:
    """Log of the smoothed histogram of redshifts on `GRID`, (`LAGS`,), up to a constant."""
    place = np.rint((np.log1p(redshifts) - LOWEST) / STEP).astype(int)
    counts = np.bincount(np.clip(place, 0, LAGS - 1), minlength=LAGS).astype(float)
    return np.log(gaussian_filter1d(counts, SMOOTHING / STEP, mode="constant") + 1e-12)


def log_likelihood(galaxies: Galaxies, flux: np.ndarray) -> np.ndarray:
    """Log likelihood (n, `LAGS`) of each redshift on `GRID`, up to a constant for each galaxy.

    With a template t moved to z, the observed flux y and the inverse covariance W of its noise, rho(z) = (y W t) / sqrt(t W t)
    has unit variance about the signal-to-noise ratio rho_0 at the true redshift. For a galaxy that is seen with rho_0 at any
    redshift, the log of the likelihood is rho_0 rho(z), but for terms without z. A smooth error b s of the subtracted sky, b of
    standard deviation `spectrograph.BACKGROUND`, adds its square times s s^T to the covariance: inverted by Sherman and Morrison.
    """
    clean = light.observed_spectra(galaxies, galaxies["aperture"])
    sigma = spectrograph.noise_sigma(clean, galaxies["spectrum_noise"], galaxies["noise_tilt"])
    weight = (flux != 0) / sigma**2
    sky = weight * spectrograph.background_shape()
    spread = spectrograph.BACKGROUND[galaxies["target"]][:, None]
    share = 1 / (spread**-2 + (sky**2 / np.maximum(weight, 1e-300)).sum(axis=1, keepdims=True))
    dust = light.galactic_attenuation(galaxies["ebv"], WAVELENGTH)
    template = rest_spectra(galaxies)
    pattern = _correlate(sky * dust, template)
    leftover = (sky * flux).sum(axis=1, keepdims=True)
    product = _correlate(weight * flux * dust, template) - share * leftover * pattern
    norm = _correlate(weight * dust**2, template**2) - share * pattern**2
    seen = (weight * clean**2).sum(axis=1, keepdims=True) - share * (sky * clean).sum(axis=1, keepdims=True) ** 2
    return np.sqrt(seen / norm) * product


def rest_spectra(galaxies: Galaxies) -> np.ndarray:
    """Noiseless spectra (n, `REST`.size) in front of the Milky Way's dust, in the galaxies' frames, 1e-17 erg/s/cm²/Å."""
    # Rendered at the true redshift, and where that shows no pixel at the lowest and the highest.
    own, clear = galaxies["redshift"], galaxies | {"ebv": np.zeros_like(galaxies["redshift"])}
    pixels, rest, result = np.log(WAVELENGTH), np.log(REST), np.empty((len(own), REST.size))
    for z in (np.full_like(own, GRID[-1]), np.full_like(own, GRID[0]), own):  # the later ones overwrite the earlier
        flux = (1 + z[:, None]) * light.observed_spectra(clear | {"redshift": z}, galaxies["aperture"])
        for i, shift in enumerate(np.log1p(z)):
            first, last = np.searchsorted(rest, pixels[[0, -1]] - shift)
            result[i, first : last + 1] = np.interp(rest[first : last + 1], pixels - shift, flux[i])
    return result


@functools.cache
def _spreading() -> sparse.csr_array:
    """What takes values at `OBSERVED` points to the pixels between them, linearly: (7781, `OBSERVED`)."""
    place = np.log(WAVELENGTH / WAVELENGTH[0]) / STEP
    first, rows = place.astype(int), np.arange(WAVELENGTH.size)
    part = place - first
    entries = np.concatenate([1 - part, part]), (np.tile(rows, 2), np.concatenate([first, first + 1]))
    return sparse.csr_array(entries, shape=(WAVELENGTH.size, OBSERVED))


def _correlate(weighted: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Sums over pixels of ``weighted`` (n, 7781) times ``template`` (n, `REST`.size) moved to each of `GRID`, (n, `LAGS`)."""
    points = (_spreading().T @ weighted.T).T
    size = fft.next_fast_len(REST.size, real=True)
    product = np.conj(fft.rfft(points, size)) * fft.rfft(template, size)
    return fft.irfft(product, size)[:, LAGS - 1 :: -1]
