"""What the encoders see of images: binned ones and augmented views of them, stretched to a range that a network can learn from.

The augmentations are those of Stein et al. 2022 (https://doi.org/10.3847/1538-4357/ac6d63), in their order and with their
constants, each drawn for each object: Galactic reddening; flips, rotation, size and jitter, here in one interpolation;
blur; noise.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from kornia.filters import filter2d_separable, get_gaussian_kernel1d
from kornia.geometry.transform import get_affine_matrix2d, warp_affine

from astroclip_book.config import ImageEncoder
from astroclip_book.data.pairs import MAX_REDDENING, PIXEL_SCALE, PSF_SIGMA, REDDENING, SKY_NOISE, TRANSMISSION

SIZE_RANGE = (0.9, 1.1)
JITTER = 7  # pixels of 0.262 arcsec
BLUR_REACH = 6  # pixels of 0.262 arcsec from a point to where its blurred image ends; one σ in a hundred is above 2.3
SOFTENING = 30  # median sky noises of a pixel, below which the colours' stretch is linear
RADII = tuple(0.5 * 2 ** (i / 2) for i in range(9))  # arcsec, of the circles whose light joins the features
CALIBRATION = 0.02  # mag, what the zero point of a band may be off by
CLIPPED, LEAST = 0.25, 0.2  # share of views with a clipped core; of the brightest pixel, what is left of it at least
# The Legacy Surveys' viewer, as Stein et al. 2022 take it over.
RGB_SCALES = (6.0, 3.4, 2.2)  # g, r, z
RGB_OFFSET, RGB_SOFTENING = 0.03, 20.0


def bin_images(images: torch.Tensor, binning: int) -> torch.Tensor:
    """(n, h, w, 3) nanomaggies to (n, 3, h / binning, w / binning), the mean over each square of pixels."""
    return F.avg_pool2d(images.permute(0, 3, 1, 2), binning)


def centre(images: torch.Tensor, size: int) -> torch.Tensor:
    """The central square of (n, 3, h, w)."""
    start = (images.shape[-1] - size) // 2
    return images[..., start : start + size, start : start + size]


def seen(images: torch.Tensor, config: ImageEncoder, generator: torch.Generator | None = None) -> torch.Tensor:
    """What a network is shown of binned images (n, 3, h, w), (n, 3, size, size): their centre or, with a generator, a random view."""
    size = config.field // config.binning
    if generator:
        images = augment(images, size, config.binning, generator, config.size_keeps)
    return INPUTS[config.input](centre(images, size)).contiguous(memory_format=torch.channels_last)


def augment(images: torch.Tensor, size: int, binning: int, generator: torch.Generator, keep: str) -> torch.Tensor:
    """One random view (n, 3, size, size) of each image (n, 3, h, w) in g, r, z, nanomaggies.

    ``binning`` says how many original pixels, in which the constants above are expressed, make one of the images'. A galaxy
    that is made larger or smaller keeps its ``surface_brightness``, as published, or its ``flux``.
    """
    images = images * reddening(len(images), generator).view(-1, 3, 1, 1)
    # The blur, the same in all directions, commutes with the shift of the jitter. Published views are cut out of the
    # blurred image: so are these, out of just as much of it as the blur reaches.
    images = move(images, size + 2 * _reach(binning), binning, generator, keep)
    images = blur(images, binning, generator)
    return images + noise(images.shape, binning, generator)


def spoiled(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Images (n, 3, h, w) as calibration and a camera may spoil them: each band's zero point is off, and some cores are clipped.

    A clipped core ends at a share of the brightest pixel in each band, as in images made from a JPEG.
    """
    n, device = len(images), generator.device
    images = images * 10 ** (-0.4 * CALIBRATION * torch.randn(n, 3, 1, 1, generator=generator, device=device))
    clipped, share = torch.rand(2, n, 1, 1, 1, generator=generator, device=device)
    share = torch.where(clipped < CLIPPED, LEAST + (1 - LEAST) * share, 1)
    return images.minimum(share * images.amax((2, 3), keepdim=True))


def apertures(images: torch.Tensor, binning: int) -> torch.Tensor:
    """Light in circles of `RADII` around the centre of binned images (n, 3, h, w), (n, 27): r, then g - r, then r - z in each.

    These are natural logarithms of nanomaggies, linear where a circle holds less than the median sky's noise does (Lupton et al.
    1999, https://doi.org/10.1086/301004). That noise is the same for all images, so that depth does not change what they say.
    """
    axis = (torch.arange(images.shape[-1], device=images.device) - (images.shape[-1] - 1) / 2) * binning
    distance = torch.hypot(axis, axis[:, None]).flatten()
    weights = torch.stack([((radius / PIXEL_SCALE - distance) / binning + 0.5).clamp(0, 1) for radius in RADII])
    flux = binning**2 * images.flatten(2) @ weights.T
    medians = torch.tensor([location + scale for _, location, scale in SKY_NOISE], device=images.device)
    noise = medians[:, None] * binning * weights.square().sum(1).sqrt()
    g, r, z = (torch.asinh(flux / (2 * noise)) + noise.log()).unbind(1)
    return torch.cat([r, g - r, r - z], 1)


def reddening(n: int, generator: torch.Generator) -> torch.Tensor:
    """Flux ratios (n, 3) in g, r, z between one random column of Galactic dust and another, which is taken away."""
    new, old = _lognormal((REDDENING, REDDENING), n, generator).clamp(max=MAX_REDDENING).unbind(1)
    return 10 ** ((new - old)[:, None] * torch.tensor(TRANSMISSION, device=generator.device))


