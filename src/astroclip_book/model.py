"""The front door: embeddings of anybody's galaxies from the files of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from astroclip_book.encoders import ImageFeatures, SpectrumFeatures, load_checkpoint
from astroclip_book.errors import BookError
from astroclip_book.heads import make_heads
from astroclip_book.pairs import IMAGE_SIZE, N_WAVELENGTH
from astroclip_book.presets import Alignment


class AstroCLIP:
    """Frozen encoders and aligned heads of one run.

    Examples
    --------
    >>> model = AstroCLIP.from_run("runs/laptop")            # doctest: +SKIP
    >>> model.embed_spectra(flux) @ model.embed_images(images).T   # doctest: +SKIP
    """

    def __init__(self, image: ImageFeatures, spectrum: SpectrumFeatures, heads: nn.ModuleDict, device: str = "cpu"):
        self.device = device
        self.image, self.spectrum = image.to(device), spectrum.to(device)
        self.heads = heads.to(device).eval()

    @classmethod
    def from_run(cls, directory: str | Path, device: str = "cpu") -> AstroCLIP:
        """Load the three checkpoints of a run directory.

        Raises
        ------
        BookError
            If one is missing or damaged.
        """
        directory = Path(directory)
        checkpoint = load_checkpoint(directory / "heads.pt")
        heads = make_heads(checkpoint["state"], Alignment(**checkpoint["config"]))
        image = ImageFeatures.load(directory / "image_encoder.pt")
        return cls(image, SpectrumFeatures.load(directory / "spectrum_encoder.pt"), heads, device)

    def embed_spectra(self, flux: np.ndarray, redshift: np.ndarray | None = None, batch_size: int = 256) -> np.ndarray:
        """Embed spectra.

        Parameters
        ----------
        flux : (n, 7781) array
            On the DESI grid 3600 + 0.8 i Å, any constant scale.
        redshift : (n,) array, optional
            Needed only where the run's encoder normalises spectra at rest (``normalisation: median``).
        batch_size : int
            Spectra at a time.

        Returns
        -------
        (n, 128) float32 array of unit vectors

        Raises
        ------
        BookError
            For another shape, values that are not finite, spectra that are all zero, or redshifts that are needed and not
            given.
        """
        flux = _checked(flux, (N_WAVELENGTH,), "spectra", "flux on the grid 3600 + 0.8 i Å")
        known = [] if redshift is None else [np.asarray(redshift, np.float32)]
        return self._embed([flux, *known], self.spectrum, self.heads["spectrum"], batch_size)

    def embed_images(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Embed images.

        Parameters
        ----------
        images : (n, 152, 152, 3) array
            Nanomaggies in g, r, z at 0.262 arcsec a pixel, the galaxy in the centre.
        batch_size : int
            Images at a time.

        Returns
        -------
        (n, 128) float32 array of unit vectors

        Raises
        ------
        BookError
            For another shape, values that are not finite, or images that are all zero.
        """
        images = _checked(images, (IMAGE_SIZE, IMAGE_SIZE, 3), "images", "nanomaggies in g, r, z at 0.262 arcsec")
        return self._embed([images], self.image, self.heads["image"], batch_size)

    @torch.inference_mode()
    def _embed(self, data: list[np.ndarray], encoder: nn.Module, head: nn.Module, batch_size: int) -> np.ndarray:
        embedded = []
        for start in range(0, len(data[0]), batch_size):
            part = [torch.from_numpy(values[start : start + batch_size]).to(self.device) for values in data]
            embedded.append(head(encoder(*part)).cpu())
        return torch.cat(embedded).numpy()


def _checked(values: np.ndarray, shape: tuple[int, ...], name: str, unit: str) -> np.ndarray:
    values = np.ascontiguousarray(values, np.float32)
    if values.ndim != len(shape) + 1 or values.shape[1:] != shape or len(values) == 0:
        raise BookError(f"{name} have shape {values.shape}: expected (n, {', '.join(map(str, shape))}), n ≥ 1, {unit}.")
    flat = values.reshape(len(values), -1)
    for problem, bad in (("values that are not finite", ~np.isfinite(flat).all(1)), ("only zeros", ~flat.any(1))):
        if bad.any():
            rows = np.flatnonzero(bad)[:5].tolist()
            raise BookError(f"{bad.sum()} of the {len(values)} {name} have {problem} (rows {rows} …): mask or drop them.")
    return values
