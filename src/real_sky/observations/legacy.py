"""Cut-outs of the Legacy Surveys: (bands, height, width) in nanomaggies, with a world coordinate system.

As https://www.legacysurvey.org/viewer/fits-cutout returns them.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from astroclip_book.data.pairs import BANDS, IMAGE_SIZE, PIXEL_SCALE
from astroclip_book.errors import BookError
from real_sky.observations.fits_files import names, opened
from real_sky.observations.observed import Images

TOLERANCE = 0.01  # of the pixel scale: a galaxy's size is known no better from its pixels
REQUEST = f"layer=ls-dr9&pixscale={PIXEL_SCALE}&size={IMAGE_SIZE}&bands=grz"


def read_cutout(path: Path) -> Images:
    """Read one cut-out, the galaxy in its centre.

    Raises
    ------
    BookError
        If the file has no such image, another pixel scale, other bands, or too few pixels.
    """
    with opened(path) as file:
        image = next((hdu for hdu in file if hdu.is_image and hdu.header.get("NAXIS") == 3), None)
        if image is None:
            raise BookError(
                f"{path} has no image with three axes, it has {names(file)}: ask for a cut-out by {REQUEST}."
            )
        header, values = image.header, np.asarray(image.data, float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        world = WCS(header).celestial
    if not world.has_celestial:
        raise BookError(f"{path} does not say how large its pixels are (no CTYPE, CD or CDELT): ask for {REQUEST}.")
    scale = 3600 * proj_plane_pixel_scales(world)
    if (np.abs(scale / PIXEL_SCALE - 1) > TOLERANCE).any():
        found = f"{scale[0]:.4g} × {scale[1]:.4g}"
        raise BookError(f"{path} has pixels of {found} arcsec, {PIXEL_SCALE} are needed: ask for {REQUEST}.")
    bands = str(header.get("BANDS", "".join(BANDS))).strip()
    if len(bands) != len(values) or not set(BANDS) <= set(bands):
        raise BookError(f"{path} has {len(values)} planes and BANDS = '{bands}': g, r and z are needed ({REQUEST}).")
    values = np.stack([values[bands.index(band)] for band in BANDS], axis=-1)
    return Images.checked(values[None], [np.nan], [path.stem], str(path))
