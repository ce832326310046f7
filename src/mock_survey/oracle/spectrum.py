"""What a spectrum of a mock galaxy can tell at best of its stars and its gas, once the redshift is known.

A noiseless spectrum is a sum of five templates and of lines. Their amplitudes get the errors of an unbiased measurement
that wastes no photon (Cramér-Rao), from the inverse variances of the pixels; the flux calibration is known no better
than the mock draws it. Left out are the widths of lines and of absorption, which follow the mass of a galaxy: with
them, R² of the mass rose by 0.001.
"""

from __future__ import annotations

import numpy as np
from skypy.galaxies.spectrum import kcorrect

from astroclip_book.data.pairs import WAVELENGTH
from mock_survey.galaxies import sed
from mock_survey.spectra import light, spectrograph
from mock_survey.spectra.lines import LINES, SPEED
from mock_survey.survey import Galaxies

PIXEL = WAVELENGTH[1] - WAVELENGTH[0]
BLOCK = 50  # galaxies in memory at a time
MEASURED = ("OII_3730", "Hb", "OIII_5008", "Ha", "NII_6585", "SII_6718")  # strong lines, one of each blend
REACH = 15  # pixels to either side of a line's centre: half the distance of [N II] from H-alpha
BAND = "decamDR1-r"
DARKEST = 0.1  # of its light, the least that a galaxy is measured to have: there is a log to be taken


def spectrum_measurements(galaxies: Galaxies, prior: Galaxies, rng: np.random.Generator) -> np.ndarray:
    """Light of the stars and of the gas of galaxies of `survey.truth` as measured at the true redshift, (n, 17).

    Redshift; log of the r-band light and of the stellar mass in the fibre; log of the luminosities of the lines
    `MEASURED` up to a constant, at least their error and NaN where out of sight; their ratios [N II]/H-alpha,
    [O III]/H-beta and H-alpha/H-beta; shares of the five templates in the light. Another draw, ``prior``, tells what is
    to be expected.
    """
    known, calibration = star_light(prior)[1], prior["calibration"].std(axis=0)
    # Shares add up to one; how bright the galaxy is, one does not know beforehand.
    expected = known.mean(axis=0)
    covariance = np.cov(known.T) + np.outer(expected, expected)
    measured = []
    for start in range(0, len(galaxies["redshift"]), BLOCK):
        block = {name: values[start : start + BLOCK] for name, values in galaxies.items()}
        seen = light.observed_spectra(block, block["aperture"])
        sigma = spectrograph.noise_sigma(seen, block["spectrum_noise"], block["noise_tilt"])
        parts = template_spectra(block)
        total, shares = star_light(block)
        gas = seen - np.einsum("nk,nkp->np", shares, parts)
        stars = weighed(shares, star_information(parts, seen, sigma, calibration), expected, covariance, rng)
        stars, shares = _stars(total, stars)
        measured.append(np.column_stack([block["redshift"], *stars, *_gas(block, gas, sigma, rng), shares]))
    return np.concatenate(measured)


def star_light(galaxies: Galaxies) -> tuple[np.ndarray, np.ndarray]:
    """r-band light in the fibre (n,), 1 for absolute magnitude zero, and the share (n, 5) of each template in it."""
    bulge, disc = galaxies["aperture"].T[:, :, None]
    formed = galaxies["bulge_coefficients"] * bulge + galaxies["disc_coefficients"] * disc
    light = galaxies["formed_mass"][:, None] * formed * sed.rest_flux(BAND)
    total = light.sum(axis=1)
    return total, light / total[:, None]


def template_spectra(galaxies: Galaxies) -> np.ndarray:
    """Noiseless spectra were all light in the fibre that of one template: (n, 5, 7781) in 1e-17 erg/s/cm²/Å."""
    total = star_light(galaxies)[0]
    dark = {name: 0 * galaxies[name] for name in ("line_luminosity", "nuclear_width", "broad_width")}
    parts = []
    for k, flux in enumerate(sed.rest_flux(BAND)):
        alone = np.tile(np.eye(5)[k], (len(total), 1))
        mass = {"bulge_coefficients": 0 * alone, "disc_coefficients": alone, "formed_mass": total / flux}
        parts.append(light.observed_spectra(galaxies | dark | mass, np.ones((len(total), 2))))
    return np.stack(parts, axis=1)


