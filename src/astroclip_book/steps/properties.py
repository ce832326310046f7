"""Redshift and stellar mass: ``predictions.h5``."""

from pathlib import Path

from astroclip_book.embeddings import Embeddings
from astroclip_book.properties import predict_properties
from astroclip_book.run import Run
from astroclip_book.steps.truth import truth


def properties(run: Run, scratch: Path) -> dict:
    """Predict the properties of the test split."""
    embeddings = Embeddings.load(run.path("embeddings.h5"))
    catalog = truth(run, embeddings.targetid)
    path = scratch / "predictions.h5"
    return predict_properties(
        embeddings, run.path("features.h5"), catalog, run.preset.evaluation, run.preset.seed, path
    )
