"""Maps and groups of the embedding space: ``analysis.h5``."""

from pathlib import Path

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.evaluate.space import make_maps
from bookmaking.run import Run


def analysis(run: Run, scratch: Path) -> None:
    """Map and cluster the test split."""
    embeddings = Embeddings.load(run.path("embeddings.h5"))
    write_hdf5(scratch / "analysis.h5", make_maps(embeddings, run.preset.analysis, run.preset.seed))
