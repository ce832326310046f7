"""Light in Fourier space, where profiles add up and the seeing is a product: half planes of square grids.

A transform has the shape (size, size // 2 + 1), complex64, rows centred on zero frequency.
"""

from __future__ import annotations

import functools

import galsim
import numpy as np
from scipy import fft

from astroclip_book.data.pairs import PIXEL_SCALE


def fourier(profile: galsim.GSObject, size: int) -> np.ndarray:
    """Transform of a profile."""
    half = size // 2
    image = galsim.ImageCF(galsim.BoundsI(0, half, -half, half - 1), scale=2 * np.pi / (size * PIXEL_SCALE))
    return profile.drawKImage(image, recenter=False).array


@functools.cache
def pixel_response(size: int) -> np.ndarray:
    """Transform of a square pixel."""
    return fourier(galsim.Pixel(PIXEL_SCALE), size)


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
