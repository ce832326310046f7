"""Similarity search: how well it finds counterparts and rare objects, and the geometry behind it. Numbers only."""

from pathlib import Path

from astroclip_book.approximate import recall_of_index
from astroclip_book.embeddings import Embeddings
from astroclip_book.geometry import geometry
from astroclip_book.rare import rare_kinds, rare_precision
from astroclip_book.retrieval import retrieval
from astroclip_book.run import Run
from astroclip_book.steps.truth import truth

NEIGHBOURS = 10  # that the index is to find


def similarity(run: Run, scratch: Path) -> dict:
    """Score searches within the test set; the index, on all galaxies: the largest gallery of the run."""
    embeddings = Embeddings.load(run.path("embeddings.h5"))
    test, seed, evaluation = embeddings.where("test"), run.preset.seed, run.preset.evaluation
    image, spectrum = embeddings.image[test], embeddings.spectrum[test]
    kinds = rare_kinds(truth(run, embeddings.targetid[test]))
    return {
        "retrieval": {
            name: retrieval(query, gallery, evaluation.pool, seed, bootstrap=evaluation.bootstrap)
            for name, query, gallery in (
                ("image_to_spectrum", image, spectrum),
                ("spectrum_to_image", spectrum, image),
            )
        },
        "geometry": geometry(image, spectrum, seed),
        "rare": rare_precision({"image": image, "spectrum": spectrum}, kinds, evaluation.bootstrap, seed),
        "search": recall_of_index(image, embeddings.spectrum, NEIGHBOURS),
    }
