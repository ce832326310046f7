"""A few galaxies of another mock survey, as files like those of DESI and the Legacy Surveys, for a reader who has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.io import fits

from astroclip_book.data.pairs import BANDS, PIXEL_SCALE, WAVELENGTH
from mock_survey import Survey
from mock_survey.images import cutouts as images
from mock_survey.spectra import light as spectra
from mock_survey.spectra import spectrograph
from mock_survey.survey import truth

ARMS = {"B": (3600.0, 5800.0), "R": (5760.0, 7620.0), "Z": (7520.0, 9824.0)}  # Å, first and last pixel of a DESI coadd
ANOTHER = 1_000_003  # added to a run's seed: its own seed would give its own galaxies
OTHER_IDS = 500_000_000_000_000  # added to targetids, so that none is that of a galaxy of the run


def write_second_survey(survey: Survey, seed: int, n: int, directory: Path) -> tuple[Path, list[Path], np.ndarray]:
    """Draw n galaxies as a run's survey draws its own, from another seed and without artefacts, and write them as files.

    Returns one DESI-like file with all spectra, the redshifts beside it; one Legacy-Survey-like file for each image, in the
    same order; and the redshifts (n,).
    """
    seed = seed + ANOTHER
    galaxies = truth(replace(survey, n_galaxies=n, artefact_fraction=0.0), seed)
    galaxies["targetid"] += OTHER_IDS
    noiseless = spectra.observed_spectra(galaxies, galaxies["aperture"])
    generators = [np.random.default_rng([seed, 4, i]) for i in galaxies["index"]]
    flux, sigma = spectrograph.expose(noiseless, galaxies, generators)
    coadd = directory / "coadd-mock-bright-0.fits"
    ivar = np.where(flux == 0, 0, 1 / np.square(sigma)).astype(np.float32)  # where the mock masks, its flux is 0
    write_coadd(coadd, flux.astype(np.float32), ivar, galaxies["targetid"], galaxies["redshift"])
    cut_outs = [directory / f"cutout-{targetid}.fits" for targetid in galaxies["targetid"]]
    for i, path in enumerate(cut_outs):
        galaxy, rng = {name: values[i] for name, values in galaxies.items()}, np.random.default_rng([seed, 3, i])
        write_cutout(path, images.draw_image(galaxy, rng))
    return coadd, cut_outs, galaxies["redshift"]


def write_coadd(path: Path, flux: np.ndarray, ivar: np.ndarray, targetid: np.ndarray, redshift: np.ndarray) -> None:
    """Write spectra (n, 7781) by arm, ``coadd-….fits``, and their redshifts beside it, ``redrock-….fits``.

    Where two arms overlap, each has the same flux and half of the inverse variance: joined, they are what was written.
    """
    seen = {arm: (WAVELENGTH > low - 0.1) & (WAVELENGTH < high + 0.1) for arm, (low, high) in ARMS.items()}
    shared, ids = sum(seen.values()), fits.Column("TARGETID", "K", array=targetid)
    kinds = fits.Column("OBJTYPE", "3A", array=["TGT"] * len(targetid))
    parts = [fits.PrimaryHDU(), fits.BinTableHDU.from_columns([ids, kinds], name="FIBERMAP")]
    for arm, there in seen.items():
        weight = ivar[:, there] / shared[there]
        arrays = {"WAVELENGTH": WAVELENGTH[there], "FLUX": flux[:, there], "IVAR": weight, "MASK": np.int32(weight * 0)}
        parts += [fits.ImageHDU(values, name=f"{arm}_{name}") for name, values in arrays.items()]
    fits.HDUList(parts).writeto(path, overwrite=True)
    table = fits.BinTableHDU.from_columns([ids, fits.Column("Z", "D", array=redshift)], name="REDSHIFTS")
    beside = path.with_name(path.name.replace("coadd-", "redrock-", 1))
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(beside, overwrite=True)


def write_cutout(path: Path, image: np.ndarray, pixel_scale: float = PIXEL_SCALE) -> None:
    """Write one image (h, w, 3) in nanomaggies g, r, z as the cut-out service of the Legacy Surveys does."""
    high, wide = image.shape[:2]
    header = {"BANDS": "".join(BANDS), "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 180.0, "CRVAL2": 0.0}
    header |= {"CRPIX1": (wide + 1) / 2, "CRPIX2": (high + 1) / 2}
    header |= {"CD1_1": -pixel_scale / 3600, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": pixel_scale / 3600}
    fits.PrimaryHDU(np.moveaxis(image, -1, 0), fits.Header(header)).writeto(path, overwrite=True)
