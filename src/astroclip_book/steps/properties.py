"""Redshift, stellar mass and more, with yardsticks: ``predictions.h5``."""

from pathlib import Path

from astroclip_book.embeddings import Embeddings, other_seeds
from astroclip_book.properties import known_properties, predict_properties
from astroclip_book.run import Run
from astroclip_book.steps.truth import truth
from astroclip_book.yardsticks import yardsticks


def properties(run: Run, scratch: Path) -> dict:
    """Predict the properties of the test split, from embeddings and from what is easier to get."""
    path, config, seed = run.path("embeddings.h5"), run.preset.evaluation, run.preset.seed
    embeddings = Embeddings.load(path)
    catalog = truth(run, embeddings.targetid)
    known = known_properties(embeddings, catalog)
    seeds = [embeddings, *other_seeds(path)]
    return {
        "property": predict_properties(seeds, known, config, seed, scratch / "predictions.h5"),
        "baseline": yardsticks(embeddings, run.path("features.h5"), catalog, known, config, seed),
    }
