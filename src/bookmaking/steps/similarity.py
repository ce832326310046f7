"""Similarity search: how well it finds counterparts and rare objects, and the geometry behind it. Numbers only."""

from pathlib import Path

import numpy as np

from astroclip_book.config import Evaluation
from astroclip_book.data.embeddings import Embeddings, other_seeds
from astroclip_book.evaluate.approximate import recall_of_index
from astroclip_book.evaluate.geometry import geometry
from astroclip_book.evaluate.rare import rare_kinds, rare_precision
from astroclip_book.evaluate.retrieval import drawn_scores, retrieval
from bookmaking.steps.truth import truth
from bookmaking.store import Run

NEIGHBOURS = 10  # that the index is to find


def similarity(run: Run, scratch: Path) -> dict:
    """Score searches within the test set; the index, on all galaxies: the largest gallery of the run."""
    embeddings = Embeddings.load(run.path("embeddings.h5"))
    test, seed, evaluation = embeddings.where("test"), run.preset.seed, run.preset.evaluation
    image, spectrum = embeddings.image[test], embeddings.spectrum[test]
    others = [(one.image[test], one.spectrum[test]) for one in other_seeds(run.path("embeddings.h5"))]
    kinds = rare_kinds(truth(run, embeddings.targetid[test]))
    return {
        "retrieval": {
            name: _retrieval([pair[::order] for pair in ((image, spectrum), *others)], evaluation, seed)
            for name, order in (("image_to_spectrum", 1), ("spectrum_to_image", -1))
        },
        "geometry": geometry(image, spectrum, seed),
        "rare": rare_precision({"image": image, "spectrum": spectrum}, kinds, evaluation.bootstrap, seed),
        "search": recall_of_index(image, embeddings.spectrum, NEIGHBOURS),
    }


def _retrieval(pairs: list[tuple[np.ndarray, np.ndarray]], config: Evaluation, seed: int) -> dict:
    """Scores by the first heads, and recall at 10 by all: ``recall_at_10_seeds``."""
    found = retrieval(*pairs[0], config.pool, seed, bootstrap=config.bootstrap)
    again = [drawn_scores(*pair, config.pool, seed) for pair in pairs[1:]]
    recall = [float(np.mean([one["recall_at_10"] for one in drawn])) for drawn in again]
    return found | {"recall_at_10_seeds": [found["recall_at_10"], *recall]}
