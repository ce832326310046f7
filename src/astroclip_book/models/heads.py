"""The trainable part of the alignment: from frozen features to the shared embedding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book.config import Alignment

MODALITIES = ("image", "spectrum")


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


def make_heads(state: dict, config: Alignment) -> nn.ModuleDict:
    """Both heads, by modality, with the weights of a state dict."""
    heads = nn.ModuleDict({name: Head(state[f"{name}.mean"], state[f"{name}.std"], config) for name in MODALITIES})
    heads.load_state_dict(state)
    return heads
