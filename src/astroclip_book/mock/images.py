"""Legacy-Survey-like cut-outs: GalSim profiles added in Fourier space, one inverse transform per band."""

from __future__ import annotations

import functools

import galsim
import numpy as np
from scipy import fft

from astroclip_book.imaging import PSF_SIGMA, SKY_NOISE
from astroclip_book.mock.population import bulge_share
from astroclip_book.pairs import IMAGE_SIZE, PIXEL_SCALE

MOFFAT_BETA = 3.5
ARM_TINT = 10 ** (-0.4 * np.array([-0.3, 0.0, 0.15]))  # arms are bluer than their disc
NEIGHBOURS = 7.0  # mean number per stamp with 18 < r < 24: some 16 per square arcminute (Capak et al. 2004)
STAR_SHARE = 0.15  # of the field objects, at high Galactic latitude
COUNTS_SLOPE = 0.38  # dex per magnitude
KNOTS, KNOT_SHARE = 40, 0.3  # star-forming knots in the arms, and their share of the arms' light
RESAMPLING = 0.25  # weight of a neighbouring pixel, which makes coadd noise correlated as resampling does


def lognormal(law: tuple, rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws (size, 3) of the three log-normal laws, a column each."""
    return np.stack([location + scale * rng.lognormal(0, shape, size) for shape, location, scale in law], axis=1)


def image_truth(galaxies: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What decides an image beyond the population: seeing, depth, arms, number of neighbours."""
    n = galaxies["redshift"].size
    spiral = (galaxies["morphology"] == 2) & (rng.random(n) < 0.8)
    return {
        "psf_sigma": lognormal(PSF_SIGMA, rng, n),
        "sky_noise": np.maximum(lognormal(SKY_NOISE, rng, n), 1e-3),
        "spiral": spiral,
        "pitch": np.radians(rng.uniform(8, 30, n)),
        "arm_strength": np.where(spiral, rng.uniform(0.1, 0.4, n), np.where(galaxies["morphology"] == 3, 0.35, 0.0)),
        "arm_number": rng.choice([2, 2, 3, 4], n),
        "n_neighbours": rng.poisson(NEIGHBOURS, n),
    }


def fourier(profile: galsim.GSObject, size: int) -> np.ndarray:
    """Transform of a profile on the half plane of a real one, (size, size/2 + 1) complex64, rows centred on zero."""
    half = size // 2
    image = galsim.ImageCF(galsim.BoundsI(0, half, -half, half - 1), scale=2 * np.pi / (size * PIXEL_SCALE))
    profile._drawKImage(image)
    return image.array


@functools.cache
def pixel_response(size: int) -> np.ndarray:
    """Transform of a square pixel, in the order of `fourier`."""
    return fourier(galsim.Pixel(PIXEL_SCALE), size)


def transform_size(radius: float) -> int:
    """Side of the Fourier grid: room for the wings, but no more than a compact galaxy needs."""
    return 192 if radius < 2.5 else 256 if radius < 6 else 512


def arm_image(galaxy: dict, size: int, rng: np.random.Generator) -> np.ndarray:
    """Logarithmic spiral arms with knots, or an irregular's clumps: unit flux, (size, size), centre at [0, 0]."""
    half = IMAGE_SIZE // 2
    y, x = np.mgrid[-half:half, -half:half].astype(np.float32) * PIXEL_SCALE
    c, s = np.cos(galaxy["angle"]), np.sin(galaxy["angle"])
    flattening = np.sqrt(galaxy["axis_ratio"])  # keeps the area, as GalSim's shear does
    u, v = (x * c + y * s) * flattening, (y * c - x * s) / flattening
    r = np.hypot(u, v) * (1.678 / galaxy["disc_radius"])  # in scale lengths
    disc = np.exp(-r) * (1 - np.exp(-((r / 0.7) ** 2)))
    if galaxy["spiral"]:
        phase = np.arctan2(v, u) - np.log(np.maximum(r, 0.05)) / np.tan(galaxy["pitch"]) + rng.uniform(0, 2 * np.pi)
        disc *= np.exp(3.0 * (np.cos(galaxy["arm_number"] * phase) - 1))
    share = np.cumsum(disc, dtype=float)
    knots = np.bincount(np.searchsorted(share, rng.random(KNOTS) * share[-1]), minlength=disc.size)
    light = (1 - KNOT_SHARE) * disc.ravel() / share[-1] + KNOT_SHARE * knots / KNOTS
    image = np.zeros((size, size), np.float32)
    start = size // 2 - half
    image[start : start + IMAGE_SIZE, start : start + IMAGE_SIZE] = light.reshape(IMAGE_SIZE, IMAGE_SIZE)
    return fft.ifftshift(image)


def neighbour_profiles(count: int, rng: np.random.Generator):
    """Faint field objects: yields (profile, (3,) fluxes in nanomaggies) with positions all over the stamp."""
    half = IMAGE_SIZE * PIXEL_SCALE / 2
    for _ in range(count):
        r = 24 + np.log10(rng.uniform(10 ** (-6 * COUNTS_SLOPE), 1)) / COUNTS_SLOPE
        star = rng.random() < STAR_SHARE
        redness = rng.random()
        colour = np.array([0.3 + 1.2 * redness, 0, -0.1 - (1.0 + 0.3 * star) * redness]) + rng.normal(0, 0.08, 3)
        flux = 10 ** (0.4 * (22.5 - r - colour))
        where = rng.uniform(-half, half, 2)
        if star:
            yield galsim.Gaussian(sigma=1e-3).shift(*where), flux
        else:
            profile = galsim.Exponential(half_light_radius=rng.lognormal(np.log(0.5), 0.35))
            yield profile.shear(g=rng.uniform(0, 0.5), beta=rng.uniform(0, np.pi) * galsim.radians).shift(*where), flux


def galaxy_components(galaxy: dict, size: int, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Bulge, disc and arms as (transform, fluxes (3,)); the fluxes add up to the catalogue's in every band."""
    flux = 10 ** (0.4 * (22.5 - galaxy["magnitudes"]))
    bulge, angle = bulge_share(galaxy["bulge_to_total"]), galaxy["angle"] * galsim.radians
    resolved = galaxy["disc_radius"] > 0.6  # arcsec; arms of a smaller disc would not be seen
    arms = galaxy["arm_strength"] * ARM_TINT * resolved
    disc = galsim.Exponential(half_light_radius=galaxy["disc_radius"]).shear(q=galaxy["axis_ratio"], beta=angle)
    # A bulge in a disc is rounder than the disc; an elliptical is one body.
    thickness = galaxy["axis_ratio"] if galaxy["morphology"] == 0 else 0.5 * (1 + galaxy["axis_ratio"])
    spheroid = galsim.DeVaucouleurs(half_light_radius=galaxy["bulge_radius"]).shear(q=thickness, beta=angle)
    components = [(fourier(spheroid, size), flux * bulge), (fourier(disc, size), flux * (1 - bulge) * (1 - arms))]
    if arms.any():
        transform = fft.fftshift(fft.rfft2(arm_image(galaxy, size, rng)), axes=0)
        components.append((transform, flux * (1 - bulge) * arms))
    return components


def draw_image(galaxy: dict, rng: np.random.Generator, noise: bool = True) -> np.ndarray:
    """One cut-out.

    Parameters
    ----------
    galaxy : dict
        Scalars (and per-band triples) of one galaxy.
    rng : numpy Generator
    noise : bool
        Without it, neither sky noise nor neighbours: the galaxy alone.

    Returns
    -------
    (152, 152, 3) float32 array of nanomaggies
    """
    size = transform_size(galaxy["radius"])
    components = galaxy_components(galaxy, size, rng)
    if noise:
        components += [(fourier(p, size), f) for p, f in neighbour_profiles(galaxy["n_neighbours"], rng)]
    scene = np.zeros((3, size, size // 2 + 1), np.complex64)
    for transform, flux in components:
        for band in range(3):
            scene[band] += np.float32(flux[band]) * transform
    for band in range(3):
        psf = galsim.Moffat(beta=MOFFAT_BETA, fwhm=2.3548 * galaxy["psf_sigma"][band] * PIXEL_SCALE)
        scene[band] *= fourier(psf, size) * pixel_response(size)
    planes = fft.fftshift(fft.irfft2(fft.ifftshift(scene, axes=1), s=(size, size)), axes=(1, 2))
    start = size // 2 - IMAGE_SIZE // 2
    window = slice(start, start + IMAGE_SIZE)
    image = np.ascontiguousarray(planes[:, window, window].transpose(1, 2, 0))
    return image + sky(galaxy["sky_noise"], rng) if noise else image


def sky(sigma: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Background noise (152, 152, 3), standard deviations ``sigma`` (3,), neighbouring pixels alike as in a coadd."""
    noise = rng.standard_normal((IMAGE_SIZE + 2, IMAGE_SIZE + 2, 3), np.float32)
    noise = noise[1:-1] + np.float32(RESAMPLING) * (noise[:-2] + noise[2:])
    noise = noise[:, 1:-1] + np.float32(RESAMPLING) * (noise[:, :-2] + noise[:, 2:])
    return noise * (np.asarray(sigma) / (1 + 2 * RESAMPLING**2)).astype(np.float32)
