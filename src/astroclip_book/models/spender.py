"""Spender's encoder of spectra (Melchior et al. 2023, https://doi.org/10.3847/1538-3881/ace0ff), written anew.

Its own code is https://github.com/pmelchior/spender.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book.data.pairs import N_WAVELENGTH, WAVELENGTH

KERNELS = (5, 11, 21)  # of the convolutions; the first two also pool by as much
OCTAVES = 6  # of the positional encoding: the shortest wave is 390 angstrom long
PLACES = WAVELENGTH[:: KERNELS[0] * KERNELS[1]]  # angstrom, where the attention weighs what it reads


class SpectrumEncoder(nn.Module):
    """Three convolutions, attention over wavelength, and a small network to ``n_latent`` latents.

    The function is that of ``spender.SpectrumEncoder``; a ``width`` of 128 channels of the first block gives the published
    network, whose features have the length 2 * 128. With ``position`` it has one thing more: a learned pattern over wavelength is
    added to the first convolution, the positional encoding of transformers (Vaswani et al. 2017, arXiv:1706.03762, section
    3.5). Without it, that a pair of lines is [O III] can be learned, but hardly where it is.
    """

    def __init__(self, width: int, n_latent: int, position: bool):
        super().__init__()
        channels = (1, width, 2 * width, 4 * width)
        for i, (n_in, n_out) in enumerate(itertools.pairwise(channels)):
            convolution = nn.Conv1d(n_in, n_out, KERNELS[i], padding=KERNELS[i] // 2)
            convolution.bias.requires_grad_(False)  # the norm that follows takes any constant away
            self.add_module(f"conv{i + 1}", nn.Sequential(convolution, nn.InstanceNorm1d(n_out), nn.PReLU(n_out)))
        self.position = nn.Linear(2 * OCTAVES, width, bias=False) if position else None
        place = torch.linspace(0, 1, N_WAVELENGTH)[:, None] * torch.pi * 2.0 ** torch.arange(OCTAVES)
        self.register_buffer("waves", torch.cat([place.sin(), place.cos()], 1), persistent=False)
        self.n_features = 2 * width
        self.mlp = mlp((self.n_features, 128, 64, 32, n_latent))

    def attention(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised spectra (n, 7781) to what is read and how much each of `PLACES` counts, both (n, n_features, 142).

        The weights of the places have the sum 1.
        """
        y = _convolved(self.conv1[0], x[:, None, None])
        if self.position is not None:
            y = y + self.position(self.waves).T.unsqueeze(1)
        y = _activate_pooled(self.conv1[2], F.instance_norm(y), KERNELS[0])
        y = _activate_pooled(self.conv2[2], F.instance_norm(_convolved(self.conv2[0], y)), KERNELS[1])
        y = self.conv3[2](F.instance_norm(_convolved(self.conv3[0], y)))
        values, attention = y.squeeze(2).chunk(2, dim=1)
        return values, attention.float().softmax(-1)

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised spectra (n, 7781) to attended features (n, n_features)."""
        values, weights = self.attention(x)
        return (values * weights).sum(-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised spectra (n, 7781) to latents (n, n_latent)."""
        return self.mlp(self.attend(x))


def _convolved(convolution: nn.Conv1d, y: torch.Tensor) -> torch.Tensor:
    """Convolution of (n, c, 1, p): with channels last in memory, an image of one row takes a CPU two thirds of the time of a sequence."""
    kernel = convolution.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    return F.conv2d(y, kernel, padding=(0, convolution.padding[0]))  # without bias: a norm follows


def _activate_pooled(activation: nn.PReLU, y: torch.Tensor, size: int) -> torch.Tensor:
    """Max-pooling of activations, pooled first, as fewer values are then activated; a negative slope needs the least ones."""

    def largest(y: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(y, (1, size), padding=(0, size // 2))

    y = y.contiguous(memory_format=torch.channels_last)
    if bool((activation.weight >= 0).all()):
        return activation(largest(y))
    return torch.maximum(activation(largest(y)), activation(-largest(-y)))


def mlp(sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers of these sizes with PReLU between them, none after the last."""
    layers = [layer for n_in, n_out in itertools.pairwise(sizes) for layer in (nn.Linear(n_in, n_out), nn.PReLU(n_out))]
    return nn.Sequential(*layers[:-1])
