"""Similarity search: retrieval scores only."""

from pathlib import Path

from astroclip_book.embeddings import Embeddings
from astroclip_book.retrieval import retrieval
from astroclip_book.run import Run


def similarity(run: Run, scratch: Path) -> dict:
    """Score how well test images find their spectra, and the reverse."""
    embeddings = Embeddings.load(run.path("embeddings.h5"))
    test = embeddings.where("test")
    image, spectrum, pool = embeddings.image[test], embeddings.spectrum[test], run.preset.evaluation.pool
    return {
        "retrieval": {
            "image_to_spectrum": retrieval(image, spectrum, pool, run.preset.seed),
            "spectrum_to_image": retrieval(spectrum, image, pool, run.preset.seed),
        }
    }
