"""Arrays of a reader, checked and brought onto the grid."""

from __future__ import annotations

import warnings

import numpy as np

from astroclip_book.data.pairs import PIXEL_SCALE, WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.observations.grid import rebin
from real_sky.observations.observed import Images, Spectra

STRETCH = 100  # pixels whose noise is taken as the same


def spectra_of_arrays(
    flux, wavelength=WAVELENGTH, ivar=None, valid=None, redshift=None, name=None, where: str = "the spectra"
) -> Spectra:
    """Spectra (n, p) in any constant scale, on any grid of wavelengths (p,) in Å and vacuum; ``where`` is what messages call them.

    Without ``ivar`` (n, p), the noise is measured from differences of neighbouring pixels, and pixels that are not finite were not
    seen; ``valid`` (n, p) says which were. ``redshift`` and ``name`` are (n,).

    Raises
    ------
    BookError
        For shapes that do not fit, numbers that make no sense, and grids that cover too little.
    """
    flux, wavelength = np.asarray(flux, float), np.asarray(wavelength, float)
    seen = np.ones(flux.shape, bool) if valid is None else np.asarray(valid, bool)
    if seen.shape != flux.shape:
        raise BookError(f"{where}: valid {seen.shape} must have the shape of flux, {flux.shape}.")
    if ivar is None and flux.ndim == 2 and flux.size:
        ivar = _measured(np.where(seen, flux, np.nan))
    ivar = np.where(seen, np.asarray(ivar, float), 0) if np.shape(ivar) == flux.shape else np.asarray(ivar, float)
    check_weights(flux, ivar, wavelength, where)
    flux, ivar = (np.array(values) for values in zip(*map(rebin, flux, ivar, [wavelength] * len(flux)), strict=True))
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
        found = f"{np.max(pixel_scale):.4g}"
        raise BookError(f"{where} have pixels of {found} arcsec, {PIXEL_SCALE} are needed: resample them.")
    return Images.checked(images, *_identity(redshift, name, len(images), where), where)


def check_weights(flux: np.ndarray, ivar: np.ndarray, wavelength: np.ndarray, where: str) -> None:
    """Refuse inverse variances (n, p) that make no sense beside fluxes (n, p) at wavelengths (p,).

    Raises
    ------
    BookError
        For shapes that do not fit, wavelengths that do not increase, and numbers that are negative or not finite where they count.
    """
    if flux.ndim != 2 or ivar.shape != flux.shape or wavelength.shape != flux.shape[1:] or flux.size == 0:
        raise BookError(
            f"{where}: flux {flux.shape} and ivar {ivar.shape} must be (n, p), and wavelength {wavelength.shape} (p,)."
        )
    if flux.shape[1] < 2 or not (np.diff(wavelength) > 0).all():  # NaN does not increase either
        raise BookError(f"{where}: wavelengths must increase from pixel to pixel, in Å.")
    if bad := int((~(ivar >= 0) | np.isinf(ivar)).sum()):
        raise BookError(
            f"{where}: {bad} inverse variances are negative or not finite. They are 1 / σ²: set pixels that are not to count to 0."
        )
    if lost := int((~np.isfinite(flux) & (ivar > 0)).sum()):
        raise BookError(
            f"{where}: {lost} fluxes are not finite where the inverse variance is above 0: set it to 0 there."
        )


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


def _identity(redshift, name, n: int, where: str) -> list[np.ndarray]:
    """Redshifts and names (n,): unknown, and counted, where none are given."""
    found = [np.full(n, np.nan) if redshift is None else np.asarray(redshift, float),
             np.arange(n) if name is None else np.asarray(name)]  # fmt: skip
    for what, values in zip(("redshift", "name"), found, strict=True):
        if values.shape != (n,):
            raise BookError(f"{where}: {what} has shape {values.shape}, there are {n} objects.")
    return found
