"""The data of the explorer's page."""

from pathlib import Path

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.data.hdf5 import read_hdf5
from astroclip_book.data.pairs import Index, Pairs
from bookmaking.explorer.packing import write_explorer
from bookmaking.run import Run
from bookmaking.steps.truth import truth


def explorer(run: Run, scratch: Path) -> dict:
    """Pack the test set."""
    embeddings, pairs = (
        Embeddings.load(run.path("embeddings.h5")),
        Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5"))),
    )
    analysis, catalog = read_hdf5(run.path("analysis.h5")), truth(run, embeddings.targetid)
    return write_explorer(scratch, run.source, pairs, embeddings, catalog, analysis, run.preset.seed)
