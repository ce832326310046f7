"""The two pre-trained encoders as the later steps use them: loaded from their files, frozen, pixels in, features out."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from astroclip_book.config import ImageEncoder, SpectrumEncoder
from astroclip_book.data import views
from astroclip_book.data.pairs import N_WAVELENGTH
from astroclip_book.data.stretch import network_input
from astroclip_book.errors import BookError
from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.models.resnet import ResNet


def freeze(module: nn.Module) -> nn.Module:
    """No gradients, and evaluation mode for good: ``requires_grad`` alone leaves batch-norm statistics moving."""
    module.requires_grad_(False).eval()
    module.train = lambda mode=True: module
    return module


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
    """Images in nanomaggies to frozen features of length ``n_features``; `load` reads ``image_encoder.pt``."""

    def __init__(self, encoder: ResNet, config: ImageEncoder):
        super().__init__()
        self.encoder, self.config = encoder.to(memory_format=torch.channels_last), config
        self.size, self.n_features = config.field // config.binning, encoder.n_features
        freeze(self)

    @classmethod
    def load(cls, path: Path) -> ImageFeatures:
        """Read ``image_encoder.pt``; `load_checkpoint` says what can go wrong."""
        checkpoint = load_checkpoint(path)
        config = ImageEncoder(**checkpoint["config"])
        encoder = ResNet(config.depth, config.width)
        encoder.load_state_dict(checkpoint["state"])
        return cls(encoder, config)

    def seen(self, images: torch.Tensor) -> torch.Tensor:
        """(n, h, w, 3) nanomaggies g, r, z, the whole cut-out, to what the network sees of it, (n, 3, size, size)."""
        return self._input(views.centre(views.bin_images(images, self.config.binning), self.size))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, h, w, 3) nanomaggies g, r, z, the whole cut-out, to (n, n_features)."""
        return self.encoder(self.seen(images)).float()

    def augmented(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The same for one random view of each image."""
        binned, binning = views.bin_images(images, self.config.binning), self.config.binning
        view = views.augment(binned, self.size, binning, generator, self.config.size_keeps)
        return self.encoder(self._input(view)).float()

    def _input(self, images: torch.Tensor) -> torch.Tensor:
        return network_input(images, self.config.input).contiguous(memory_format=torch.channels_last)


class SpectrumFeatures(nn.Module):
    """Spectra to frozen features: what the encoder attends to and, last, how bright the spectrum is against its noise.

    The encoder sees all spectra scaled to one variance, so that would be lost. Any constant scale of the flux leaves it.
    """

    def __init__(self, model: SpectrumAutoencoder):
        super().__init__()
        self.model, self.config, self.n_features = model, model.config, model.encoder.n_features + 1
        freeze(self)

    @classmethod
    def load(cls, path: Path) -> SpectrumFeatures:
        """Read ``spectrum_encoder.pt``; `load_checkpoint` says what can go wrong."""
        checkpoint = load_checkpoint(path)
        model = SpectrumAutoencoder(SpectrumEncoder(**checkpoint["config"]), torch.ones(N_WAVELENGTH))
        model.load_state_dict(checkpoint["state"])
        return cls(model)

    def seen(self, flux: torch.Tensor, redshift: torch.Tensor | None = None) -> torch.Tensor:
        """The normalised spectra (n, 7781) that the network sees."""
        return self.model.normalise(flux, redshift)

    def forward(self, flux: torch.Tensor, redshift: torch.Tensor | None = None) -> torch.Tensor:
        """Flux (n, 7781) in any constant scale, and redshifts (n,) where the normalisation needs them, to (n, n_features)."""
        return torch.cat([self.model.features(flux, redshift).float(), self.model.brightness(flux)], 1)

    def augmented(self, flux: torch.Tensor, redshift: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The same for one random view: noise like the spectrum's own, at a fraction of its amplitude, is added."""
        return self(self.model.augmented(flux, generator), redshift)
