"""The two pre-trained encoders as the later steps use them: loaded from their files, frozen, pixels in, features out."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from astroclip_book import views
from astroclip_book.autoencoder import SpectrumAutoencoder, noise_amplitude
from astroclip_book.errors import BookError
from astroclip_book.pairs import N_WAVELENGTH
from astroclip_book.presets import ImageEncoder, SpectrumEncoder
from astroclip_book.resnet import ResNet

VIEW_NOISE = 0.5  # of a spectrum's own noise, added in each augmented view


def freeze(module: nn.Module) -> nn.Module:
    """No gradients, and evaluation mode for good: ``requires_grad`` alone leaves batch-norm statistics moving."""
    module.requires_grad_(False).eval()
    module.train = lambda mode=True: module
    return module


def load_checkpoint(path: Path) -> dict:
    """Read what a training step of this book wrote.

    Raises
    ------
    BookError
        If the file is missing, truncated, or not such a file.
    """
    if not Path(path).is_file():
        raise BookError(f"{path} does not exist: run the notebook that trains it first (make book).")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint["config"], checkpoint["state"]
    except Exception as error:  # torch raises many kinds for a damaged file
        raise BookError(f"{path} is not a checkpoint of this book, or is damaged ({error}): delete it and run again.") from error
    return checkpoint


class ImageFeatures(nn.Module):
    """Images in nanomaggies to frozen features."""

    def __init__(self, path: Path):
        super().__init__()
        checkpoint = load_checkpoint(path)
        self.config = ImageEncoder(**checkpoint["config"])
        self.encoder = ResNet(self.config.depth, self.config.width)
        self.encoder.load_state_dict(checkpoint["state"])
        self.encoder.to(memory_format=torch.channels_last)
        self.size = self.config.field // self.config.binning
        freeze(self)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, h, w, 3) nanomaggies g, r, z, the whole cut-out, to (n, n_features)."""
        return self._encode(views.centre(views.bin_images(images, self.config.binning), self.size))

    def augmented(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The same for one random view of each image."""
        binned = views.bin_images(images, self.config.binning)
        return self._encode(views.augment(binned, self.size, self.config.binning, generator))

    def _encode(self, images: torch.Tensor) -> torch.Tensor:
        return self.encoder(views.stretch(images).contiguous(memory_format=torch.channels_last)).float()


class SpectrumFeatures(nn.Module):
    """Spectra to frozen features."""

    def __init__(self, path: Path):
        super().__init__()
        checkpoint = load_checkpoint(path)
        self.config = SpectrumEncoder(**checkpoint["config"])
        self.model = SpectrumAutoencoder(self.config, torch.ones(N_WAVELENGTH))
        self.model.load_state_dict(checkpoint["state"])
        freeze(self)

    def forward(self, flux: torch.Tensor) -> torch.Tensor:
        """Flux (n, 7781), any constant scale, to (n, n_features)."""
        return self.model.features(flux).float()

    def augmented(self, flux: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The same for one random view: noise like the spectrum's own, at a fraction of its amplitude, is added."""
        noise = self.model.noise * noise_amplitude(flux / self.model.noise)[:, None]
        return self(flux + VIEW_NOISE * noise * torch.randn(flux.shape, generator=generator, device=flux.device))
