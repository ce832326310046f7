"""What the encoders see: binned, stretched images and augmented views of them.

The augmentations are those of Stein et al. 2022 (https://doi.org/10.3847/1538-4357/ac6d63) with their constants, each
drawn for each object: Galactic reddening; flips, rotation, size and jitter, here in one interpolation; blur; noise.
"""

from __future__ import annotations

import math

import kornia.filters
import kornia.geometry.transform
import torch
import torch.nn.functional as F

from astroclip_book.imaging import MAX_REDDENING, PSF_SIGMA, REDDENING, SKY_NOISE, TRANSMISSION

SIZE_RANGE = (0.9, 1.1)
JITTER = 7  # pixels of 0.262 arcsec
SOFTENING = 30  # median sky noises of a pixel, below which the stretch is linear


def bin_images(images: torch.Tensor, binning: int) -> torch.Tensor:
    """(n, h, w, 3) nanomaggies to (n, 3, h / binning, w / binning), the mean over each square of pixels."""
    return F.avg_pool2d(images.permute(0, 3, 1, 2), binning)


def centre(images: torch.Tensor, size: int) -> torch.Tensor:
    """The central square of (n, 3, h, w)."""
    start = (images.shape[-1] - size) // 2
    return images[..., start : start + size, start : start + size]


def stretch(images: torch.Tensor) -> torch.Tensor:
    """Nanomaggies (n, 3, h, w) in g, r, z to a brightness and two colours (n, 3, h, w).

    Each band is first brought to asinh units (Lupton, Gunn & Szalay 1999, https://doi.org/10.1086/301004): linear in faint
    light, so that the noise of dark pixels stays small beside a galaxy, logarithmic in its centre. Brightness is half
    the sum of the bands, colours are twice r - g and z - r: the differences that tell a redshift are small
    beside the light that all bands share.
    """
    softening = SOFTENING * torch.tensor([median(law) for law in SKY_NOISE], device=images.device)
    g, r, z = torch.asinh(images / softening.view(3, 1, 1)).unbind(1)
    return torch.stack([(g + r + z) / 2, 2 * (r - g), 2 * (z - r)], 1)


def median(lognormal: tuple[float, float, float]) -> float:
    """Median of a log-normal distribution given as (shape, location, scale)."""
    return lognormal[1] + lognormal[2]


def augment(images: torch.Tensor, size: int, binning: int, generator: torch.Generator) -> torch.Tensor:
    """One random view of each image.

    Parameters
    ----------
    images : (n, 3, h, w) float32 tensor
        Nanomaggies, already binned.
    size : int
        Side of the view in binned pixels.
    binning : int
        Original pixels per binned pixel, in which the constants above are expressed.
    generator : torch.Generator
        On the images' device.

    Returns
    -------
    (n, 3, size, size) float32 tensor, nanomaggies
    """
    images = images * transmission(len(images), generator).view(-1, 3, 1, 1)
    images = move(images, size, JITTER / binning, generator)
    images = blur(images, binning, generator)
    return images + noise(images.shape, binning, generator)


def _lognormal(parameters, n: int, generator: torch.Generator) -> torch.Tensor:
    """(n, len(parameters)) draws from log-normals (shape, location, scale)."""
    shape, location, scale = torch.tensor(parameters, device=generator.device).unbind(-1)
    normal = torch.randn(n, len(parameters), generator=generator, device=generator.device)
    return location + scale * torch.exp(shape * normal)


def transmission(n: int, generator: torch.Generator) -> torch.Tensor:
    """Flux ratios (n, 3) in g, r, z behind a random column of Galactic dust."""
    colour_excess = _lognormal((REDDENING,), n, generator).clamp(0, MAX_REDDENING)
    return 10 ** (colour_excess * torch.tensor(TRANSMISSION, device=generator.device))


def move(images: torch.Tensor, size: int, jitter: float, generator: torch.Generator) -> torch.Tensor:
    """Flip, rotate by any angle, resize by up to 10 % and shift by up to ``jitter`` pixels, in one interpolation."""
    n, side = len(images), images.shape[-1]

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, generator=generator, device=generator.device)

    angle, scale = uniform(0, 2 * math.pi), uniform(*SIZE_RANGE)
    flip = torch.where(uniform(-1, 1) > 0, 1.0, -1.0)
    cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
    old, new = (side - 1) / 2, (size - 1) / 2
    x = new + uniform(-jitter, jitter) - old * (flip * cosine - sine)
    y = new + uniform(-jitter, jitter) - old * (flip * sine + cosine)
    matrix = torch.stack([flip * cosine, -sine, x, flip * sine, cosine, y], 1).view(n, 2, 3)
    # Interpolation spreads a pixel's flux over scale² pixels: divide, so that a resized galaxy keeps its total flux.
    moved = kornia.geometry.transform.warp_affine(images, matrix, (size, size), align_corners=True)
    return moved / scale.square().view(n, 1, 1, 1)


def blur(images: torch.Tensor, binning: int, generator: torch.Generator) -> torch.Tensor:
    """Widen each band's PSF to a random seeing, where that is worse than the survey's median: only the excess is added."""
    n, _, height, width = images.shape
    target = _lognormal(PSF_SIGMA, n, generator)
    own = torch.tensor([median(p) for p in PSF_SIGMA], device=generator.device)
    excess = (target.square() - own.square()).clamp(min=1e-4).sqrt() / binning
    kernel = 2 * math.ceil(6 / binning) + 1
    flat = images.reshape(n * 3, 1, height, width)
    sigma = excess.clamp(max=3 / binning).reshape(n * 3, 1).expand(-1, 2)
    return kornia.filters.gaussian_blur2d(flat, kernel, sigma).view_as(images)


def noise(shape: torch.Size, binning: int, generator: torch.Generator) -> torch.Tensor:
    """Sky noise of this shape (n, 3, h, w): the excess of a random depth over the survey's median depth."""
    target = _lognormal(SKY_NOISE, shape[0], generator)
    own = torch.tensor([median(p) for p in SKY_NOISE], device=generator.device)
    excess = (target.square() - own.square()).clamp(min=0).sqrt() / binning
    return excess.view(-1, 3, 1, 1) * torch.randn(shape, generator=generator, device=generator.device)
