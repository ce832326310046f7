"""Real spectra and images that a reader gives, brought into the layout of the pairs.

Spectra come on many grids, with gaps, and sometimes up to an unknown scale and offset. What they went through is
remembered, so that mock spectra can be put through the same before the two are compared.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from astroclip_book.data.pairs import GROUPS, IMAGE_SIZE, N_WAVELENGTH, WAVELENGTH, open_pairs
from astroclip_book.errors import BookError
from real_sky.observations.npz import read_npz

COVERAGE = 0.8  # of the grid: with less, the ends would be more invention than observation
EDGE = 60  # valid pixels whose median continues a spectrum beyond its end


@dataclass(frozen=True)
class SkySpectra:
    """Real spectra on the grid of the pairs.

    Attributes
    ----------
    flux : (n, 7781) float32, on ``WAVELENGTH``
    redshift : (n,) float64
    wavelength : (p,) float64, the grid of the file, Å
    valid : (n, p) bool, what of it was observed
    relative : bool
        Whether the level of each spectrum is unknown: it came with its mean or median subtracted, and has median 0.
    """

    flux: np.ndarray
    redshift: np.ndarray
    wavelength: np.ndarray
    valid: np.ndarray
    relative: bool

    def __len__(self) -> int:
        return len(self.redshift)

    def within(self, low: float, high: float) -> SkySpectra:
        """Those with redshifts between two values."""
        rows = (self.redshift > low) & (self.redshift < high)
        chosen = {name: getattr(self, name)[rows] for name in ("flux", "redshift", "valid")}
        return dataclasses.replace(self, **chosen)

    def seen_alike(self, flux: np.ndarray) -> np.ndarray:
        """Other spectra (m, 7781) through the grid, the gaps and the loss of level of these, in turn."""
        rows = np.arange(len(flux)) % len(self)
        there = np.array([np.interp(self.wavelength, WAVELENGTH, one) for one in flux])
        back = resample(there, self.wavelength, self.valid[rows])
        return _levelled(back) if self.relative else back


def resample(flux: np.ndarray, wavelength: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Spectra on any increasing grid to ``WAVELENGTH``, linearly between valid pixels.

    Beyond its first and last valid pixel a spectrum keeps the median level of the pixels there: the encoder scales each
    spectrum by its own mean and scatter, and a fill with zeros would be a step of the size of a spectral break.

    Parameters
    ----------
    flux : (n, p) array
    wavelength : (p,) array
        Å, vacuum, increasing.
    valid : (n, p) bool array

    Returns
    -------
    (n, 7781) float32 array

    Raises
    ------
    BookError
        If a spectrum's valid pixels span less than four fifths of the grid.
    """
    result = np.empty((len(flux), N_WAVELENGTH), np.float32)
    for i, (values, good) in enumerate(zip(flux, valid, strict=True)):
        x, y = wavelength[good], values[good]
        inside = (x[0] <= WAVELENGTH) & (x[-1] >= WAVELENGTH) if good.any() else np.zeros(N_WAVELENGTH, bool)
        if inside.mean() < COVERAGE:
            ends = f"{WAVELENGTH[0]:.0f} to {WAVELENGTH[-1]:.0f} Å"
            raise BookError(
                f"Spectrum {i} covers {inside.mean():.0%} of {ends}: leave out spectra with less than {COVERAGE:.0%}."
            )
        result[i] = np.interp(WAVELENGTH, x, y, left=np.median(y[:EDGE]), right=np.median(y[-EDGE:]))
    return result


def read_sky_spectra(path: str | Path) -> SkySpectra:
    """Read real spectra from an ``.npz`` file.

    Parameters
    ----------
    path : str or Path
        With ``flux`` (n, p) in any unit, ``wavelength`` (p,) in Å in vacuum, ``redshift`` (n,), and if known ``ivar``
        or ``valid`` (n, p): pixels without weight are bridged.

    Raises
    ------
    BookError
        If the file is not there, lacks an array, or the shapes do not fit.
    """
    content = _arrays(path, ("flux", "wavelength", "redshift"), "real spectra")
    flux, wavelength, redshift = (np.asarray(content[name], float) for name in ("flux", "wavelength", "redshift"))
    if flux.shape != (redshift.size, wavelength.size) or not redshift.size:
        raise BookError(
            f"{path}: flux {flux.shape} must be (n, p) with wavelength (p,), here {wavelength.shape}, and "
            f"redshift (n,), here {redshift.shape}."
        )
    if not (np.diff(wavelength) > 0).all():
        raise BookError(f"{path}: wavelength must increase from pixel to pixel.")
    weight = content.get("valid", content.get("ivar", np.ones_like(flux)))
    valid = np.isfinite(flux) & (np.asarray(weight) > 0)
    resampled = resample(flux, wavelength, valid)
    relative = all(_without_level(values[good]) for values, good in zip(flux, valid, strict=True))
    return SkySpectra(_levelled(resampled) if relative else resampled, redshift, wavelength, valid, relative)


def read_sky_images(path: str | Path, n: int = 12) -> np.ndarray:
    """Read real cut-outs, (m, 152, 152, 3) nanomaggies in g, r, z, ``n`` of them at most.

    Parameters
    ----------
    path : str or Path
        An ``.npz`` file with ``images``, or a file of pairs in the layout of the AstroCLIP release.
    n : int

    Raises
    ------
    BookError
        If the file is not there or has no such images.
    """
    if h5py.is_hdf5(path):
        with open_pairs(path) as file:
            return np.concatenate([file[group]["images"][: -(-n // len(GROUPS))] for group in GROUPS])[:n]
    images = _arrays(path, ("images",), "real images")["images"]
    if images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE, 3):
        raise BookError(f"{path}: images have shape {images.shape}, expected (n, {IMAGE_SIZE}, {IMAGE_SIZE}, 3).")
    return images[:n]


def _without_level(values: np.ndarray) -> bool:
    """Whether a spectrum's mean or median has been subtracted."""
    return min(abs(np.median(values)), abs(values.mean())) < 1e-3 * values.std()


def _levelled(flux: np.ndarray) -> np.ndarray:
    return flux - np.median(flux, axis=1, keepdims=True)


def _arrays(path: str | Path, names: tuple[str, ...], what: str) -> dict[str, np.ndarray]:
    content = read_npz(Path(path), (*names, "valid", "ivar"), f"a file of {what}, or none")
    missing = [name for name in names if name not in content]
    if missing:
        raise BookError(f"{path} has no {', '.join(missing)}: a file of {what} needs {', '.join(names)}.")
    return content
