"""SDSS spectra, ``spec-PLATE-MJD-FIBER.fits``: one object on a grid that is even in log wavelength, in vacuum.

The data model: https://data.sdss.org/datamodel/files/BOSS_SPECTRO_REDUX/RUN2D/spectra/PLATE4/spec.html
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from astroclip_book.errors import BookError
from real_sky.observations.fits_files import checked_weights, columns, names, native, opened
from real_sky.observations.grid import rebin
from real_sky.observations.observed import Spectra


def read_spec(path: Path) -> Spectra:
    """Read one SDSS spectrum, resampled to the grid of the pairs.

    SDSS begins near 3800 Å and its first spectrographs end near 9200 Å: 13 % of the grid is filled in, which costs some
    accuracy.

    Raises
    ------
    BookError
        If the file lacks extensions or columns, or its numbers make no sense.
    """
    with opened(path) as file:
        if not {"FLUX", "LOGLAM", "IVAR"} <= columns(file, 1):
            raise BookError(
                f"{path} is no SDSS spectrum: it has {', '.join(names(file)[:8])}; expected is a second extension "
                "with the columns flux, loglam and ivar. Give it a spec-*.fits of DR9 or later."
            )
        table = file[1].data
        flux, loglam, ivar = (native(table[name]) for name in ("flux", "loglam", "ivar"))
        redshift = float(file[2].data["Z"][0]) if "Z" in columns(file, 2) else np.nan
    wavelength = 10**loglam
    checked_weights(flux[None], ivar[None], wavelength, str(path))
    flux, ivar = rebin(flux, ivar, wavelength)
    return Spectra.checked(flux[None], ivar[None], np.array([redshift]), [path.stem], str(path))
