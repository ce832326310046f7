"""The contrastive loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def info_nce(image: torch.Tensor, spectrum: torch.Tensor, logit_scale: float) -> torch.Tensor:
    """Symmetric InfoNCE: each image must pick its own spectrum among the batch's, and each spectrum its image.

    van den Oord et al. 2018 (arXiv:1807.03748), in the symmetric form of CLIP (Radford et al. 2021, arXiv:2103.00020).

    Parameters
    ----------
    image, spectrum : (n, d) tensors
        Embeddings of unit length; row i of both is the same galaxy.
    logit_scale : float
        Multiplies the cosines; the inverse of a temperature. It is the scale itself, not its logarithm.

    Returns
    -------
    scalar tensor, nats
    """
    logits = logit_scale * image @ spectrum.T
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
