"""From latents to spectra: at rest, at any redshift, and matched blindly to what was observed."""

import math

import torch
from torch import nn

from astroclip_book.data.pairs import REDSHIFTS
from astroclip_book.models.spender import mlp

Z_MAX = REDSHIFTS[1]  # largest redshift at which the whole observed range stays on the grid at rest


class RestFrameDecoder(nn.Module):
    """Latents (n, n_latent) to rest-frame spectra (n, n_rest), seen at any redshift; the observed ``wavelength`` (p,) is in Å.

    As Spender's decoder (Melchior et al. 2023, https://doi.org/10.3847/1538-3881/ace0ff) it transforms a small network's
    rest-frame spectrum; the network is smaller, and the grid uniform in log wavelength, where redshift is a shift.
    """

    def __init__(self, n_latent: int, wavelength: torch.Tensor, n_rest: int):
        super().__init__()
        self.mlp = mlp((n_latent, 64, 256, n_rest))
        low, high = wavelength[0] / (1 + Z_MAX), wavelength[-1]
        self.log_low, self.n_rest = low.log().item(), n_rest
        self.log_step = (high.log().item() - self.log_low) / (n_rest - 1)
        self.n_shifts = int(math.log1p(Z_MAX) / self.log_step) + 1
        place = (wavelength.double().log() - self.log_low) / self.log_step  # of each observed pixel, at z = 0
        self.register_buffer("place", place.clamp(max=n_rest - 1), persistent=False)

    @property
    def rest_wavelength(self) -> torch.Tensor:
        """(n_rest,) Å."""
        return torch.exp(self.log_low + self.log_step * torch.arange(self.n_rest, dtype=torch.float64))

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """(n, n_latent) to rest-frame spectra (n, n_rest)."""
        return self.mlp(latent).float()

    def observe(self, rest: torch.Tensor, redshift: torch.Tensor) -> torch.Tensor:
        """Rest-frame spectra (n, n_rest) at redshifts (n,), on the observed grid (n, p), by linear interpolation."""
        place = self.place - torch.log1p(redshift.double())[:, None] / self.log_step
        place = place.clamp(0, self.n_rest - 1.001).float()
        left = place.long()
        return torch.lerp(rest.gather(1, left), rest.gather(1, left + 1), place - left)

    def match(self, rest: torch.Tensor, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """How much of observed spectra x (n, p), without level and divided by ``noise`` (p,), a rest-frame spectrum explains.

        The cross-correlation of Tonry & Davis (1979, https://doi.org/10.1086/112569) in units of the noise, the template's
        amplitude and level being free: decrease of the sum of squares (n, n_shifts) at equal steps in log(1 + z) from 0 on.
        """
        weight = self._gather_light(noise[None] ** -2)
        size = 2 ** (self.n_rest + self.n_shifts).bit_length()
        template, square = (torch.fft.rfft(values, size).conj() for values in (rest, rest.square()))

        def correlate(observed: torch.Tensor, transform: torch.Tensor) -> torch.Tensor:
            return torch.fft.irfft(torch.fft.rfft(observed, size) * transform, size)[:, : self.n_shifts]

        cross = correlate(self._gather_light(x / noise), template)
        norm = correlate(weight, square) - correlate(weight, template).square() / weight.sum()
        return cross.clamp(min=0).square() / norm.clamp(min=1e-6 * norm.amax())

    def _gather_light(self, values: torch.Tensor) -> torch.Tensor:
        """(n, p) on the observed grid to sums (n, n_rest) on the logarithmic one: the adjoint of `observe` at z = 0."""
        left = self.place.long().expand(len(values), -1)
        fraction = (self.place - self.place.long()).float()
        empty = values.new_zeros(len(values), self.n_rest + 1)
        return empty.scatter_add(1, left, values * (1 - fraction)).scatter_add(1, left + 1, values * fraction)[:, :-1]
