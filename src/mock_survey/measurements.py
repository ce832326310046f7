"""What image and spectrum of a mock galaxy tell at best: its true parameters, with the noise that the pixels leave.

Errors are those of an unbiased measurement that wastes no photon (Cramér-Rao). In images, bulge and disc are taken for
Gaussians that cover as many pixels as their profiles behind the seeing do; neighbours and artefacts do no harm. Spectra,
at known redshift, are sums of five templates and of lines, and the flux calibration is known no better than the mock draws
it. Left out are the widths of lines and of absorption: with them, R² of the mass rose by 0.001.
"""

import numpy as np
from skypy.galaxies.spectrum import kcorrect

from astroclip_book.data.pairs import PIXEL_SCALE, WAVELENGTH
from mock_survey import sed
from mock_survey.images.camera import SKY_BRIGHTNESS
from mock_survey.images.cutouts import RESOLVED
from mock_survey.spectra import light, spectrograph
from mock_survey.spectra.lines import LINES, SPEED
from mock_survey.survey import Galaxies

# Pixels that the noise of a flux comes from, 1 / sum(profile²), in squares of the half-light radius: for a Sérsic law
# 2 pi n b^(-2n) Gamma(2n) 4^n, with n = 4 (b = 7.669) and n = 1 (b = 1.678).
BULGE_AREA, DISC_AREA = 2.71, 8.93
FAINTEST = 1e-3  # nanomaggies, below which a measured flux counts as this: it has no magnitude

BLOCK = 50  # galaxies whose spectra are in memory at a time
PIXEL = WAVELENGTH[1] - WAVELENGTH[0]
MEASURED = ("OII_3730", "Hb", "OIII_5008", "Ha", "NII_6585", "SII_6718")  # strong lines, one of each blend
REACH = 15  # pixels to either side of a line's centre: half the distance of [N II] from H-alpha
DARKEST = 0.1  # of its light, the least that a galaxy is measured to have: there is a log to be taken


def image_measurements(galaxies: Galaxies, rng: np.random.Generator) -> np.ndarray:
    """What an image tells at best of galaxies of `survey.truth`, behind the dust of the Milky Way, (n, 19).

    g - r, r - z and r; share of the bulge in g, r, z; g - r and r - z of bulge and of disc; log of their half-light radii
    (arcsec) and of the disc's axis ratio; spiral, bar, ring, dust lane, clumps and merger as 0 or 1.
    """
    radii = np.stack([galaxies["bulge_radius"], galaxies["disc_radius"]], axis=1)
    seeing = galaxies["psf_sigma"][..., None] ** 2
    area = radii**2 * (BULGE_AREA, DISC_AREA) / (4 * np.pi * PIXEL_SCALE**2)
    spread = seeing + area[:, None]
    total = 10 ** (0.4 * (22.5 - galaxies["magnitudes"])) * galaxies["galactic_transmission"]
    share = galaxies["bulge_share"]
    flux = np.stack([total * share, total * (1 - share)], axis=-1)
    covariance = flux_covariance(flux, spread, galaxies["sky_noise"])
    error = np.linalg.cholesky(covariance) @ rng.standard_normal(flux.shape)[..., None]
    measured = flux + error[..., 0]
    seen = np.maximum(measured.sum(axis=-1), FAINTEST)
    whole, parts = -2.5 * np.log10(seen), -2.5 * np.log10(np.maximum(measured, FAINTEST))  # magnitudes less 22.5
    # The width of a Gaussian on the plane whose flux has signal-to-noise ratio q is known to a share 1 / q, in all bands
    # together; the seeing's part of it is no news.
    ratio = flux / np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    width_error = 1 / np.sqrt(np.square(ratio * (1 - seeing / spread)).sum(axis=1) + np.finfo(float).tiny)
    sizes = np.log(radii) + width_error * rng.standard_normal(radii.shape)
    # Stretched along one axis and shrunk along the other: two widths that differ, each known sqrt(2) times worse.
    shape = np.log(galaxies["axis_ratio"]) + 2 * width_error[:, 1] * rng.standard_normal(len(radii))
    # What the mock paints, as `cutouts.galaxy_components` does: nothing in discs too small to show it.
    painted = [galaxies[name] for name in ("spiral", "bar", "ring", "dust_lane")] + [galaxies["morphology"] == 3]
    structure = [flag & (galaxies["disc_radius"] > RESOLVED) for flag in painted] + [galaxies["merger"]]
    columns = [*colours(whole), 22.5 + whole[:, 1], *(measured[..., 0] / seen).T]
    columns += [*colours(parts[..., 0]), *colours(parts[..., 1]), *sizes.T, shape, *structure]
    return np.stack(columns, axis=1).astype(float)


