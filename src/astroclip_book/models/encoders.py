"""The two pre-trained encoders as the later steps use them: loaded from their files, frozen, pixels in, features out."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import nn

from astroclip_book.config import ImageEncoder, SpectrumEncoder
from astroclip_book.data import views
from astroclip_book.data.distortions import distorted
from astroclip_book.data.pairs import N_WAVELENGTH
from astroclip_book.errors import BookError
from astroclip_book.models.autoencoder import TINY, SpectrumAutoencoder, mean, noise_amplitude
from astroclip_book.models.resnet import ResNet

MAX_SNR = 1e4  # of spectra that have no noise to speak of


def freeze(module: nn.Module) -> None:
    """No gradients, and evaluation mode for good: ``requires_grad`` alone leaves batch-norm statistics moving."""
    module.requires_grad_(False).eval()
    module.train = lambda mode=True: module


def load_checkpoint(path: Path) -> dict:
    """What a training step of this book wrote: ``config``, ``state``, ``history``; BookError if there is no such file."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint["config"], checkpoint["state"]
    except Exception as error:  # torch raises many kinds for a damaged file
        why = f"is missing, damaged, or not a checkpoint of this book ({error})"
        raise BookError(f"{path} {why}: run the notebook that makes it (make book).") from error
    return checkpoint


class ImageFeatures(nn.Module):
    """Images in nanomaggies to frozen features: leading components of what the encoder makes of them and, last, their light in circles.

    Pooling and invariance to augmentations blur how bright and of what colour a galaxy is, which the circles tell. All of the
    encoder's output, hundreds of numbers, would drown them.
    """

    def __init__(self, encoder: ResNet, config: ImageEncoder):
        super().__init__()
        self.encoder, self.config = encoder.to(memory_format=torch.channels_last), config
        self.leading = nn.Linear(encoder.n_features, config.leading)
        self.n_features = config.leading + 3 * len(views.RADII)
        freeze(self)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read ``image_encoder.pt``; `load_checkpoint` says what can go wrong."""
        checkpoint = load_checkpoint(path)
        config = ImageEncoder(**checkpoint["config"])
        encoder = ResNet(config.depth, config.width)
        encoder.load_state_dict(checkpoint["state"])
        features = cls(encoder, config)
        features.leading.load_state_dict(checkpoint["leading"])
        return features

    def seen(self, images: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Cut-outs (n, h, w, 3) in nanomaggies g, r, z, or with a generator a random view of each, as the network sees them."""
        return views.seen(views.bin_images(images, self.config.binning), self.config, generator)

    def forward(self, images: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Cut-outs as `seen` takes them to features (n, n_features), with a generator those of a random view.

        Of a view, the light in circles changes only as `views.spoiled` says: moved and blurred images would tell less of it.
        """
        images = views.bin_images(images, self.config.binning)
        if generator:
            images = views.spoiled(images, generator)
        seen = self.encoder(views.seen(images, self.config, generator))
        with torch.autocast(images.device.type, enabled=False):  # in bfloat16 colours would be off
            return torch.cat([self.leading(seen.float()), views.apertures(images, self.config.binning)], 1)


class SpectrumFeatures(nn.Module):
    """Spectra to frozen features: what the encoder attends to and, last, how bright the spectrum is against its noise.

    The encoder sees all spectra scaled to one variance, so that would be lost. Any constant scale of the flux leaves it.
    """

    def __init__(self, model: SpectrumAutoencoder):
        super().__init__()
        self.model, self.config, self.n_features = model, model.config, model.encoder.n_features + 1
        freeze(self)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read ``spectrum_encoder.pt``; `load_checkpoint` says what can go wrong."""
        checkpoint = load_checkpoint(path)
        model = SpectrumAutoencoder(SpectrumEncoder(**checkpoint["config"]), torch.ones(N_WAVELENGTH))
        model.load_state_dict(checkpoint["state"])
        return cls(model)

    def forward(self, flux: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Flux (n, 7781) in any constant scale to (n, n_features), or with a ``generator`` to features of a random view of each.

        Views are `distorted`. The brightness is the inverse hyperbolic sine of the mean signal-to-noise ratio a pixel: a logarithm
        for bright spectra that takes those whose mean is not positive. It is 0 where unknown, as in a third of the views, and less
        than the spectrum has in another third, as if part of the level was lost.
        """
        model, kept = self.model, 1.0
        if generator:
            flux = distorted(flux, model.noise * noise_amplitude(model.white(flux)), generator)
            kept = (3 * torch.rand(len(flux), 1, generator=generator, device=flux.device) - 1).clamp(0, 1)
        seen = model.encoder.attend(model.normalise(flux)).float()
        noise = noise_amplitude(model.white(flux)).clamp(min=TINY)
        return torch.cat([seen, (kept * mean(flux, model.noise) / noise).clamp(-MAX_SNR, MAX_SNR).asinh()], 1)

    @torch.inference_mode()
    def attention(self, flux: np.ndarray) -> np.ndarray:
        """How much each of `spender.PLACES` in spectra (n, 7781) counts, on average over the features: (n, places), of mean 1."""
        parts = []
        for part in np.array_split(flux, len(flux) // 256 + 1):
            x = self.model.normalise(torch.from_numpy(part).to(self.model.noise.device))
            weights = self.model.encoder.attention(x)[1].mean(1)
            parts.append((weights * weights.shape[1]).cpu().numpy())
        return np.concatenate(parts)
