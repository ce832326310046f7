"""The camera behind the Legacy Survey coadds: dust in front of it, seeing, depth and noise, and light in Fourier space.

In Fourier space profiles add up and the seeing is a product. A transform is half a plane of a square grid: it has the
shape (size, size // 2 + 1), complex64, rows centred on zero frequency.
"""

import functools

import galsim
import numpy as np
from scipy import fft

from astroclip_book.data.pairs import MAX_REDDENING, PIXEL_SCALE, PSF_SIGMA, REDDENING, SKY_NOISE, TRANSMISSION

MOFFAT_BETA = 3.5  # of the core; stars in real stamps have 3.1 to 5.3, and GalSim is slow for any other than this
# Share of a star's light in g, r, z that lies in its halo, and the halo's half-light radius in arcsec over the square root of
# 3: ``datasets/fit_images.py``, from star profiles of DECaLS.
HALO_SHARE, HALO_SCALE = np.array([0.045, 0.044, 0.095], np.float32), 1.5
FWHM = 2.3548 * PIXEL_SCALE  # arcsec for one pixel of standard deviation
# Night sky in g, r, z, nanomaggies per pixel, from 22.04, 20.91 and 18.46 mag/arcsec²: DECam's nominal calibration in the
# planning of DECaLS (legacysurvey/obsbot).
SKY_BRIGHTNESS = 10 ** (0.4 * (22.5 - np.array([22.04, 20.91, 18.46]))) * PIXEL_SCALE**2
# Weights of the first and second neighbours along each axis that give the correlations of the noise in Legacy Survey
# coadds, some 0.25 and -0.12: Lanczos resampling.
RESAMPLING = (0.14, -0.07)
SHARED = 0.5  # correlation between the bands of depths and of seeing: the Dark Energy Survey's part is deeper in all


def _lognormal(law: tuple, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draws (n, 3) of three log-normal laws (shape, location, scale), with correlation `SHARED` between the bands."""
    normal = np.sqrt(SHARED) * rng.standard_normal((n, 1)) + np.sqrt(1 - SHARED) * rng.standard_normal((n, 3))
    shape, location, scale = np.transpose(law)
    return location + scale * np.exp(shape * normal)


def draw_reddening(n: int, rng: np.random.Generator) -> np.ndarray:
    """E(B-V) in magnitudes (n,) over the footprint of the Legacy Surveys: log-normal law of Stein et al. (2022)."""
    shape, location, scale = REDDENING
    return np.minimum(location + scale * rng.lognormal(0, shape, n), MAX_REDDENING)


def galactic_transmission(ebv: np.ndarray) -> np.ndarray:
    """Share of the light that arrives in g, r, z, (..., 3), for E(B-V) (...): the Legacy Surveys' ``MW_TRANSMISSION``."""
    return 10 ** (np.asarray(ebv)[..., None] * TRANSMISSION)


def conditions(n: int, depth: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Seeing ``psf_sigma`` (n, 3) in pixels and ``sky_noise`` (n, 3) in nanomaggies per pixel: laws of Stein et al. (2022)."""
    noise = np.maximum(_lognormal(SKY_NOISE, n, rng), 1e-3)  # the least that they found
    return {"psf_sigma": _lognormal(PSF_SIGMA, n, rng), "sky_noise": noise / np.sqrt(depth)}


def psf(sigma: float) -> galsim.GSObject:
    """Core of the point-spread function, with the full width at half maximum of a Gaussian of ``sigma`` pixels."""
    return galsim.Moffat(beta=MOFFAT_BETA, fwhm=FWHM * sigma)


def resampled_noise(side: int, rng: np.random.Generator) -> np.ndarray:
    """Noise (side, side, 3) of a coadd: as strong on large scales as one of unit variance before it was resampled."""
    own, near, far = (np.float32(weight / (1 + 2 * sum(RESAMPLING))) for weight in (1, *RESAMPLING))
    noise = rng.standard_normal((3, side + 4, side + 4), np.float32)
    noise = own * noise[:, 2:-2] + near * (noise[:, 1:-3] + noise[:, 3:-1]) + far * (noise[:, :-4] + noise[:, 4:])
    noise = noise.transpose(1, 2, 0)
    return own * noise[:, 2:-2] + near * (noise[:, 1:-3] + noise[:, 3:-1]) + far * (noise[:, :-4] + noise[:, 4:])


def expose(image: np.ndarray, sky_noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the noise of sky and sources to an image (side, side, 3); ``sky_noise`` (3,) is as if pixels were independent."""
    # The sky's brightness is known, so its noise tells how many photons a nanomaggie sends.
    photons = np.sqrt(1 + np.maximum(image, 0) / SKY_BRIGHTNESS.astype(np.float32))
    return image + photons * np.asarray(sky_noise, np.float32) * resampled_noise(len(image), rng)


def frequencies(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Angular frequencies of a transform's columns, (size // 2 + 1,), and rows, (size,), in radians a pixel."""
    half = size // 2
    return 2 * np.pi * np.arange(half + 1) / size, 2 * np.pi * np.arange(-half, half) / size


def fourier(profile: galsim.GSObject, size: int) -> np.ndarray:
    """Transform of a profile."""
    half = size // 2
    image = galsim.ImageCF(galsim.BoundsI(0, half, -half, half - 1), scale=2 * np.pi / (size * PIXEL_SCALE))
    return profile.drawKImage(image, recenter=False).array


@functools.cache
def pixel_response(size: int) -> np.ndarray:
    """Transform of a square pixel."""
    return fourier(galsim.Pixel(PIXEL_SCALE), size)


@functools.cache
def halo(size: int) -> np.ndarray:
    """Transforms (3, size, size // 2 + 1) of a star's halo in g, r, z on square pixels: it falls as r^-3, as Moffat's with beta 3/2."""
    kx, ky = frequencies(size)
    profile = np.exp(-HALO_SCALE / PIXEL_SCALE * np.hypot(kx, ky[:, None])).astype(np.float32)
    return HALO_SHARE[:, None, None] * profile * pixel_response(size)


def blur(psf_sigma: np.ndarray, size: int) -> np.ndarray:
    """Transforms (3, size, size // 2 + 1) of a star in g, r, z on square pixels, core and halo; ``psf_sigma`` (3,) in pixels."""
    core = np.stack([fourier(psf(sigma), size) for sigma in psf_sigma])
    return core * ((1 - HALO_SHARE[:, None, None]) * pixel_response(size)) + halo(size)


def paint(light: np.ndarray, size: int) -> np.ndarray:
    """Transform of light painted on a square of pixels in the middle of the grid."""
    image = np.zeros((size, size), np.float32)
    start = size // 2 - len(light) // 2
    image[start : start + len(light), start : start + len(light)] = light
    return fft.fftshift(fft.rfft2(fft.ifftshift(image)), axes=0)


def develop(transform: np.ndarray, side: int) -> np.ndarray:
    """Image (..., side, side) in the middle of the grid of transforms (..., size, size // 2 + 1)."""
    size = transform.shape[-2]
    image = fft.fftshift(fft.irfft2(fft.ifftshift(transform, axes=-2), s=(size, size)), axes=(-2, -1))
    start = size // 2 - side // 2
    return image[..., start : start + side, start : start + side]