def colours(magnitudes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """g - r and r - z, (n,) each, of magnitudes (n, 3)."""
    g, r, z = magnitudes.T
    return g - r, r - z


def flux_covariance(flux: np.ndarray, spread: np.ndarray, sky_noise: np.ndarray) -> np.ndarray:
    """Covariance (n, 3, 2, 2) of fluxes (n, 3, 2) of bulge and disc, Gaussians of variance ``spread`` (n, 3, 2) in pixels²."""
    # Two unit Gaussians overlap by 1 / (2 pi (a + b)), summed over the plane.
    overlap = 1 / (2 * np.pi * (spread[..., :, None] + spread[..., None, :]))
    # The source's own photons, as `camera.expose` counts them.
    photons = np.eye(2) * (flux / SKY_BRIGHTNESS[:, None])[..., None]
    return sky_noise[..., None, None] ** 2 * (np.linalg.inv(overlap) + photons)


def spectrum_measurements(galaxies: Galaxies, prior: Galaxies, rng: np.random.Generator) -> np.ndarray:
    """Light of the stars and of the gas of galaxies of `survey.truth` as measured at the true redshift, (n, 17).

    Redshift; log of the r-band light and of the stellar mass in the fibre; log of the luminosities of the lines `MEASURED`
    up to a constant, at least their error and NaN where out of sight; [N II]/H-alpha, [O III]/H-beta and H-alpha/H-beta;
    shares of the five templates in the light. Another draw, ``prior``, tells what is to be expected.
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
        bright = np.maximum(stars.sum(axis=1), DARKEST)
        shares, mass = stars / bright[:, None], kcorrect.mremain / sed.rest_flux()
        # No mixture has less mass in its light than the youngest template.
        logs = [np.log10(total * bright), np.log10(total * bright * np.maximum(shares @ mass, mass.min()))]
        measured.append(np.column_stack([block["redshift"], *logs, *_gas(block, gas, sigma, rng), shares]))
    return np.concatenate(measured)


def star_light(galaxies: Galaxies) -> tuple[np.ndarray, np.ndarray]:
    """r-band light in the fibre (n,), 1 for absolute magnitude zero, and the share (n, 5) of each template in it."""
    bulge, disc = galaxies["aperture"].T[:, :, None]
    formed = galaxies["bulge_coefficients"] * bulge + galaxies["disc_coefficients"] * disc
    each = galaxies["formed_mass"][:, None] * formed * sed.rest_flux()
    total = each.sum(axis=1)
    return total, each / total[:, None]


def template_spectra(galaxies: Galaxies) -> np.ndarray:
    """Noiseless spectra were all light in the fibre that of one template: (n, 5, 7781) in 1e-17 erg/s/cm²/Å."""
    total = star_light(galaxies)[0]
    dark = {name: 0 * galaxies[name] for name in ("line_luminosity", "nuclear_width", "broad_width")}
    parts = []
    for k, flux in enumerate(sed.rest_flux()):
        alone = np.tile(np.eye(5)[k], (len(total), 1))
        mass = {"bulge_coefficients": 0 * alone, "disc_coefficients": alone, "formed_mass": total / flux}
        parts.append(light.observed_spectra(galaxies | dark | mass, np.ones((len(total), 2))))
    return np.stack(parts, axis=1)


def star_information(parts: np.ndarray, seen: np.ndarray, sigma: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """Fisher information (n, 5, 5) about what each template of `template_spectra` gives, as shares of all light.

    ``seen`` and ``sigma`` are noiseless spectra and the noise of their pixels; ``calibration`` (6,) holds the standard
    deviations of what `spectrograph.calibration_error` takes, which has to be fitted too.
    """
    changes = spectrograph.calibration_error(np.eye(6)) - 1
    slope = np.concatenate([parts / sigma[:, None], (seen / sigma)[:, None] * changes], axis=1)
    information = slope @ slope.transpose(0, 2, 1)
    wanted, mixed, other = information[:, :5, :5], information[:, :5, 5:], information[:, 5:, 5:]
    return wanted - mixed @ np.linalg.solve(other + np.diag(calibration**-2.0), mixed.transpose(0, 2, 1))


def weighed(truth, information, expected, covariance, rng: np.random.Generator) -> np.ndarray:
    """Measurements of ``truth`` (n, k) with errors of inverse covariance ``information`` (n, k, k), weighed against a prior.

    Of what is ``expected`` (k,) with a ``covariance`` (k, k) before it is measured.
    """
    values, vectors = np.linalg.eigh(information)
    noise = np.sqrt(np.maximum(values, 0)) * rng.standard_normal(truth.shape)
    told = information @ truth[..., None] + vectors @ noise[..., None]
    before = np.linalg.inv(covariance)
    return np.linalg.solve(information + before, told + (before @ expected)[:, None])[..., 0]


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
    """Fluxes of Gaussian lines of ``centre`` and ``width`` (n, k) and their errors, by the best weights; NaN out of sight.

    ``gas`` and ``sigma`` (n, 7781) are the light without the stars' and the standard deviations of the pixels.
    """
    pixel = np.rint((centre - WAVELENGTH[0]) / PIXEL).astype(int)[..., None] + np.arange(-REACH, REACH + 1)
    inside = (pixel >= 0) & (pixel < WAVELENGTH.size)
    distance = (WAVELENGTH[0] + PIXEL * pixel - centre[..., None]) / width[..., None]
    profile = inside * np.exp(-0.5 * distance**2) / (np.sqrt(2 * np.pi) * width[..., None])
    row, pixel = np.arange(len(gas))[:, None, None], np.clip(pixel, 0, WAVELENGTH.size - 1)
    weight = profile / sigma[row, pixel] ** 2
    information = np.where(inside.any(axis=-1), (weight * profile).sum(axis=-1), np.nan)
    return (weight * gas[row, pixel]).sum(axis=-1) / information, 1 / np.sqrt(information)
