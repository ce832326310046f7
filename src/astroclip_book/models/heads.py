"""The trainable part of the alignment: heads from frozen features to the shared embedding, and the contrastive losses."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book.config import Alignment

MODALITIES = ("image", "spectrum")
MAX_SCALE = 100.0  # a learned scale is kept between 1 and this, as in CLIP
SIGLIP_BIAS = -10.0  # at the start: nearly all pairs of a batch are negatives


class Head(nn.Module):
    """Features (n, n_features) to embeddings (n, dimension) of unit length.

    Frozen features differ in scale by orders of magnitude: they are standardised by the mean and deviation (n_features,) of
    the training. Dropout on the embedding itself is an earlier work's, for the ablation.
    """

    def __init__(self, mean: torch.Tensor, std: torch.Tensor, config: Alignment):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        layers, width = [], len(mean)
        for _ in range(config.layers):
            layers += [nn.Linear(width, config.hidden), nn.GELU(), nn.Dropout(config.dropout)]
            width = config.hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, config.dimension), nn.Dropout(config.embedding_dropout))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Standardised, through the layers, to unit length."""
        x = (features.float() - self.mean) / self.std
        return F.normalize(self.layers(x).float(), dim=-1)


def info_nce(image: torch.Tensor, spectrum: torch.Tensor, logit_scale: float | torch.Tensor) -> torch.Tensor:
    """Symmetric InfoNCE in nats: each image must pick its own spectrum in the batch, and each spectrum its image.

    van den Oord et al. 2018 (arXiv:1807.03748), in the symmetric form of CLIP (Radford et al. 2021, arXiv:2103.00020). Row
    i of both (n, d) is the same galaxy, of unit length; ``logit_scale`` multiplies the cosines: the inverse of a temperature.
    """
    logits = logit_scale * image @ spectrum.T
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def siglip(
    image: torch.Tensor, spectrum: torch.Tensor, logit_scale: float | torch.Tensor, bias: float | torch.Tensor
) -> torch.Tensor:
    """Sigmoid loss in nats: of every image and spectrum of the batch, say whether they are of the same galaxy.

    Zhai et al. 2023 (arXiv:2303.15343), equation 1: summed over all pairs, divided by the number of galaxies. The ``bias`` is
    added to the logits; the rest is as for `info_nce`.
    """
    logits = logit_scale * image @ spectrum.T + bias
    same = 2 * torch.eye(len(logits), device=logits.device, dtype=logits.dtype) - 1
    return -F.logsigmoid(same * logits).sum() / len(logits)


class Contrast(nn.Module):
    """``info_nce`` or ``siglip``, with a scale that is fixed or learned from there; SigLIP's bias is always learned."""

    def __init__(self, loss: str, logit_scale: float, learn_scale: bool):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(logit_scale)), requires_grad=learn_scale)
        self.bias = nn.Parameter(torch.tensor(SIGLIP_BIAS)) if loss == "siglip" else None

    def forward(self, image: torch.Tensor, spectrum: torch.Tensor) -> torch.Tensor:
        """Unit vectors (n, d) of the same n galaxies to the loss in nats."""
        with torch.no_grad():
            self.log_scale.clamp_(0, math.log(MAX_SCALE))
        scale = self.log_scale.exp()
        return info_nce(image, spectrum, scale) if self.bias is None else siglip(image, spectrum, scale, self.bias)
