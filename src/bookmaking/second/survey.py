"""A few galaxies of another mock survey, as files, for a reader who has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from bookmaking.second.files import write_coadd, write_cutout
from mock_survey.config import Survey
from mock_survey.images import cutouts as images
from mock_survey.spectra import light as spectra
from mock_survey.spectra import spectrograph
from mock_survey.survey import truth

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
