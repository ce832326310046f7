"""What an image of a mock galaxy can tell at best: its true light and shape, with the noise that its pixels leave.

Errors are those of an unbiased measurement that wastes no photon (Cramér-Rao), in closed form: bulge and disc are taken
for Gaussians that cover as many pixels as their profiles behind the seeing do. Neighbours and artefacts do no harm.
"""

from __future__ import annotations

import numpy as np

from astroclip_book.data.pairs import PIXEL_SCALE
from mock_survey.images.camera import SKY_BRIGHTNESS
from mock_survey.images.substructure import RESOLVED

# Pixels that the noise of a flux comes from, 1 / sum(profile²), in squares of the half-light radius: for a Sérsic law
# 2 pi n b^(-2n) Gamma(2n) 4^n, with n = 4 (b = 7.669) and n = 1 (b = 1.678).
BULGE_AREA, DISC_AREA = 2.71, 8.93
FAINTEST = 1e-3  # nanomaggies, below which a measured flux counts as this: it has no magnitude


def image_measurements(galaxies: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """What an image tells at best of galaxies of `survey.truth`, behind the dust of the Milky Way, (n, 19).

    g - r, r - z and r; share of the bulge in g, r, z; g - r and r - z of bulge and of disc; log of their half-light radii
    (arcsec) and of the disc's axis ratio; spiral, bar, ring, dust lane, clumps and merger as 0 or 1.
    """
    radii = np.stack([galaxies["bulge_radius"], galaxies["disc_radius"]], axis=1)
    area = radii**2 * (BULGE_AREA, DISC_AREA) / (4 * np.pi * PIXEL_SCALE**2)
    spread = galaxies["psf_sigma"][..., None] ** 2 + area[:, None]
    total = 10 ** (0.4 * (22.5 - galaxies["magnitudes"])) * galaxies["galactic_transmission"]
    share = galaxies["bulge_share"]
    flux = np.stack([total * share, total * (1 - share)], axis=-1)
    covariance = flux_covariance(flux, spread, galaxies["sky_noise"])
    error = np.linalg.cholesky(covariance) @ rng.standard_normal(flux.shape)[..., None]
    measured = flux + error[..., 0]
    seen = np.maximum(measured.sum(axis=-1), FAINTEST)
    whole, parts = -2.5 * np.log10(seen), -2.5 * np.log10(np.maximum(measured, FAINTEST))
    # The width of a Gaussian on the plane whose flux has signal-to-noise ratio q is known to a share 1 / q, in all bands
    # together; the seeing's part of it is no news.
    ratio = flux / np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    own = 1 - galaxies["psf_sigma"][..., None] ** 2 / spread
    error = 1 / np.sqrt(np.square(ratio * own).sum(axis=1) + np.finfo(float).tiny)
    sizes = np.log(radii) + error * rng.standard_normal(radii.shape)
    # Stretched along one axis and shrunk along the other: two widths that differ, each known sqrt(2) times worse.
    ratio = np.log(galaxies["axis_ratio"]) + 2 * error[:, 1] * rng.standard_normal(len(error))
    # What the mock paints, as `cutouts.galaxy_components` does: nothing in discs too small to show it.
    painted = [galaxies[name] for name in ("spiral", "bar", "ring", "dust_lane")] + [galaxies["morphology"] == 3]
    structure = [flag & (galaxies["disc_radius"] > RESOLVED) for flag in painted] + [galaxies["merger"]]
    columns = [*-np.diff(whole).T, 22.5 + whole[:, 1], *(measured[..., 0] / seen).T]
    columns += [*-np.diff(parts[..., 0]).T, *-np.diff(parts[..., 1]).T, *sizes.T, ratio, *structure]
    return np.stack(columns, axis=1).astype(float)


def flux_covariance(flux: np.ndarray, spread: np.ndarray, sky_noise: np.ndarray) -> np.ndarray:
    """Covariance (n, 3, 2, 2) of the fluxes (n, 3, 2) of bulge and disc that are fitted together, in each band.

    ``spread`` (n, 3, 2) is the variance of the Gaussian that stands for each, in pixels²; ``sky_noise`` (n, 3) and fluxes
    are in nanomaggies.
    """
    variance = sky_noise[..., None, None] ** 2
    # Two unit Gaussians overlap by 1 / (2 pi (a + b)), summed over the plane.
    overlap = 1 / (2 * np.pi * (spread[..., :, None] + spread[..., None, :]))
    # The source's own photons, as `camera.expose` counts them.
    photons = np.eye(2) * (flux / SKY_BRIGHTNESS[:, None])[..., None]
    return variance * (np.linalg.inv(overlap) + photons)
