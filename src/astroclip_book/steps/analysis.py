"""Structure of the embedding space: ``analysis.h5``."""

from pathlib import Path

import h5py

from astroclip_book.clusters import analyse
from astroclip_book.embeddings import Embeddings
from astroclip_book.run import Run
from astroclip_book.steps.truth import truth


def analysis(run: Run, scratch: Path) -> dict:
    """Project and cluster the test split."""
    embeddings = Embeddings.load(run.path("embeddings.h5"))
    test = embeddings.where("test")
    labels = truth(run, embeddings.targetid[test]) | {"Z": embeddings.redshift[test]}
    arrays, metrics = analyse(
        embeddings.image[test], embeddings.spectrum[test], labels, run.preset.analysis, run.preset.seed
    )
    with h5py.File(scratch / "analysis.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values
        file["index"] = test
    return metrics