def star_information(parts: np.ndarray, seen: np.ndarray, sigma: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """Fisher information (n, 5, 5) about what each template gives, as shares of all light.

    From the `template_spectra` (n, 5, 7781), the noiseless spectra and the standard deviations of their pixels (n, 7781);
    ``calibration`` (6,) holds those of what `spectrograph.calibration_error` takes, which have to be fitted too.
    """
    changes = spectrograph.calibration_error(np.eye(6)) - 1
    slope = np.concatenate([parts / sigma[:, None], (seen / sigma)[:, None] * changes], axis=1)
    information = slope @ slope.transpose(0, 2, 1)
    wanted, mixed, other = information[:, :5, :5], information[:, :5, 5:], information[:, 5:, 5:]
    return wanted - mixed @ np.linalg.solve(other + np.diag(calibration**-2.0), mixed.transpose(0, 2, 1))


def weighed(truth, information, expected, covariance, rng: np.random.Generator) -> np.ndarray:
    """Measurements (n, k) of ``truth`` (n, k) with Gaussian errors, weighed against what is expected.

    ``information`` (n, k, k) is the inverse covariance of the errors, zero for what is not measured; ``expected`` (k,) and
    ``covariance`` (k, k) are those of the truth, before it is measured.
    """
    values, vectors = np.linalg.eigh(information)
    noise = np.sqrt(np.maximum(values, 0)) * rng.standard_normal(truth.shape)
    told = information @ truth[..., None] + vectors @ noise[..., None]
    before = np.linalg.inv(covariance)
    return np.linalg.solve(information + before, told + (before @ expected)[:, None])[..., 0]


def _stars(total: np.ndarray, light: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Logs of light and of mass in the fibre, and shares (n, 5), from the light (n, 5) measured in units of all."""
    bright = np.maximum(light.sum(axis=1), DARKEST)
    shares, mass = light / bright[:, None], kcorrect.mremain / sed.rest_flux(BAND)
    # No mixture has less mass in its light than the youngest template.
    return [np.log10(total * bright), np.log10(total * bright * np.maximum(shares @ mass, mass.min()))], shares


def _gas(galaxies: Galaxies, gas: np.ndarray, sigma: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Logs of line luminosities, and of three ratios, from the noiseless light (n, 7781) of the gas."""
    centre = np.array([LINES[name] for name in MEASURED]) * (1 + galaxies["redshift"][:, None])
    width = np.hypot(centre * galaxies["gas_dispersion"][:, None] / SPEED, spectrograph.resolution_sigma(centre))
    flux, error = line_fluxes(gas, sigma, centre, width)
    measured = np.maximum(flux + error * rng.standard_normal(flux.shape), error)
    log = np.log10(measured) + 0.4 * galaxies["distance_modulus"][:, None]
    line = dict(zip(MEASURED, log.T, strict=True))
    ratios = [line[a] - line[b] for a, b in (("NII_6585", "Ha"), ("OIII_5008", "Hb"), ("Ha", "Hb"))]
    return [*line.values(), *ratios]


def line_fluxes(gas, sigma, centre, width) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes of Gaussian lines and their errors (n, k), by the best weights; NaN where no pixel sees a line.

    ``gas`` and ``sigma`` (n, 7781) are the light without the stars' and the standard deviations of the pixels, ``centre``
    and ``width`` (n, k) the lines' centres and standard deviations in angstrom.
    """
    pixel = np.rint((centre - WAVELENGTH[0]) / PIXEL).astype(int)[..., None] + np.arange(-REACH, REACH + 1)
    inside = (pixel >= 0) & (pixel < WAVELENGTH.size)
    distance = (WAVELENGTH[0] + PIXEL * pixel - centre[..., None]) / width[..., None]
    profile = inside * np.exp(-0.5 * distance**2) / (np.sqrt(2 * np.pi) * width[..., None])
    row, pixel = np.arange(len(gas))[:, None, None], np.clip(pixel, 0, WAVELENGTH.size - 1)
    weight = profile / sigma[row, pixel] ** 2
    information = (weight * profile).sum(axis=-1)
    information = np.where(inside.any(axis=-1), information, np.nan)
    return (weight * gas[row, pixel]).sum(axis=-1) / information, 1 / np.sqrt(information)
