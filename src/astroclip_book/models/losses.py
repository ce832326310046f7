"""The contrastive losses, and the scale that both multiply cosines by."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

MAX_SCALE = 100.0  # a learned scale is kept between 1 and this, as in CLIP
SIGLIP_BIAS = -10.0  # at the start: nearly all pairs of a batch are strangers


def info_nce(image: torch.Tensor, spectrum: torch.Tensor, logit_scale: float | torch.Tensor) -> torch.Tensor:
    """Symmetric InfoNCE: each image must pick its own spectrum among the batch's, and each spectrum its image.

    van den Oord et al. 2018 (arXiv:1807.03748), in the symmetric form of CLIP (Radford et al. 2021, arXiv:2103.00020).

    Parameters
    ----------
    image, spectrum : (n, d) tensors
        Embeddings of unit length; row i of both is the same galaxy.
    logit_scale : float or scalar tensor
        Multiplies the cosines; the inverse of a temperature. It is the scale itself, not its logarithm.

    Returns
    -------
    scalar tensor, nats
    """
    logits = logit_scale * image @ spectrum.T
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def siglip(
    image: torch.Tensor, spectrum: torch.Tensor, logit_scale: float | torch.Tensor, bias: float | torch.Tensor
) -> torch.Tensor:
    """Sigmoid loss: of every image and spectrum of the batch, say whether they are of the same galaxy.

    Zhai et al. 2023 (arXiv:2303.15343), equation 1: summed over all pairs, divided by the number of galaxies.

    Parameters
    ----------
    image, spectrum, logit_scale
        As for `info_nce`.
    bias : float or scalar tensor
        Added to the logits.

    Returns
    -------
    scalar tensor, nats
    """
    logits = logit_scale * image @ spectrum.T + bias
    same = 2 * torch.eye(len(logits), device=logits.device, dtype=logits.dtype) - 1
    return -F.logsigmoid(same * logits).sum() / len(logits)


class Contrast(nn.Module):
    """One of the losses with its scale, fixed or learned.

    Parameters
    ----------
    loss : str
        ``info_nce`` or ``siglip``, whose bias is always learned.
    logit_scale : float
        Where a learned scale starts.
    learn_scale : bool
    """

    def __init__(self, loss: str, logit_scale: float, learn_scale: bool):
        super().__init__()
        self.loss = loss
        self.log_scale = nn.Parameter(torch.tensor(math.log(logit_scale)), requires_grad=learn_scale)
        if loss == "siglip":
            self.bias = nn.Parameter(torch.tensor(SIGLIP_BIAS))

    def forward(self, image: torch.Tensor, spectrum: torch.Tensor) -> torch.Tensor:
        """Unit vectors (n, d) of the same n galaxies to the loss in nats."""
        if self.log_scale.requires_grad:
            with torch.no_grad():
                self.log_scale.clamp_(0, math.log(MAX_SCALE))
        scale = self.log_scale.exp()
        return siglip(image, spectrum, scale, self.bias) if self.loss == "siglip" else info_nce(image, spectrum, scale)
