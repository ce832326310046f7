"""Spender's spectrum encoder and a rest-frame decoder.

Melchior et al. 2023, AJ 166, 74, https://doi.org/10.3847/1538-3881/ace0ff; code https://github.com/pmelchior/spender.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import nn

from astroclip_book.pairs import N_WAVELENGTH

KERNELS = (5, 11, 21)
OCTAVES = 6  # of the positional encoding: the shortest wave is 390 angstrom long


class SpectrumEncoder(nn.Module):
    """Three convolutions, attention over wavelength, and a small network to the latents.

    To Spender's function this one adds a learned pattern over wavelength to the first convolution, the positional encoding
    of transformers (Vaswani et al. 2017, arXiv:1706.03762, section 3.5). Convolutions and attention see patterns, not
    places; without it, that a pair of lines is [O III] can be learned, but hardly where it is. With ``position`` zero the
    function is Spender's.

    Parameters
    ----------
    width : int
        Channels of the first block; 128 gives the published network.
    n_latent : int
        Length of the latent vector.

    Attributes
    ----------
    n_features : int
        Length of the attended feature vector, ``2 * width`` (256 in the published network).
    """

    def __init__(self, width: int, n_latent: int):
        super().__init__()
        channels = (1, width, 2 * width, 4 * width)
        self.conv1, self.conv2, self.conv3 = (
            nn.Sequential(
                nn.Conv1d(channels[i], channels[i + 1], kernel, padding=kernel // 2),
                nn.InstanceNorm1d(channels[i + 1]),
                nn.PReLU(channels[i + 1]),
            )
            for i, kernel in enumerate(KERNELS)
        )
        self.pool1, self.pool2 = nn.MaxPool1d(KERNELS[0]), nn.MaxPool1d(KERNELS[1])
        self.position = nn.Linear(2 * OCTAVES, width, bias=False)
        self.register_buffer("waves", waves(), persistent=False)
        self.n_features = 2 * width
        self.mlp = mlp((self.n_features, 128, 64, 32, n_latent))

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised spectra (n, 7781) to attended features (n, n_features)."""
        place = self.position(self.waves).T
        x = _normalise_and_pool(self.conv1, self.pool1, self.conv1[0](x.unsqueeze(1)) + place)
        x = self.conv3(_normalise_and_pool(self.conv2, self.pool2, self.conv2[0](x)))
        values, attention = x.chunk(2, dim=1)
        return (values * attention.float().softmax(-1)).sum(-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised spectra (n, 7781) to latents (n, n_latent)."""
        return self.mlp(self.attend(x))


def waves() -> torch.Tensor:
    """Sines and cosines over the spectrum, (7781, 2 * OCTAVES): half a period and its octaves."""
    place = torch.linspace(0, 1, N_WAVELENGTH)[:, None] * torch.pi * 2.0 ** torch.arange(OCTAVES)
    return torch.cat([place.sin(), place.cos()], 1)


def _normalise_and_pool(block: nn.Sequential, pool: nn.MaxPool1d, x: torch.Tensor) -> torch.Tensor:
    """``pool`` of a block after its convolution, the activation on the pooled values where it keeps their order: faster."""
    _, norm, activation = block
    x = norm(x)
    return activation(pool(x)) if bool((activation.weight >= 0).all()) else pool(activation(x))


def mlp(sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers of these sizes with PReLU between them, none after the last."""
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(n_in, n_out), nn.PReLU(n_out)]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))


class RestFrameDecoder(nn.Module):
    """Latents to a rest-frame spectrum, seen at any redshift.

    Parameters
    ----------
    n_latent : int
    wavelength : (p,) tensor
        Observed wavelengths in Å.
    n_rest : int
        Pixels of the rest-frame grid, uniform in log wavelength.
    z_max : float
        Largest redshift at which the whole observed range stays on the grid.
    """

    def __init__(self, n_latent: int, wavelength: torch.Tensor, n_rest: int, z_max: float = 0.8):
        super().__init__()
        self.mlp = mlp((n_latent, 64, 256, n_rest))
        low, high = wavelength[0] / (1 + z_max), wavelength[-1]
        self.log_low, self.n_rest = low.log().item(), n_rest
        self.log_step = (high.log().item() - self.log_low) / (n_rest - 1)
        self.n_shifts = int(math.log1p(z_max) / self.log_step) + 1
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
        """How much of x a rest-frame spectrum explains at each redshift, its amplitude and level being free.

        The cross-correlation of Tonry & Davis (1979, https://doi.org/10.1086/112569) in units of the noise.

        Parameters
        ----------
        rest : (n, n_rest) tensor
        x : (n, p) tensor
            Observed spectra without their level, divided by ``noise``.
        noise : (p,) tensor

        Returns
        -------
        (n, n_shifts) tensor
            Decrease of the sum of squares, at redshifts of equal steps in log(1 + z) from 0 on.
        """
        weight = self._gather_light(noise[None] ** -2)
        cross = self._correlate(self._gather_light(x / noise), rest)
        norm = self._correlate(weight, rest.square()) - self._correlate(weight, rest).square() / weight.sum()
        return cross.clamp(min=0).square() / norm.clamp(min=1e-6 * norm.amax())

    def _gather_light(self, values: torch.Tensor) -> torch.Tensor:
        """(n, p) on the observed grid to sums (n, n_rest) on the logarithmic one: the adjoint of `observe` at z = 0."""
        left = self.place.long().expand(len(values), -1)
        fraction = (self.place - self.place.long()).float()
        empty = values.new_zeros(len(values), self.n_rest + 1)
        return empty.scatter_add(1, left, values * (1 - fraction)).scatter_add(1, left + 1, values * fraction)[:, :-1]

    def _correlate(self, observed: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        size = 2 ** (self.n_rest + self.n_shifts).bit_length()
        product = torch.fft.rfft(observed, size) * torch.fft.rfft(rest, size).conj()
        return torch.fft.irfft(product, size)[:, : self.n_shifts]
