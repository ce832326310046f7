"""Arrays of others, with or without masks and units, checked and brought onto the grid of the pairs."""

from __future__ import annotations

import logging
import warnings

import numpy as np
from astropy import units as u

from astroclip_book.data.pairs import PIXEL_SCALE, WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.observations.grid import rebin
from real_sky.observations.observed import Images, Spectra, some

log = logging.getLogger(__name__)

STRETCH = 100  # pixels whose noise is taken as the same
OPTICAL = (3000.0, 11000.0)  # Å: wavelengths of which none lies here are in another unit
_TO_ANGSTROM = {"nm": lambda w: 10 * w, "µm": lambda w: 1e4 * w, "m": lambda w: 1e10 * w,
                "log10 Å": lambda w: 10**w, "ln Å": np.exp}  # fmt: skip


def spectra_of_arrays(
    flux, wavelength=None, ivar=None, valid=None, redshift=None, name=None, error=None, mask=None, where="the spectra"
) -> Spectra:
    """Spectra (n, p) in any constant scale, at wavelengths (p,) in vacuum; ``where`` is what messages call them.

    Without wavelengths the grid is DESI's; those in nm, µm, m or log Å are recognised. The noise is given by ``ivar`` or
    ``error`` (n, p), or measured from differences of neighbouring pixels. Not seen were pixels where ``valid`` (n, p) is 0,
    ``mask`` (n, p) is not, an array is masked, or a number is not finite. Units of astropy are converted. ``redshift`` and
    ``name`` are (n,).

    Raises
    ------
    BookError
        For shapes that do not fit, numbers and units that make no sense, and if no spectrum covers enough of the grid.
    """
    flux, seen, unit = _numbers(flux, "flux", where)
    if flux.ndim != 2 or not flux.size:
        raise BookError(f"{where}: flux {flux.shape} must be (n, p), n spectra of p pixels; one alone is flux[None].")
    redshift, name = _identity(redshift, name, len(flux), where)
    wavelength, seen = angstrom(wavelength, where), _seen(seen, valid, mask, where)
    if ivar is not None:
        ivar, there, own = _numbers(ivar, "ivar", where)
        ivar = ivar * _scale(own, unit, "ivar", where, -2)
    elif error is not None:
        error, there, own = _numbers(error, "error", where)
        with np.errstate(divide="ignore", over="ignore"):
            ivar = 1 / np.square(error * _scale(own, unit, "error", where))
    else:
        ivar, there = _measured(np.where(seen, flux, np.nan)), seen
    flux, ivar = gridded(flux, np.where(there, ivar, 0), wavelength, seen, name, where)
    if unit and unit != u.dimensionless_unscaled:
        of_frequency = u.spectral_density(WAVELENGTH * u.AA)
        scale = _scale(unit, u.Unit("erg / (s cm2 AA)"), "flux", where, equivalencies=of_frequency)
        flux, ivar = flux * scale, ivar / np.square(scale)
    return Spectra.checked(flux, ivar, redshift, name, where)


def images_of_arrays(
    images, redshift=None, name=None, pixel_scale=PIXEL_SCALE, valid=None, mask=None, where="the images"
) -> Images:
    """Images (n, h, w, 3) in nanomaggies g, r, z, the galaxy in the centre; those that are larger are cropped.

    ``valid`` and ``mask``, (n, h, w) or (n, h, w, 3), say what was seen, as for spectra.

    Raises
    ------
    BookError
        For another shape, unit or ``pixel_scale`` (arcsec), and if no image shows enough.
    """
    kind = " and bytes, as a picture" if getattr(images, "dtype", None) == np.uint8 else ""
    images, seen, unit = _numbers(images, "images", where)
    if images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0 or kind:
        raise BookError(f"{where} have shape {images.shape}{kind}: expected (n, h, w, 3) in nanomaggies g, r, z.")
    if not np.allclose(scale := _numbers(pixel_scale, "pixel_scale", where)[0], PIXEL_SCALE, rtol=0.01):
        raise BookError(f"{where} have pixels of {scale.max():.4g} arcsec, {PIXEL_SCALE} are needed: resample them.")
    images = np.where(_seen(seen, valid, mask, where), images * _scale(unit, u.nmgy, "images", where), np.nan)
    return Images.checked(images, *_identity(redshift, name, len(images), where), where)


