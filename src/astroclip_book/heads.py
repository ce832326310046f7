"""The trainable part of the alignment: from frozen features to the shared embedding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Head(nn.Module):
    """Features to a point on the unit sphere; nothing acts after the last layer but the normalisation.

    Parameters
    ----------
    mean, std : (n_features,) tensors
        Of the training features, which are standardised first: frozen features differ in scale by orders of magnitude.
    hidden : int
        Width of the hidden layer.
    dimension : int
        Of the embedding.
    dropout : float
        On the hidden layer.
    """

    def __init__(self, mean: torch.Tensor, std: torch.Tensor, hidden: int, dimension: int, dropout: float):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.hidden = nn.Linear(len(mean), hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, dimension)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(n, n_features) to embeddings (n, dimension) of unit length."""
        x = (features - self.mean) / self.std
        x = self.dropout(F.gelu(self.hidden(x)))
        return F.normalize(self.out(x), dim=-1)
