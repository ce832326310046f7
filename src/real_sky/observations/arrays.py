"""Arrays of a reader, checked and brought onto the grid."""

from __future__ import annotations

import warnings

import numpy as np

from astroclip_book.data.pairs import PIXEL_SCALE, WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.observations.fits_files import checked_weights
from real_sky.observations.grid import rebin
from real_sky.observations.observed import Images, Spectra

STRETCH = 100  # pixels whose noise is taken as the same


def spectra_of_arrays(
    flux, wavelength=WAVELENGTH, ivar=None, redshift=None, name=None, where: str = "the spectra"
) -> Spectra:
    """Spectra on any grid.

    Parameters
    ----------
    flux : (n, p) array
        Any constant scale.
    wavelength : (p,) array
        Å, vacuum.
    ivar : (n, p) array, optional
        Without it, the noise is measured from differences of neighbouring pixels, and pixels that are not finite were not seen.
    redshift, name : (n,) arrays, optional
    where : str
        What messages call them.

    Raises
    ------
    BookError
        For shapes that do not fit, numbers that make no sense, and grids that cover too little.
    """
    flux, wavelength = np.asarray(flux, float), np.asarray(wavelength, float)
    if ivar is None and flux.ndim == 2 and flux.size:
        ivar = _measured(flux)
    ivar = checked_weights(flux, np.asarray(ivar, float), wavelength, where)
    rebinned = [rebin(*one, wavelength) for one in zip(flux, ivar, strict=True)]
    flux, ivar = (np.array(values) for values in zip(*rebinned, strict=True))
    return Spectra.checked(flux, ivar, *_identity(redshift, name, len(flux), where), where)


def images_of_arrays(images, redshift=None, name=None, pixel_scale=PIXEL_SCALE, where: str = "the images") -> Images:
    """Images (n, h, w, 3) in nanomaggies g, r, z, the galaxy in the centre; those that are larger are cropped.

    Raises
    ------
    BookError
        For another shape, another ``pixel_scale`` (arcsec), or images that show too little.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
        raise BookError(f"{where} have shape {images.shape}: expected (n, height, width, 3) in nanomaggies g, r, z.")
    if not np.allclose(pixel_scale, PIXEL_SCALE, rtol=0.01):
        raise BookError(
            f"{where} have pixels of {np.max(pixel_scale):.4g} arcsec, {PIXEL_SCALE} are needed: resample them."
        )
    return Images.checked(images, *_identity(redshift, name, len(images), where), where)


def _measured(flux: np.ndarray) -> np.ndarray:
    """Inverse variances of spectra (n, p) from differences of neighbouring pixels, a median over each stretch of `STRETCH`.

    A stretch in which most neighbours are equal was not seen: somebody filled it.
    """
    difference = np.abs(np.diff(flux, axis=1, append=np.nan))
    starts = range(0, flux.shape[1], STRETCH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of stretches without a finite value
        middle = [np.nanmedian(difference[:, start : start + STRETCH], axis=1) for start in starts]
    sigma = np.repeat(np.stack(middle, axis=1), STRETCH, axis=1)[:, : flux.shape[1]] * 1.4826 / np.sqrt(2)
    known = np.isfinite(flux) & (sigma > 0)
    return np.divide(1, np.square(sigma), out=np.zeros_like(flux), where=known)


def _identity(redshift, name, n: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Redshifts and names (n,): unknown, and counted, where none are given."""
    redshift = np.full(n, np.nan) if redshift is None else np.asarray(redshift, float)
    name = np.arange(n) if name is None else np.asarray(name)
    for what, values in (("redshift", redshift), ("name", name)):
        if values.shape != (n,):
            raise BookError(f"{where}: {what} has shape {values.shape}, there are {n} objects.")
    return redshift, name
