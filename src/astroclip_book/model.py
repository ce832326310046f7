"""The front door: embeddings of anybody's galaxies from the files of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from astroclip_book.config import Alignment, choose_device
from astroclip_book.data.files import sha256
from astroclip_book.data.pairs import IMAGE_SIZE, N_WAVELENGTH
from astroclip_book.errors import BookError
from astroclip_book.evaluate.lookup import Found, Reference
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures, load_checkpoint
from astroclip_book.models.heads import make_heads


class AstroCLIP:
    """Frozen encoders and aligned heads of one run, and the galaxies they were trained on.

    Parameters
    ----------
    image, spectrum : ImageFeatures, SpectrumFeatures
    heads : nn.ModuleDict
    device : str
    directory : Path, optional
        The run's, for `look_up`.

    Examples
    --------
    >>> model = AstroCLIP.from_run("runs/laptop")            # doctest: +SKIP
    >>> model.embed_spectra(flux) @ model.embed_images(images).T   # doctest: +SKIP
    >>> model.look_up(read_spectra("coadd-main-bright-10378.fits")).redshift   # doctest: +SKIP
    """

    def __init__(
        self,
        image: ImageFeatures,
        spectrum: SpectrumFeatures,
        heads: nn.ModuleDict,
        device: str = "cpu",
        directory: Path | None = None,
    ):
        self.device, self.directory = device, directory
        self._references: dict[str, Reference] = {}
        self.image, self.spectrum = image.to(device), spectrum.to(device)
        self.heads = heads.to(device).eval()

    @classmethod
    def from_run(cls, directory: str | Path, device: str = "cpu") -> AstroCLIP:
        """Load the three checkpoints of a run directory, for a device of torch or the faster one that is there ("auto").

        Raises
        ------
        BookError
            If one is missing or damaged, an encoder is not the one that the heads were trained on, or the device is not there.
        """
        directory, device = Path(directory), choose_device(device) if device in ("auto", "cuda") else device
        checkpoint = load_checkpoint(directory / "heads.pt")
        for name, value in checkpoint.get("encoders", {}).items():
            if (directory / name).is_file() and sha256(directory / name) != value:
                raise BookError(
                    f"{directory / name} does not belong to heads.pt: these were trained on the features of another. "
                    "Execute chapter 04 for the heads of this one, or the chapter that trains the encoder for the old one."
                )
        heads = make_heads(checkpoint["state"], Alignment(**checkpoint["config"]))
        image = ImageFeatures.load(directory / "image_encoder.pt")
        return cls(image, SpectrumFeatures.load(directory / "spectrum_encoder.pt"), heads, device, directory)

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
        (n, d) float32 array of unit vectors, d being the dimension of the run's alignment

        Raises
        ------
        BookError
            For another shape, values that are not finite, spectra that are all zero, or redshifts that are needed and not
            given, or of another number.
        """
        return self._pass_spectra(flux, redshift, batch_size)[1]

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
        (n, d) float32 array of unit vectors, d being the dimension of the run's alignment

        Raises
        ------
        BookError
            For another shape, values that are not finite, or images that are all zero.
        """
        return self._pass_images(images, batch_size)[1]

    def look_up(self, observed, k: int = 5, batch_size: int = 256) -> Found:
        """The most similar galaxies of the run, redshifts with their uncertainty, and whether such objects were in the training.

        Parameters
        ----------
        observed : real_sky.Spectra or real_sky.Images
            As `real_sky.read_spectra` and `real_sky.read_images` return them: what has ``flux`` and ``redshift``, or ``images``.
        k : int
            Similar galaxies to name, of the same modality.
        batch_size : int
            Objects at a time.

        Raises
        ------
        BookError
            As the embedding of arrays does, for objects that are neither, and when the run's galaxies are not at hand or
            fewer than k.
        """
        if self.directory is None:
            raise BookError("This model has no run directory to look galaxies up in: make it with AstroCLIP.from_run.")
        if hasattr(observed, "flux"):
            redshift = observed.redshift if np.isfinite(observed.redshift).all() else None
            modality, passed = "spectrum", self._pass_spectra(observed.flux, redshift, batch_size)
        elif hasattr(observed, "images"):
            modality, passed = "image", self._pass_images(observed.images, batch_size)
        else:
            raise BookError(
                f"look_up takes what read_spectra or read_images of real_sky.observations return, not "
                f"{type(observed).__name__}. For arrays, spectra_of_arrays and images_of_arrays of real_sky.observations.arrays make these."
            )
        if modality not in self._references:
            self._references[modality] = Reference.from_run(self.directory, modality)
        return self._references[modality].look_up(*passed, k)

    def _pass_spectra(
        self, flux: np.ndarray, redshift: np.ndarray | None, batch_size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        flux = _checked(flux, (N_WAVELENGTH,), "spectra", "flux on the grid 3600 + 0.8 i Å")
        known = [] if redshift is None else [np.asarray(redshift, np.float32)]
        if known and known[0].shape != (len(flux),):
            raise BookError(
                f"redshifts have shape {known[0].shape}: expected ({len(flux)},), one for each of the spectra."
            )
        return self._pass([flux, *known], self.spectrum, self.heads["spectrum"], batch_size)

    def _pass_images(self, images: np.ndarray, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        images = _checked(images, (IMAGE_SIZE, IMAGE_SIZE, 3), "images", "nanomaggies in g, r, z at 0.262 arcsec")
        return self._pass([images], self.image, self.heads["image"], batch_size)

    @torch.inference_mode()
    def _pass(
        self, data: list[np.ndarray], encoder: nn.Module, head: nn.Module, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Frozen features (n, D) and embeddings (n, d)."""
        features, embedded = [], []
        for start in range(0, len(data[0]), size):
            part = [torch.from_numpy(values[start : start + size]).to(self.device) for values in data]
            features.append(encoder(*part))
            embedded.append(head(features[-1]).cpu())
        return torch.cat(features).cpu().numpy(), torch.cat(embedded).numpy()


def _checked(values: np.ndarray, shape: tuple[int, ...], name: str, unit: str) -> np.ndarray:
    values = np.ascontiguousarray(values, np.float32)
    if values.ndim != len(shape) + 1 or values.shape[1:] != shape or len(values) == 0:
        raise BookError(f"{name} have shape {values.shape}: expected (n, {', '.join(map(str, shape))}), n ≥ 1, {unit}.")
    flat = values.reshape(len(values), -1)
    for problem, bad in (("values that are not finite", ~np.isfinite(flat).all(1)), ("only zeros", ~flat.any(1))):
        if bad.any():
            rows = np.flatnonzero(bad)[:5].tolist()
            raise BookError(
                f"{bad.sum()} of the {len(values)} {name} have {problem} (rows {rows} …): mask or drop them."
            )
    return values
