"""The best that anybody could do on the test split, from the mock's truth: ``oracle.h5``."""

from pathlib import Path

import numpy as np

from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.evaluate import photoz
from astroclip_book.evaluate.metrics import r2_interval
from bookmaking.store import Run
from mock_survey.oracle.predictions import PROPERTIES, oracle_predictions
from mock_survey.survey import FIRST_TARGETID, truth

OUTLIER = 0.05  # of |dz| / (1 + z)


def oracle(run: Run, scratch: Path) -> dict:
    """Predict the properties of the test split from its truth and its noise; of real pairs, nobody knows them."""
    path = scratch / "oracle.h5"
    if run.preset.data.pairs_path:
        write_hdf5(path, {"index": np.empty(0, int)})
        return {}
    survey, seed, bootstrap = run.preset.survey, run.preset.seed, run.preset.evaluation.bootstrap
    index = Index.load(run.path("index.h5"))
    pairs, test = Pairs(run.path("pairs.h5"), index), index.where("test")
    rows = index.targetid[test] - FIRST_TARGETID
    predictions = oracle_predictions(survey, seed, rows, pairs.spectra(test))
    galaxies = truth(survey, seed)
    scores: dict = {}
    for name, values in PROPERTIES.items():
        known = values(galaxies)[rows]
        scores[name] = {of: r2_interval(known, value, bootstrap, seed) for of, value in predictions[name].items()}
    for modality, value in predictions["redshift"].items():
        error = photoz.errors(galaxies["redshift"][rows], value)
        scores["redshift"][modality] |= {"nmad": photoz.nmad(error), "outliers": photoz.outliers(error, OUTLIER)}
    arrays = {f"{name}/{of}": value for name, both in predictions.items() for of, value in both.items()}
    write_hdf5(path, {"index": test, **arrays})
    return {"oracle": scores}