def gridded(flux, ivar, wavelength, seen, name, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes and inverse variances (n, 7781) of (n, p) at wavelengths (p,); pixels that make no sense count as not ``seen``.

    BookError for shapes that do not fit, and wavelengths that do not increase.
    """
    if flux.ndim != 2 or wavelength.shape != flux.shape[1:]:
        grid = f"{wavelength.shape} (DESI's grid where none is given)"
        raise BookError(f"{where}: flux {flux.shape} must be (n, p), and wavelength {grid} (p,).")
    if ivar.shape != flux.shape:
        raise BookError(f"{where}: ivar or error {ivar.shape} must have the shape of flux, {flux.shape}.")
    if flux.shape[1] < 2 or not (np.diff(wavelength) > 0).all():  # NaN does not increase either
        raise BookError(f"{where}: wavelengths must increase from pixel to pixel, in Å.")
    odd = seen & (ivar != 0) & ~(np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0))
    counted = np.ma.masked_array(flux, ~seen | odd | (ivar == 0))
    odd |= ~counted.mask & np.ma.filled(counted.ptp(axis=1) == 0, False)[:, None]  # somebody filled the spectrum
    if odd.any():
        text = "%s: %d pixels do not count: flux or ivar is not finite, ivar negative, or the whole spectrum one value: in %s"
        log.warning(text, where, odd.sum(), some(name[odd.any(axis=1)]))
    ivar = np.where(seen & ~odd, ivar, 0)
    rebinned = [rebin(one, weight, wavelength) for one, weight in zip(flux, ivar, strict=True)]
    return tuple(map(np.array, zip(*rebinned, strict=True)))


def _numbers(values, what: str, where: str) -> tuple[np.ndarray, np.ndarray, u.UnitBase | None]:
    """An array without its mask and unit, where it was not masked, and its unit, if any."""
    if isinstance(values, (list, tuple)) and any(isinstance(one, np.ma.MaskedArray) for one in values):
        values = np.ma.stack(values)
    mask = values.mask if isinstance(values, np.ndarray) and hasattr(values, "mask") else False
    try:
        numbers = np.array(values, float)
    except (TypeError, ValueError) as error:
        raise BookError(f"{where}: {what} must be an array of numbers ({error}).") from error
    return numbers, np.broadcast_to(~np.asarray(mask, bool), numbers.shape), getattr(values, "unit", None)


def _scale(unit, into, what: str, where: str, power=1, equivalencies=()) -> float | np.ndarray:
    """What numbers in one unit are to be multiplied by to be in a power of another; plain numbers stay as they are."""
    try:
        if isinstance(unit, u.FunctionUnitBase):
            raise TypeError(f"{unit} is logarithmic")
        into = u.dimensionless_unscaled if into is None else into**power
        return 1.0 if unit is None else (1 * unit).to_value(into, equivalencies)
    except (u.UnitsError, TypeError, ValueError) as error:
        raise BookError(f"{where}: {what} cannot be used in its unit ({error}): give plain numbers.") from error


def _seen(seen: np.ndarray, valid, mask, where: str) -> np.ndarray:
    for what, flags in (("valid", valid), ("mask", mask)):
        if flags is not None:
            values, there, _ = _numbers(flags, what, where)
            if values.ndim == 3 and seen.ndim == 4:  # the same for all bands
                values, there = values[..., None], there[..., None]
            if values.shape not in (seen.shape, (*seen.shape[:-1], 1)):
                raise BookError(f"{where}: {what} {values.shape} must have the shape of flux or images, {seen.shape}.")
            seen = seen & there & ((values != 0) == (what == "valid"))
    return seen


def angstrom(wavelength, where: str) -> np.ndarray:
    """Wavelengths in Å, from the unit that they have or seem to have (else a BookError); the grid of the pairs where there are none."""
    if wavelength is None:
        return WAVELENGTH
    numbers, there, unit = _numbers(wavelength, "wavelength", where)
    if not there.all() or not numbers.size:
        raise BookError(
            f"{where}: wavelength has {(~there).sum()} masked values among {numbers.size}: every pixel needs one."
        )
    if unit and unit != u.dimensionless_unscaled:
        numbers = numbers * _scale(unit, u.AA, "wavelength", where)
    if ((numbers > OPTICAL[0]) & (numbers < OPTICAL[1])).any():
        return numbers
    ends = f"from {numbers[0]:.6g} to {numbers[-1]:.6g}" if numbers.ndim == 1 else f"of shape {numbers.shape}"
    for name, convert in _TO_ANGSTROM.items():
        with np.errstate(over="ignore"):
            converted = convert(numbers)
        if ((converted > OPTICAL[0]) & (converted < OPTICAL[1])).any():
            log.warning("%s: wavelengths %s are taken for %s", where, ends, name)
            return converted
    raise BookError(f"{where}: wavelengths {ends} have another unit than Å, or none lies between 3000 and 11000 Å.")


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
    numbers, there, _ = _numbers(np.full(n, np.nan) if redshift is None else redshift, "redshift", where)
    names = np.arange(n) if name is None else np.asarray(name)
    for what, values in (("redshift", numbers), ("name", names)):
        if values.shape != (n,):
            raise BookError(f"{where}: {what} has shape {values.shape}, there are {n} objects.")
    return np.where(there, numbers, np.nan), names
