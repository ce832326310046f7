"""Spectra as other instruments and pipelines might give them: what trainings see in the place of the observed ones."""

from __future__ import annotations

from collections.abc import Callable

import torch

from astroclip_book.data.pairs import N_WAVELENGTH

SPARED = 0.2  # of the spectra that `distorted` leaves as they are; each distortion spares half of the others


def distorted(flux: torch.Tensor, sigma: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Spectra (n, 7781) as other instruments and pipelines might give them, for trainings; ``sigma`` is their noise at each pixel.

    Each is distorted in its own way, up to somewhat more than strongly: calibration, noise, resolution, gaps. Three
    `nuisances` are left out: the level, which encoders subtract, and ``arms`` and ``fringes``, which tell whether robustness reaches
    what was never drawn.
    """
    n, device = len(flux), flux.device

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, device=device)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device=device)

    tilt, wave, noise, smoothing, gaps = (2 * uniform(5, n, 1) - 1).clamp(min=0) * (uniform(n, 1) > SPARED)
    x = torch.linspace(-1, 1, N_WAVELENGTH, device=device)
    chebyshev = torch.cos(torch.arange(6, device=device)[:, None] * x.acos())
    slope = 0.6 * tilt * torch.where(uniform(n, 1) < 0.5, -1, 1)
    response = 1 + slope * x + 0.15 * wave * normal(n, 6) @ chebyshev
    flux = flux * response.clamp(min=0.1) + 2 * noise * sigma * normal(*flux.shape)
    for _ in range(2):  # with the neighbours, by shares that change over the spectrum, as if resampled
        share = 0.7 * smoothing * torch.lerp(uniform(n, 1), uniform(n, 1), (x + 1) / 2)
        beside = torch.nn.functional.pad(flux, (1, 1), mode="replicate")
        flux = torch.lerp(flux, (beside[:, :-2] + beside[:, 2:]) / 2, share)
    return _bridged(flux, gaps, uniform)


def _bridged(flux: torch.Tensor, strength: torch.Tensor, uniform: Callable) -> torch.Tensor:
    """Spectra (n, 7781) with both ends and up to 16 stretches lost, and filled by straight lines between what is left."""
    n, pixel = len(flux), torch.arange(N_WAVELENGTH, device=flux.device)
    start = N_WAVELENGTH * uniform(n, 16)
    end = (start + 200 * strength * uniform(n, 16)).clamp(max=N_WAVELENGTH)
    begun = torch.zeros(n, N_WAVELENGTH + 1, device=flux.device)  # those that begin at a pixel less those that end
    begun.scatter_add_(1, start.long(), torch.ones_like(start))
    begun.scatter_add_(1, end.long(), -torch.ones_like(start))
    lost = begun[:, :-1].cumsum(1) > 0
    first, last = 400 * strength * uniform(n, 1), N_WAVELENGTH - 1 - 1000 * strength * uniform(n, 1)
    lost |= (pixel < first) | (pixel > last)
    # The nearest pixels to either side that are left; where there is none, the one on the other side.
    left = torch.where(lost, -1, pixel).cummax(1).values
    right = torch.where(lost, N_WAVELENGTH, pixel).flip(1).cummin(1).values.flip(1)
    left, right = torch.where(left < 0, right, left), torch.where(right == N_WAVELENGTH, left, right)
    share = (pixel - left) / (right - left).clamp(min=1)
    return torch.lerp(flux.gather(1, left), flux.gather(1, right), share)
