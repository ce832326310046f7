"""Frozen features as earlier works made them, for the ablations."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch

from astroclip_book.data.pairs import Pairs
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.train.cached_features import CachedFeatures
from astroclip_book.train.loop import autocast

BLOCK = 512  # images a batch, as in the published trainings of heads


@torch.no_grad()
def other_features(
    name: str, cached: CachedFeatures, pairs: Pairs, image_encoder: Path, spectrum_encoder: Path, device: str, seed: int
) -> CachedFeatures:
    """The features of a variant.

    Of spectra, ``no_brightness`` is what the encoder attends to and nothing else, ``latents`` Spender's latents in the place of
    what they are made of, with the brightness. Of clean images, ``raw`` is what the encoder makes of fluxes in nanomaggies
    instead of the input it was trained on; ``moving`` has batch norm left in training mode: training objects are normalised by
    the batch that ``seed`` puts them in, while the running statistics follow, with which everybody is then encoded.
    """
    if name in ("no_brightness", "latents"):
        latents = SpectrumFeatures.load(spectrum_encoder).model.encoder.mlp.to(device)

        def change(x: torch.Tensor) -> torch.Tensor:
            if name == "no_brightness":
                return x[..., :-1]
            flat = x.flatten(0, -2).float()
            return torch.cat([latents(flat[:, :-1]), flat[:, -1:]], 1).unflatten(0, x.shape[:-1])

        kinds = ({**values, "spectrum": change(values["spectrum"])} for values in (cached.clean, cached.views))
        return CachedFeatures(*kinds, cached.split)

    image, train, everybody = (
        ImageFeatures.load(image_encoder).to(device),
        cached.where("train"),
        np.arange(len(pairs.index)),
    )

    def encode(positions: np.ndarray) -> torch.Tensor:
        parts = []
        for start in range(0, len(positions), BLOCK):
            pixels = torch.from_numpy(pairs.images(positions[start : start + BLOCK])).to(device)
            with autocast(device):
                parts.append(image(pixels).clamp(-6e4, 6e4).half())
        return torch.cat(parts)

    if name == "raw":
        image.config = dataclasses.replace(image.config, input="nanomaggies")
        clean = encode(everybody)
        seen = clean[train]
    else:
        order = np.random.default_rng(seed).permutation(len(train))
        image.encoder.train()
        seen = torch.empty_like(cached.clean["image"][train])
        seen[order] = encode(train[order])
        image.encoder.eval()
        clean = encode(everybody)
    alone = cached.with_views(slice(1))
    return CachedFeatures({**alone.clean, "image": clean}, {**alone.views, "image": seen[:, None]}, alone.split)
