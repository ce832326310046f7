"""SDSS spectra, ``spec-PLATE-MJD-FIBER.fits``: one object on a grid that is even in log wavelength, in vacuum.

The data model: https://data.sdss.org/datamodel/files/BOSS_SPECTRO_REDUX/RUN2D/spectra/PLATE4/spec.html
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from real_sky.observations.arrays import spectra_of_arrays
from real_sky.observations.fits_files import columns, opened
from real_sky.observations.observed import Spectra


def read_spec(path: Path) -> Spectra:
    """Read one SDSS spectrum, resampled to the grid of the pairs; `arrays.spectra_of_arrays` says what is refused.

    SDSS begins near 3800 Å and its first spectrographs end near 9200 Å: 13 % of the grid is filled in, which costs some
    accuracy.
    """
    with opened(path) as file:
        flux, loglam, ivar = (np.asarray(file[1].data[name], float)[None] for name in ("flux", "loglam", "ivar"))
        redshift = float(file[2].data["Z"][0]) if "Z" in columns(file, 2) else np.nan
    return spectra_of_arrays(flux, 10 ** loglam[0], ivar, redshift=[redshift], name=[path.stem], where=str(path))
