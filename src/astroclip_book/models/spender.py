"""Spender's spectrum encoder.

Melchior et al. 2023, AJ 166, 74, https://doi.org/10.3847/1538-3881/ace0ff; code https://github.com/pmelchior/spender.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book.data.pairs import N_WAVELENGTH

KERNELS = (5, 11, 21)  # of the convolutions; the first two also pool by as much
OCTAVES = 6  # of the positional encoding: the shortest wave is 390 angstrom long


class SpectrumEncoder(nn.Module):
    """Three convolutions, attention over wavelength, and a small network to the latents.

    The function is that of ``spender.SpectrumEncoder``, computed faster. With ``position`` it has one thing more: a
    learned pattern over wavelength is added to the first convolution, the positional encoding of transformers (Vaswani et
    al. 2017, arXiv:1706.03762, section 3.5). Convolutions and attention see patterns, not places; without it, that a
    pair of lines is [O III] can be learned, but hardly where it is.

    Parameters
    ----------
    width : int
        Channels of the first block; 128 gives the published network.
    n_latent : int
        Length of the latent vector.
    position : bool

    Attributes
    ----------
    n_features : int
        Length of the attended feature vector, ``2 * width`` (256 in the published network).
    """

    def __init__(self, width: int, n_latent: int, position: bool):
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
        for block in (self.conv1, self.conv2, self.conv3):
            block[0].bias.requires_grad_(False)  # the norm that follows takes any constant away
        self.position = nn.Linear(2 * OCTAVES, width, bias=False) if position else None
        self.register_buffer("waves", waves(), persistent=False)
        self.n_features = 2 * width
        self.mlp = mlp((self.n_features, 128, 64, 32, n_latent))

    def attention(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What is read, and how much each place counts.

        Parameters
        ----------
        x : (n, 7781) tensor
            Normalised spectra.

        Returns
        -------
        values, weights : (n, n_features, 142) tensors
            Weights have the sum 1 over the places, which are 55 pixels apart; the first is centred on the first pixel.
        """
        y, *affine = self._first(x)
        x = _pool_and_activate(self.conv1[2], y, KERNELS[0], *affine)
        # As images of one row, in channels-last memory, convolutions run without a change of layout between them.
        x = _pool_and_activate(self.conv2[2], _normalise(self.conv2, x), KERNELS[1])
        x = self.conv3[2](_normalise(self.conv3, x))
        values, attention = x.squeeze(2).chunk(2, dim=1)
        return values, attention.float().softmax(-1)

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised spectra (n, 7781) to attended features (n, n_features)."""
        values, weights = self.attention(x)
        return (values * weights).sum(-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised spectra (n, 7781) to latents (n, n_latent)."""
        return self.mlp(self.attend(x))

    def _first(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The first convolution of (n, 7781), (n, width, 1, 7781), and what normalises it, scale and shift (n, width, 1, 1).

        With one channel to read, a convolution is a product of small patches with its kernel, and its mean and variance
        follow from the mean and covariance of the patches, without a look at the many values themselves.
        """
        convolution, norm, _ = self.conv1
        kernel, size, (n, length) = convolution.weight[:, 0], KERNELS[0], x.shape
        cells = -(-length // size)
        # A patch that yields as many values as the kernel is wide: fewer, larger rows in the product.
        patches = F.pad(x, (size // 2, cells * size + size // 2 - length)).unfold(1, 2 * size - 1, size)
        rows = torch.stack([F.pad(kernel, (shift, size - 1 - shift)) for shift in range(size)]).flatten(0, 1)
        seen, kernel = F.pad(x, (size // 2, size // 2)).double().unfold(1, size, 1), kernel.double()
        moments = seen.transpose(1, 2) @ seen / length
        mean = seen.mean(1)
        if self.position is not None:
            waves = F.pad(self.waves, (0, 0, 0, cells * size - length)).view(cells, -1)
            patches = torch.cat([patches, waves.expand(n, -1, -1)], 2)
            rows = torch.cat([rows, torch.block_diag(*[self.position.weight] * size)], 1)
            waves = self.waves.double()
            mixed = (seen.transpose(1, 2).reshape(-1, length) @ waves).view(n, size, -1) / length
            own = (waves.T @ waves / length).expand(n, -1, -1)
            moments = torch.cat([torch.cat([moments, mixed], 2), torch.cat([mixed.transpose(1, 2), own], 2)], 1)
            mean = torch.cat([mean, waves.mean(0).expand(n, -1)], 1)
            kernel = torch.cat([kernel, self.position.weight.double()], 1)
        y = (patches @ rows.T).view(n, cells * size, -1)[:, :length]
        covariance = moments - mean[:, :, None] * mean[:, None]
        scale = (((kernel @ covariance) * kernel).sum(-1) + norm.eps).rsqrt()
        shift = -(mean @ kernel.T) * scale
        return y.transpose(1, 2).unsqueeze(2), scale.float()[..., None, None], shift.float()[..., None, None]


def waves() -> torch.Tensor:
    """Sines and cosines over the spectrum, (7781, 2 * OCTAVES): half a period and its octaves."""
    place = torch.linspace(0, 1, N_WAVELENGTH)[:, None] * torch.pi * 2.0 ** torch.arange(OCTAVES)
    return torch.cat([place.sin(), place.cos()], 1)


def _normalise(block: nn.Sequential, x: torch.Tensor) -> torch.Tensor:
    """Convolution and instance norm of a block on (n, c, 1, p)."""
    convolution, norm, _ = block
    y = F.conv2d(x, convolution.weight.unsqueeze(2), padding=(0, convolution.padding[0]))
    return _InstanceNorm.apply(y, norm.eps)


class _InstanceNorm(torch.autograd.Function):
    """Instance norm of (n, c, 1, p): forward as group norm with a channel a group, whose kernel is fast; its backward is not."""

    @staticmethod
    def forward(context, y: torch.Tensor, eps: float) -> torch.Tensor:
        n, channels, _, pixels = y.shape
        if pixels < 1024:  # on channels-last memory, short rows meet a slow branch of the kernel
            y = y.contiguous()
        normalised, _, scale = torch.ops.aten.native_group_norm(y, None, None, n, channels, pixels, channels, eps)
        context.save_for_backward(normalised, scale.to(y.dtype)[..., None, None])
        return normalised

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        normalised, scale = context.saved_tensors
        along = (normalised * gradient).mean((2, 3), keepdim=True)
        return torch.addcmul(gradient - gradient.mean((2, 3), keepdim=True), normalised, along, value=-1) * scale, None


def _pool_and_activate(activation: nn.PReLU, y: torch.Tensor, size: int, scale=None, shift=None) -> torch.Tensor:
    """Max-pooling of activations, pooled first: fewer values to activate.

    PReLU keeps the order of values where no slope is negative; else the largest activation is that of the largest or of
    the smallest value.
    """

    def activated(extreme: torch.Tensor) -> torch.Tensor:
        return activation(extreme if scale is None else torch.addcmul(shift, extreme, scale).to(y.dtype))

    largest = activated(F.max_pool2d(y, (1, size), padding=(0, size // 2)))
    if bool((activation.weight >= 0).all()):
        return largest
    return torch.maximum(largest, activated(-F.max_pool2d(-y, (1, size), padding=(0, size // 2))))


def mlp(sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers of these sizes with PReLU between them, none after the last."""
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(n_in, n_out), nn.PReLU(n_out)]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))
