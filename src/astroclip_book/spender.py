"""Spender's spectrum encoder and a rest-frame decoder.

Melchior et al. 2023, AJ 166, 74, https://doi.org/10.3847/1538-3881/ace0ff; code https://github.com/pmelchior/spender.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

KERNELS = (5, 11, 21)


class SpectrumEncoder(nn.Module):
    """Three convolutions, attention over wavelength, and a small network to the latents.

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
        self.n_features = 2 * width
        self.mlp = mlp((self.n_features, 128, 64, 32, n_latent))

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised spectra (n, 7781) to attended features (n, n_features)."""
        x = _convolve_and_pool(self.conv1, self.pool1, x.unsqueeze(1))
        x = self.conv3(_convolve_and_pool(self.conv2, self.pool2, x))
        values, attention = x.chunk(2, dim=1)
        return (values * attention.float().softmax(-1)).sum(-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised spectra (n, 7781) to latents (n, n_latent)."""
        return self.mlp(self.attend(x))


def _convolve_and_pool(block: nn.Sequential, pool: nn.MaxPool1d, x: torch.Tensor) -> torch.Tensor:
    """``pool(block(x))``, with the activation on the pooled values where it keeps their order: a third faster."""
    convolution, norm, activation = block
    x = norm(convolution(x))
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
        self.register_buffer("log_wavelength", wavelength.double().log(), persistent=False)

    @property
    def rest_wavelength(self) -> torch.Tensor:
        """(n_rest,) Å."""
        return torch.exp(self.log_low + self.log_step * torch.arange(self.n_rest, dtype=torch.float64))

    def forward(self, latent: torch.Tensor, redshift: torch.Tensor) -> torch.Tensor:
        """(n, n_latent) and (n,) to spectra on the observed grid (n, p), by linear interpolation."""
        rest = self.mlp(latent).float()
        position = (self.log_wavelength - torch.log1p(redshift.double())[:, None] - self.log_low) / self.log_step
        position = position.clamp(0, self.n_rest - 1.001).float()
        left = position.long()
        fraction = position - left
        return torch.lerp(rest.gather(1, left), rest.gather(1, left + 1), fraction)
