"""Frozen features as earlier works made them, for the ablations."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from astroclip_book.data.image_cache import cache_images
from astroclip_book.data.pairs import Pairs
from astroclip_book.data.stretch import network_input
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.train.cached_features import CachedFeatures
from astroclip_book.train.loop import autocast

BLOCK = 512  # images a batch, as in the published trainings of heads


class OtherFeatures:
    """Variants of the cached features; images are encoded anew where that is needed, when it is asked for.

    Parameters
    ----------
    cached : CachedFeatures
    pairs : Pairs
    image_encoder, spectrum_encoder : Path
    fabric : Fabric
    directory : Path
        Keeps the binned images.
    seed : int
        Decides who is in a batch with whom.
    """

    def __init__(
        self,
        cached: CachedFeatures,
        pairs: Pairs,
        image_encoder: Path,
        spectrum_encoder: Path,
        fabric: Fabric,
        directory: Path,
        seed: int,
    ):
        self.cached, self.pairs, self.fabric, self.directory, self.seed = cached, pairs, fabric, directory, seed
        self.image = ImageFeatures.load(image_encoder).to(fabric.device)
        self.latents_of = SpectrumFeatures.load(spectrum_encoder).model.encoder.mlp.to(fabric.device)

    def __call__(self, name: str) -> CachedFeatures:
        """The features of a variant: ``cached``, or the name of a method below."""
        return self.cached if name == "cached" else getattr(self, name)()

    def latents(self) -> CachedFeatures:
        """Of spectra, Spender's latents in the place of what they are made of; the brightness stays."""

        def change(x: torch.Tensor) -> torch.Tensor:
            flat = x.flatten(0, -2).float()
            return torch.cat([self.latents_of(flat[:, :-1]), flat[:, -1:]], 1).unflatten(0, x.shape[:-1])

        return self._spectra(change)

    def no_brightness(self) -> CachedFeatures:
        """Of spectra, what the encoder attends to and nothing else."""
        return self._spectra(lambda x: x[..., :-1])

    def raw(self) -> CachedFeatures:
        """Of clean images, what the encoder makes of fluxes in nanomaggies instead of the input it was trained on."""
        clean = self._encode(self.image.encoder, np.arange(len(self.pairs.index)), "nanomaggies")
        return self._images(clean, clean[self.cached.where("train")])

    def moving(self) -> CachedFeatures:
        """Of clean images, features by fixed weights whose batch norm is left in training mode.

        Training objects are normalised by the batch they happen to be in, while the running statistics follow; everybody
        is then encoded with these, as an evaluation does.
        """
        encoder, shown = copy.deepcopy(self.image.encoder).train(), self.image.config.input
        train = self.cached.where("train")
        order = np.random.default_rng(self.seed).permutation(len(train))
        seen = torch.empty_like(self.cached.clean["image"][train])
        seen[order] = self._encode(encoder, train[order], shown)
        return self._images(self._encode(encoder.eval(), np.arange(len(self.pairs.index)), shown), seen)

    @torch.inference_mode()
    def _encode(self, encoder: nn.Module, positions: np.ndarray, shown: str) -> torch.Tensor:
        images = cache_images(
            self.pairs,
            np.arange(len(self.pairs.index)),
            self.image.config.binning,
            self.directory / "images.f16",
            self.image.size,
        )
        features = torch.empty(len(positions), self.image.n_features, dtype=torch.half, device=self.fabric.device)
        with autocast(self.fabric.device):
            for start in range(0, len(positions), BLOCK):
                pixels = torch.from_numpy(images[positions[start : start + BLOCK]]).to(self.fabric.device).float()
                x = network_input(pixels, shown).contiguous(memory_format=torch.channels_last)
                features[start : start + BLOCK] = encoder(x).clamp(-6e4, 6e4).half()
        return features

    @torch.no_grad()
    def _spectra(self, change: Callable[[torch.Tensor], torch.Tensor]) -> CachedFeatures:
        clean, augmented = (
            {**values, "spectrum": change(values["spectrum"])} for values in (self.cached.clean, self.cached.views)
        )
        return CachedFeatures(clean, augmented, self.cached.split)

    def _images(self, clean: torch.Tensor, seen: torch.Tensor) -> CachedFeatures:
        """Of clean images alone: everybody's features, and those shown in training."""
        one = self.cached.with_views(slice(1))
        return CachedFeatures({**one.clean, "image": clean}, {**one.views, "image": seen[:, None]}, one.split)
