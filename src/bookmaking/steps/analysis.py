"""Structure of the embedding space: ``analysis.h5``."""

from pathlib import Path

import h5py

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.evaluate.space.analysis import analyse
from bookmaking.run import Run
from bookmaking.steps.truth import truth


def analysis(run: Run, scratch: Path) -> dict:
    """Project and cluster the test split."""
    embeddings = Embeddings.load(run.path("embeddings.h5"))
    test, validation = embeddings.where("test"), embeddings.where("validation")
    labels = truth(run, embeddings.targetid[test]) | {"Z": embeddings.redshift[test]}
    vectors = {"image": embeddings.image, "spectrum": embeddings.spectrum}
    of_test, of_validation = ({name: values[rows] for name, values in vectors.items()} for rows in (test, validation))
    config, bootstrap = run.preset.analysis, run.preset.evaluation.bootstrap
    arrays, metrics = analyse(of_test, of_validation, labels, config, bootstrap, run.preset.seed)
    with h5py.File(scratch / "analysis.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values
        file["index"] = test
    return metrics
