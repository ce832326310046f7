"""What the explorer's page loads, ``explorer_data.js`` and ``bokeh.js``, and what its bytes cost the search."""

from pathlib import Path

import numpy as np

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.data.hdf5 import read_hdf5
from astroclip_book.data.pairs import Index, Pairs
from bookmaking.explorer.columns import SPACES
from bookmaking.explorer.figure import bokeh_script
from bookmaking.explorer.packing import pack, script
from bookmaking.explorer.pixels import binned_spectra, thumbnails
from bookmaking.explorer.search import recall_of_bytes
from bookmaking.run import Run
from bookmaking.steps.truth import truth

MOST = 4000  # galaxies: more would not fit into 15 MB, nor move smoothly
NEIGHBOURS = 10  # shown in each direction
BLOCK = 200  # galaxies whose pixels are in memory at a time


def explorer(run: Run, scratch: Path) -> dict:
    """Pack the test set, or as many of it as a page can hold, drawn at random."""
    analysis = read_hdf5(run.path("analysis.h5"))
    embeddings = Embeddings.load(run.path("embeddings.h5"))
    kept = sample(len(analysis["index"]), run.preset.seed)
    rows = analysis["index"][kept]
    vectors = {"image": embeddings.image[rows], "spectrum": embeddings.spectrum[rows]}
    recall = recall_of_bytes(vectors, NEIGHBOURS)
    content = pack(
        source=run.source,
        total=len(analysis["index"]),
        targetid=embeddings.targetid[rows],
        redshift=embeddings.redshift[rows],
        catalog=truth(run, embeddings.targetid[rows]),
        analysis={name: {space: analysis[name][space][kept] for space in SPACES if space in analysis.get(name, {})}
                  for name in ("umap", "kmeans", "dbscan")},
        vectors=vectors,
        pixels=pixels(Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5"))), rows),
        neighbours=NEIGHBOURS,
    )  # fmt: skip
    for name, text in (("explorer_data.js", script(content)), ("bokeh.js", bokeh_script())):
        (scratch / name).write_text(text)
    size = sum((scratch / name).stat().st_size for name in ("explorer_data.js", "bokeh.js"))
    return {"explorer": {"n": len(rows), "total": len(analysis["index"]), "bytes": size, "recall_at_10": recall}}


def sample(n: int, seed: int) -> np.ndarray:
    """Rows of ``n`` galaxies that are shown, ascending: all, or ``MOST`` at random."""
    return np.sort(np.random.default_rng([seed, 10]).permutation(n)[:MOST])


def pixels(pairs: Pairs, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Thumbnails, and levels and windows of the spectra, of the galaxies at ``rows``, read a block at a time."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    parts = ((thumbnails(pairs.images(block)), *binned_spectra(pairs.spectra(block))) for block in blocks)
    return tuple(map(np.concatenate, zip(*parts, strict=True)))
