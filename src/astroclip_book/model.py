"""The front door: embeddings of anybody's galaxies from the files of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from astroclip_book.config import Alignment, choose_device
from astroclip_book.data.files import sha256
from astroclip_book.data.levels import without_level
from astroclip_book.data.pairs import IMAGE_SIZE, N_WAVELENGTH
from astroclip_book.errors import BookError
from astroclip_book.evaluate.lookup import Found, Reference
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures, load_checkpoint
from astroclip_book.models.heads import MODALITIES, Head

BATCH = 32  # objects that are encoded at a time


class AstroCLIP:
    """Frozen encoders and aligned heads of one run, and the galaxies they were trained on: ``AstroCLIP.from_run("runs/laptop")``."""

    def __init__(self, image: nn.Module, spectrum: nn.Module, heads: nn.ModuleDict, device="cpu", directory=None):
        self.device, self.directory = device, directory
        self.image, self.spectrum = image.to(device), spectrum.to(device)
        self.heads = heads.to(device).eval()
        self._references: dict[str, Reference] = {}

    @classmethod
    def from_run(cls, directory: str | Path, device: str = "cpu") -> AstroCLIP:
        """Load the three checkpoints of a run directory, for the device "cpu", "cuda" or the faster one that is there ("auto").

        Raises
        ------
        BookError
            If one is missing or damaged, an encoder is not the one that the heads were trained on, or the device is not there.
        """
        directory, device = Path(directory), choose_device(str(device))
        checkpoint = load_checkpoint(directory / "heads.pt")
        for name, value in checkpoint.get("encoders", {}).items():
            if (directory / name).is_file() and sha256(directory / name) != value:
                raise BookError(
                    f"{directory / name} does not belong to heads.pt: these were trained on the features of another. "
                    "Execute chapter 04 for the heads of this one, or the chapter that trains the encoder for the old one."
                )
        state, config = checkpoint["state"], Alignment(**checkpoint["config"])
        heads = nn.ModuleDict({one: Head(state[f"{one}.mean"], state[f"{one}.std"], config) for one in MODALITIES})
        heads.load_state_dict(state)
        image = ImageFeatures.load(directory / "image_encoder.pt")
        return cls(image, SpectrumFeatures.load(directory / "spectrum_encoder.pt"), heads, device, directory)

    def embed_spectra(self, flux: np.ndarray) -> np.ndarray:
        """Spectra (n, 7781) on the DESI grid 3600 + 0.8 i Å, any constant scale, to unit vectors (n, d) float32.

        Those without their level, z-scored or with the median subtracted, are embedded as of unknown brightness against their
        noise, with a warning. BookError for other shapes, masked or not finite values, and spectra that are all zero.
        """
        return self.encode_spectra(flux)[1]

    def embed_images(self, images: np.ndarray) -> np.ndarray:
        """Images (n, 152, 152, 3), nanomaggies in g, r, z at 0.262 arcsec, the galaxy in the centre, to unit vectors (n, d) float32.

        BookError for other shapes, masked or not finite values, and images that are all zero.
        """
        return self.encode_images(images)[1]

    def look_up(self, observed, k: int = 5) -> Found:
        """The k most similar galaxies of the run, redshifts with their uncertainty, and whether such objects were in the training.

        Raises
        ------
        BookError
            For objects that are neither `real_sky.Spectra` nor `real_sky.Images`, and as the embedding and `reference` say.
        """
        if hasattr(observed, "flux"):
            features, embedding, relative = self.encode_spectra(observed.flux, observed.ivar > 0)
            return self.reference("spectrum").look_up(features, embedding, k, observed.redshift, relative)
        if hasattr(observed, "images"):
            features, embedding = self.encode_images(observed.images)
            return self.reference("image").look_up(features, embedding, k, observed.redshift)
        raise BookError(f"look_up takes what read_spectra or read_images return, not {type(observed).__name__}.")

    def reference(self, modality: str) -> Reference:
        """The run's galaxies in one modality, ``image`` or ``spectrum``; BookError if chapters 04 and 06 have not been executed."""
        if modality not in self._references:
            self._references[modality] = Reference.from_run(self.directory, modality)
        return self._references[modality]

    @torch.inference_mode()
    def encode_spectra(self, flux, seen: np.ndarray | bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frozen features (n, D), embeddings (n, d), and which spectra came without their level (n,); as `embed_spectra`.

        ``seen`` (n, 7781) says which pixels were observed.
        """
        flux = _checked(flux, (N_WAVELENGTH,), "spectra", "flux on the grid 3600 + 0.8 i Å")
        exponent = np.frexp(np.abs(flux).max(axis=1, keepdims=True))[1]  # in SI units, squares would vanish
        flux = np.ldexp(flux, -exponent).astype(np.float32)
        rows, where = np.arange(len(flux)), "spectra to embed, by their rows"
        relative = without_level(flux, np.broadcast_to(seen, flux.shape), rows, where)
        features = self._features(self.spectrum, flux)
        features[np.flatnonzero(relative), -1] = 0  # the brightness, which is unknown
        return features.cpu().numpy(), self._embedding("spectrum", features), relative

    @torch.inference_mode()
    def encode_images(self, images) -> tuple[np.ndarray, np.ndarray]:
        """Frozen features (n, D) and embeddings (n, d); as `embed_images`."""
        images = _checked(images, (IMAGE_SIZE, IMAGE_SIZE, 3), "images", "nanomaggies in g, r, z at 0.262 arcsec")
        features = self._features(self.image, images)
        return features.cpu().numpy(), self._embedding("image", features)

    def _features(self, encoder: nn.Module, data: np.ndarray) -> torch.Tensor:
        return torch.cat([encoder(batch.to(self.device)) for batch in torch.from_numpy(data).float().split(BATCH)])

    def _embedding(self, modality: str, features: torch.Tensor) -> np.ndarray:
        return torch.cat([self.heads[modality](batch) for batch in features.split(BATCH)]).cpu().numpy()


def _checked(values, shape: tuple[int, ...], name: str, unit: str) -> np.ndarray:
    """Numbers (n, *shape) in single or double precision."""
    masked = isinstance(values, np.ndarray) and np.any(getattr(values, "mask", False))
    if masked or getattr(values, "unit", None) is not None:
        kind = "masked values" if masked else f"the unit {values.unit}"
        raise BookError(f"{name} have {kind}: spectra_of_arrays and images_of_arrays of real_sky make arrays without.")
    try:
        values = np.ascontiguousarray(values)
        values = values if values.dtype == np.float64 else values.astype(np.float32, copy=False)
    except (TypeError, ValueError) as error:
        raise BookError(f"{name} must be an array of numbers ({error}).") from error
    if values.ndim != len(shape) + 1 or values.shape[1:] != shape or len(values) == 0:
        raise BookError(f"{name} have shape {values.shape}: expected (n, {', '.join(map(str, shape))}), n ≥ 1, {unit}.")
    flat = values.reshape(len(values), -1)
    for problem, bad in (("values that are not finite", ~np.isfinite(flat).all(1)), ("only zeros", ~flat.any(1))):
        if bad.any():
            rows = np.flatnonzero(bad)[:5].tolist()
            raise BookError(f"{bad.sum()} of {len(values)} {name} have {problem} (rows {rows} …): mask or drop them.")
    return values
