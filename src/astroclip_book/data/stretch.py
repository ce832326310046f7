"""What a network is shown of an image: nanomaggies brought to a range that it can learn from, in a form chosen by name."""

from __future__ import annotations

import math

import torch

from astroclip_book.data.imaging import SKY_NOISE

SOFTENING = 30  # median sky noises of a pixel, below which the colours' stretch is linear
# The Legacy Surveys' viewer, as Stein et al. 2022 (https://doi.org/10.3847/1538-4357/ac6d63) take it over.
RGB_SCALES = (6.0, 3.4, 2.2)  # g, r, z
RGB_OFFSET, RGB_SOFTENING = 0.03, 20.0


def network_input(images: torch.Tensor, name: str) -> torch.Tensor:
    """Nanomaggies (n, 3, h, w) in g, r, z as a network is to see them, (n, 3, h, w), by a name of `INPUTS`."""
    return INPUTS[name](images)


def colours(images: torch.Tensor) -> torch.Tensor:
    """A brightness, half the sum of the bands, and two colours, twice r - g and z - r, which tell a redshift.

    Each band is first brought to asinh units (Lupton, Gunn & Szalay 1999, https://doi.org/10.1086/301004): linear in faint
    light, so that the noise of dark pixels stays small beside a galaxy, logarithmic in its centre.
    """
    medians = [location + scale for _, location, scale in SKY_NOISE]
    g, r, z = torch.asinh(images / (SOFTENING * torch.tensor(medians, device=images.device).view(3, 1, 1))).unbind(1)
    return torch.stack([(g + r + z) / 2, 2 * (r - g), 2 * (z - r)], 1)


def rgb(images: torch.Tensor) -> torch.Tensor:
    """Red, green, blue in [0, 1], made of z, r, g as the Legacy Surveys' viewer and AstroCLIP v1 (arXiv:2310.03024) do.

    The stretch is that of Lupton et al. 2004 (https://doi.org/10.1086/382245).
    """
    scales, gain = _viewer(images)
    return ((images * scales + RGB_OFFSET) * gain).clamp(0, 1).flip(1)


def rgb_stein(images: torch.Tensor) -> torch.Tensor:
    """The same as the code of Stein et al. 2022 has it, without parentheses: bright light is not compressed but cut."""
    scales, gain = _viewer(images)
    return (images * (scales + RGB_OFFSET * gain)).clamp(0, 1).flip(1)


def _viewer(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scales (3, 1, 1) of the bands, and the gain (n, 1, h, w) that makes brightness logarithmic."""
    scales = torch.tensor(RGB_SCALES, device=images.device).view(3, 1, 1)
    brightness = (images * scales + RGB_OFFSET).clamp(min=0).mean(1, keepdim=True)
    stretched = torch.asinh(RGB_SOFTENING * brightness) / math.sqrt(RGB_SOFTENING)
    # Where all bands are far below the sky there is no light to stretch, and nothing to divide by.
    return scales, stretched / torch.where(brightness == 0, 1e-6, brightness)


INPUTS = {"colours": colours, "rgb": rgb, "rgb_stein": rgb_stein, "nanomaggies": lambda images: images}
