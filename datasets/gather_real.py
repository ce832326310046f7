"""Brings public spectra and pairs into the files that chapter 11 reads: ``python datasets/gather_real.py <directory> <new directory>``."""

import sys
from pathlib import Path

import numpy as np
from astropy.io import fits

from real_sky.observations.arrays import gridded

# Galaxies among the 25 native fibres of desihub/QuasarNP, and their redshifts by a template fit.
FIBRES = {5: 0.294, 13: 0.332, 19: 0.376}


def gather(directory: Path, target: Path) -> None:
    """Write ``DESI.npz``, ``DESI native.npz`` and ``SDSS pairs.npz``: chapter 11 names surveys by their files.

    The directory has ``desi_spectra_relative.npz``, ``desi_spectra.npz``, ``fits/coadd-25-fibres.fits`` and
    ``pairs/pairs10.npz``. The first two share a galaxy, at redshift 0.2036.
    """
    target.mkdir(parents=True, exist_ok=True)
    with np.load(directory / "desi_spectra_relative.npz", allow_pickle=False) as file:
        np.savez(target / "DESI.npz", **file)
    with np.load(directory / "pairs" / "pairs10.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("flux", "ivar", "redshift")}
        np.savez(target / "SDSS pairs.npz", images=file["grz"], name=file["objid"], **arrays)
    rows = list(FIBRES)
    with fits.open(directory / "fits" / "coadd-25-fibres.fits") as file:
        arms = [[file[f"{arm}_{what}"].data.astype(float) for what in ("FLUX", "IVAR", "WAVELENGTH")] for arm in "BRZ"]
    seen = [
        gridded(flux[rows], ivar[rows], grid, ivar[rows] > 0, np.array(rows), "fibres") for flux, ivar, grid in arms
    ]
    ivar = sum(weight for _, weight in seen)
    flux = sum(flux * weight for flux, weight in seen) / np.where(ivar > 0, ivar, 1)
    with np.load(directory / "desi_spectra.npz", allow_pickle=False) as file:
        parts = {"flux": flux, "ivar": ivar, "redshift": [*FIBRES.values()], "name": [f"fibre {row}" for row in rows]}
        known = {"name": file["targetid"].astype(str)} | {name: file[name] for name in ("flux", "ivar", "redshift")}
        np.savez(target / "DESI native.npz", **{name: np.concatenate([known[name], parts[name]]) for name in parts})


if __name__ == "__main__":
    gather(Path(sys.argv[1]), Path(sys.argv[2]))
