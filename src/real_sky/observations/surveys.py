"""Files as surveys publish them: DESI coadds, SDSS spectra, cut-outs of the Legacy Surveys.

Data models: https://desidatamodel.readthedocs.io, ``coadd-SURVEY-PROGRAM-PIXNUM.fits`` and ``redrock-…`` beside it;
https://data.sdss.org/datamodel/files/BOSS_SPECTRO_REDUX/RUN2D/spectra/PLATE4/spec.html; cut-outs (bands, height, width) in
nanomaggies with a world coordinate system, as https://www.legacysurvey.org/viewer/fits-cutout returns them.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from astroclip_book.data.pairs import BANDS, PIXEL_SCALE
from astroclip_book.errors import BookError
from real_sky.observations.arrays import gridded, spectra_of_arrays
from real_sky.observations.fits_files import REQUEST, columns, names, opened
from real_sky.observations.observed import Images, Spectra

log = logging.getLogger(__name__)

TOLERANCE = 0.01  # of the pixel scale: a galaxy's size is known no better from its pixels
NO_OBJECT = ("SKY", "BAD", "NON", "")  # kinds of fibres: on the sky, broken, stuck


def read_coadd(path: str | Path, targetids: Iterable[int] | None = None) -> Spectra:
    """Read spectra of a DESI coadd, by default of all fibres on objects; arms that overlap are joined, weighted by inverse variance.

    Redshifts are those of ``redrock-…`` beside ``coadd-…``, where there is one.

    Raises
    ------
    BookError
        If the file lacks extensions or targets, or its numbers make no sense.
    """
    path = Path(os.path.expanduser(path))
    with opened(path) as file:
        arms = [hdu.name.removesuffix("_WAVELENGTH") for hdu in file if hdu.name.endswith("_WAVELENGTH")]
        needed = ["FIBERMAP", *(f"{arm}_{what}" for arm in arms for what in ("FLUX", "IVAR"))]
        if not arms or any(name not in file for name in needed) or "TARGETID" not in columns(file, "FIBERMAP"):
            raise BookError(
                f"{path} is no DESI coadd: it has {names(file)}; expected are FIBERMAP with TARGETID, and B_, R_ and Z_ each "
                "with WAVELENGTH, FLUX, IVAR and MASK."
            )
        table = file["FIBERMAP"].data
        known = np.asarray(table["TARGETID"], np.int64)
        rows = _rows(known, table, targetids, path)
        parts = [_arm(file, arm, rows, known, path) for arm in arms]
    ivar = np.sum([weight for _, weight in parts], axis=0)
    total = np.sum([flux * weight for flux, weight in parts], axis=0)
    flux = np.divide(total, ivar, out=np.zeros_like(total), where=ivar > 0)
    return Spectra.checked(flux, ivar, _redshifts(path, known[rows]), known[rows], str(path))


def read_spec(path: str | Path) -> Spectra:
    """Read one SDSS spectrum, ``spec-PLATE-MJD-FIBER.fits``, resampled to the grid of the pairs.

    SDSS begins near 3800 Å and its first spectrographs end near 9200 Å: 13 % of the grid is filled in, which costs some
    accuracy. `arrays.spectra_of_arrays` says what is refused.
    """
    path = Path(os.path.expanduser(path))
    with opened(path) as file:
        flux, loglam, ivar = (np.asarray(file[1].data[name], float)[None] for name in ("flux", "loglam", "ivar"))
        redshift = float(file[2].data["Z"][0]) if "Z" in columns(file, 2) else np.nan
    return spectra_of_arrays(flux, 10 ** loglam[0], ivar, redshift=[redshift], name=[path.stem], where=str(path))


def read_cutout(path: str | Path) -> Images:
    """Read one cut-out of the Legacy Surveys, the galaxy in its centre.

    Raises
    ------
    BookError
        If the file has no such image, another pixel scale, other bands, or too few pixels.
    """
    path = Path(os.path.expanduser(path))
    with opened(path) as file:
        image = next((hdu for hdu in file if hdu.is_image and hdu.header.get("NAXIS") == 3), None)
        if image is None:
            raise BookError(f"{path} has no image with three axes, it has {names(file)}: ask for {REQUEST}.")
        header, values = image.header, np.asarray(image.data, float)
        world = WCS(header).celestial
        if not world.has_celestial:
            raise BookError(f"{path} does not say how large its pixels are (no CTYPE, CD or CDELT): ask for {REQUEST}.")
        scale = 3600 * proj_plane_pixel_scales(world)
        if (np.abs(scale / PIXEL_SCALE - 1) > TOLERANCE).any():
            found = f"{scale[0]:.4g} × {scale[1]:.4g}"
            raise BookError(f"{path} has pixels of {found} arcsec, {PIXEL_SCALE} are needed: ask for {REQUEST}.")
        bands = str(header.get("BANDS", "".join(BANDS))).strip()
        if len(bands) != len(values) or not set(BANDS) <= set(bands):
            raise BookError(
                f"{path} has {len(values)} planes and BANDS = '{bands}': g, r and z are needed ({REQUEST})."
            )
        values = np.stack([values[bands.index(band)] for band in BANDS], axis=-1)
    return Images.checked(values[None], [np.nan], [path.stem], str(path))


def _rows(known: np.ndarray, table: fits.FITS_rec, targetids: Iterable[int] | None, path: Path) -> np.ndarray:
    if targetids is None:
        kinds = np.char.strip(table["OBJTYPE"]) if "OBJTYPE" in table.names else np.full(len(known), "TGT")
        rows = np.flatnonzero(~np.isin(kinds, NO_OBJECT) & (known >= 0))
        if not len(rows):
            raise BookError(f"{path} has no objects, only {len(known)} fibres on the sky, broken or stuck.")
        return rows
    place = {targetid: row for row, targetid in reversed(list(enumerate(known.tolist())))}
    wanted = [int(one) for one in targetids]
    missing = [one for one in wanted if one not in place]
    if missing or not wanted:
        raise BookError(f"{path} has no TARGETID {missing[:3]}; it has {known[:3].tolist()} … ({len(known)} in all).")
    return np.array([place[one] for one in wanted])


def _arm(
    file: fits.HDUList, arm: str, rows: np.ndarray, known: np.ndarray, path: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Flux and inverse variance of one arm on the grid of the pairs, (n, 7781) each; masked pixels do not count."""
    wavelength, flux, ivar = (np.asarray(file[f"{arm}_{what}"].data, float) for what in ("WAVELENGTH", "FLUX", "IVAR"))
    mask = np.asarray(file[f"{arm}_MASK"].data) if f"{arm}_MASK" in file else np.zeros(flux.shape)
    if not len(known) == len(flux) == len(ivar) == len(mask):
        lengths = f"FIBERMAP {len(known)}, FLUX {len(flux)}, IVAR {len(ivar)}, MASK {len(mask)}"
        raise BookError(f"{path}, arm {arm}: tables and images must have a row for each fibre, here {lengths}.")
    return gridded(flux[rows], ivar[rows], wavelength, mask[rows] == 0, known[rows], f"{path}, arm {arm}")


def _redshifts(path: Path, targetids: np.ndarray) -> np.ndarray:
    """Redshifts of the pipeline, NaN where it has none."""
    name = path.name.replace("coadd-", "redrock-", 1)
    beside = [path.with_name(one) for one in (name, name.removesuffix(".gz"), f"{name}.gz")]
    redrock = next((one for one in beside if one != path and one.is_file()), None) if name != path.name else None
    found = {}
    if redrock:
        try:
            with opened(redrock) as file:
                table = file["REDSHIFTS"].data
                found = dict(zip(table["TARGETID"].tolist(), table["Z"].tolist(), strict=True))
        except BookError as error:
            log.warning("%s is read without redshifts. %s", path, error)
    return np.array([found.get(int(one), np.nan) for one in targetids])
