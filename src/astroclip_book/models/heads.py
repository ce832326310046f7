"""The trainable part of the alignment: from frozen features to the shared embedding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book.config import Alignment

MODALITIES = ("image", "spectrum")


class Dropout(nn.Module):
    """Dropout whose mask takes a byte a value, so that one random number serves eight.

    On a processor, drawing a number for each value takes as long as the layers do. The rate is rounded to 1/256.

    Parameters
    ----------
    rate : float
    """

    def __init__(self, rate: float):
        super().__init__()
        self.dropped = round(256 * rate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, d) to the same, in training with some values 0 and the others larger, so that the mean stays."""
        if not (self.training and self.dropped):
            return x
        draws = torch.empty(len(x), -(-x.shape[1] // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = draws.view(torch.uint8)[:, : x.shape[1]] >= self.dropped
        return x * kept * (256 / (256 - self.dropped))


class Head(nn.Module):
    """Features to a point on the unit sphere.

    Parameters
    ----------
    mean, std : (n_features,) tensors
        Of the training features, which are standardised first: frozen features differ in scale by orders of magnitude.
    config : presets.Alignment
        Hidden layers, their width and dropout, the dimension of the embedding, and dropout on the embedding itself, of
        which nothing good is known.
    """

    def __init__(self, mean: torch.Tensor, std: torch.Tensor, config: Alignment):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        layers, width = [], len(mean)
        for _ in range(config.layers):
            layers += [nn.Linear(width, config.hidden), nn.GELU(), Dropout(config.dropout)]
            width = config.hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, config.dimension), Dropout(config.embedding_dropout))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(n, n_features) to embeddings (n, dimension) of unit length."""
        return F.normalize(self.layers((features - self.mean) / self.std).float(), dim=-1)


class Heads(nn.ModuleDict):
    """One head for each modality, by its name."""

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Features (n, …) of images and of spectra to embeddings (n, dimension) of unit length."""
        return [self[name](values.float()) for name, values in zip(MODALITIES, features, strict=True)]


def make_heads(state: dict, config: Alignment) -> Heads:
    """Both heads with the shapes found in a state dict, and its weights."""
    heads = Heads({name: Head(state[f"{name}.mean"], state[f"{name}.std"], config) for name in MODALITIES})
    heads.load_state_dict(state)
    return heads