def move(images: torch.Tensor, size: int, binning: int, generator: torch.Generator, keep: str) -> torch.Tensor:
    """Flip, rotate by any angle, resize by up to 10 % and shift by whole original pixels; zero outside the images."""
    n, side, device = len(images), images.shape[-1], generator.device
    angle, scale, *flips = torch.rand(4, n, generator=generator, device=device)
    smallest, largest = torch.tensor(SIZE_RANGE, device=device)
    scale = torch.lerp(smallest, largest, scale)
    flips = torch.where(torch.stack(flips, 1) < 0.5, -1.0, 1.0)
    jitter = torch.randint(-JITTER, JITTER + 1, (2, n), generator=generator, device=device).T / binning
    middle = torch.full((n, 2), (side - 1) / 2, device=device)
    matrix = get_affine_matrix2d(jitter + (size - side) / 2, middle, scale[:, None] * flips, 360 * angle)
    moved = warp_affine(images, matrix[:, :2], (size, size), align_corners=True)
    # Flux that is kept is spread over scale² times the pixels.
    return moved / scale.square().view(n, 1, 1, 1) if keep == "flux" else moved


def blur(images: torch.Tensor, binning: int, generator: torch.Generator) -> torch.Tensor:
    """Widen each band's PSF from one random seeing to another, where that is worse: only the excess is added.

    Only pixels whose surroundings, 6 original pixels, are within the image are returned: no border has to be invented.
    """
    # A width of zero has no Gaussian; a hundredth of a pixel is one that leaves images as they are.
    sigma = (_excess(PSF_SIGMA, len(images), generator) / binning).clamp(min=0.01)
    kernel = get_gaussian_kernel1d(2 * _reach(binning) + 1, sigma.view(-1, 1))
    # gaussian_blur2d does the same with a padded border, in twice the time.
    blurred = filter2d_separable(images.flatten(0, 1)[:, None], kernel, kernel, padding="valid")
    return blurred.view(len(images), 3, *blurred.shape[-2:])


def noise(shape: torch.Size, binning: int, generator: torch.Generator) -> torch.Tensor:
    """Sky noise of this shape (n, 3, h, w), white: the excess of one random depth over another, where that is shallower."""
    sigma = _excess(SKY_NOISE, shape[0], generator) / binning
    return torch.randn(shape, generator=generator, device=generator.device).mul_(sigma.view(-1, 3, 1, 1))


def _reach(binning: int) -> int:
    return math.ceil(BLUR_REACH / binning)


def _lognormal(laws: tuple, n: int, generator: torch.Generator) -> torch.Tensor:
    """(n, len(laws)) draws from log-normals (shape, location, scale)."""
    shape, location, scale = torch.tensor(laws, device=generator.device).unbind(-1)
    return location + scale * torch.exp(shape * torch.randn(n, len(laws), generator=generator, device=generator.device))


def _excess(laws: tuple, n: int, generator: torch.Generator) -> torch.Tensor:
    """(n, len(laws)) widths that turn a random width into another, in quadrature; zero where that is the smaller."""
    final, true = _lognormal(laws + laws, n, generator).chunk(2, 1)
    return (final.square() - true.square()).clamp(min=0).sqrt()


def colours(images: torch.Tensor) -> torch.Tensor:
    """A brightness, half the sum of the bands, and two colours, twice r - g and z - r, which tell a redshift.

    Each band is first brought to asinh units (Lupton, Gunn & Szalay 1999, https://doi.org/10.1086/301004): linear in faint
    light, so that the noise of dark pixels stays small beside a galaxy, logarithmic in its centre.
    """
    medians = [location + scale for _, location, scale in SKY_NOISE]
    g, r, z = torch.asinh(images / (SOFTENING * torch.tensor(medians, device=images.device).view(3, 1, 1))).unbind(1)
    return torch.stack([(g + r + z) / 2, 2 * (r - g), 2 * (z - r)], 1)


def rgb(images: torch.Tensor, slip: bool = False) -> torch.Tensor:
    """Red, green, blue in [0, 1], made of z, r, g as the Legacy Surveys' viewer and AstroCLIP v1 (arXiv:2310.03024) do.

    The stretch is that of Lupton et al. 2004 (https://doi.org/10.1086/382245). The code of Stein et al. 2022 has it without
    parentheses: by this ``slip``, bright light is not compressed but cut.
    """
    scales = torch.tensor(RGB_SCALES, device=images.device).view(3, 1, 1)
    brightness = (images * scales + RGB_OFFSET).clamp(min=0).mean(1, keepdim=True)
    stretched = torch.asinh(RGB_SOFTENING * brightness) / math.sqrt(RGB_SOFTENING)
    # Where all bands are far below the sky there is no light to stretch, and nothing to divide by.
    gain = stretched / torch.where(brightness == 0, 1e-6, brightness)
    shown = images * (scales + RGB_OFFSET * gain) if slip else (images * scales + RGB_OFFSET) * gain
    return shown.clamp(0, 1).flip(1)


# By name, nanomaggies (n, 3, h, w) in g, r, z to what a network sees of them, (n, 3, h, w).
INPUTS = {"colours": colours, "rgb": rgb, "rgb_stein": functools.partial(rgb, slip=True), "nanomaggies": lambda x: x}
