"""The survey beside the sky: ``sky.h5``."""

from pathlib import Path

import h5py
import numpy as np

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.data.sampling import evenly
from bookmaking.steps.truth import truth
from bookmaking.store import Run
from real_sky.sky import distances
from real_sky.sky import stored as sky
from real_sky.sky.hosts import host_weight
from real_sky.sky.samples import read_sky_spectra
from real_sky.sky.texture import texture
from real_sky.sky.transfer import REDSHIFTS, transfer

N_SPECTRA, N_IMAGES = 2000, 500  # enough for a few per cent of a standard deviation


def realism(run: Run, scratch: Path) -> dict:
    """Measure how far the survey is from stored statistics of the sky, and from real spectra where some are given."""
    index = Index.load(run.path("index.h5"))
    pairs, real = Pairs(run.path("pairs.h5"), index), sky.reference()
    spread = distances.spectra_spread(pairs, evenly(len(index), N_SPECTRA))
    catalog = truth(run, index.targetid)
    magnitudes, bins = distances.observed_magnitudes(catalog, len(index)), real["colours"]["bins"]
    weight = host_weight(magnitudes[:, 1], index.redshift, catalog)
    metrics = {
        "redshift_ks": distances.redshift_ks(index.redshift, real["redshift"]["percentiles"]),
        "colour": distances.colour_distances(magnitudes, bins),
        "colour_as_hosts": distances.colour_distances(magnitudes, bins, weight),
        "spectra_std_within_30": distances.share_alike(spread, real["spectra_std"]["std"]),
        "noise_ratio": distances.noise_ratio(pairs.images(evenly(len(index), N_IMAGES))),
    }
    with h5py.File(scratch / "sky.h5", "w") as file:
        file["spectra_std"] = spread
        if run.preset.sky.spectra_path:
            scores, arrays = _asked(run, pairs)
            metrics |= scores
            for name, values in arrays.items():
                file[name] = values
    return {"sky": metrics}


def _asked(run: Run, pairs: Pairs) -> tuple[dict, dict]:
    """What real spectra say: can they be told from the survey's, and does the survey know their redshifts?"""
    from astroclip_book.model import AstroCLIP  # loads torch, which a run without real spectra does not need here

    spectra = read_sky_spectra(run.preset.sky.spectra_path).within(*REDSHIFTS)
    config, seed = run.preset.evaluation, run.preset.seed
    model, gallery = AstroCLIP.from_run(run.directory, run.device), Embeddings.load(run.path("embeddings.h5"))
    found = transfer(model, gallery, spectra.flux, spectra.redshift, config.k, config.bootstrap, seed)
    arrays = {f"transfer/{name}": values for name, values in found.items() if isinstance(values, np.ndarray)}
    scores = {"transfer": {"redshift": {name: found[name] for name in found if f"transfer/{name}" not in arrays}}}
    if len(spectra) >= distances.FOLDS:
        near = distances.companions(pairs.index.redshift, spectra.redshift)
        mock, real = texture(spectra.seen_alike(pairs.spectra(near))), texture(spectra.flux)
        arrays["texture"] = (real.mean(axis=0) - mock.mean(axis=0)) / np.maximum(mock.std(axis=0), 1e-6)
        scores["probe"] = distances.probe(mock, real, config.bootstrap, seed)
    return scores, arrays
