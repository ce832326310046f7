"""What the explorer's page loads, ``explorer_data.js`` and ``bokeh.js``, and what its bytes cost the search."""

from pathlib import Path

import numpy as np

from astroclip_book.embeddings import Embeddings
from astroclip_book.errors import BookError
from astroclip_book.explorer import packing
from astroclip_book.explorer.figure import bokeh_script, map_figure
from astroclip_book.explorer.search import recall_of_bytes, to_bytes
from astroclip_book.hdf5 import read_hdf5
from astroclip_book.pairs import Index, Pairs
from astroclip_book.plots.spectra import LINES
from astroclip_book.plots.style import FAINT, GROUPS
from astroclip_book.run import Run
from astroclip_book.steps.truth import truth

MOST = 4000  # galaxies: with more the page would be beyond 15 MB, and no longer smooth
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
    maps = {space: analysis["umap"][space][kept] for space in packing.SPACES if space in analysis.get("umap", {})}
    if not maps:
        raise BookError(f"{run.path('analysis.h5')} has no map under 'umap': run the chapter 09_embedding_space again.")
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    catalog = truth(run, embeddings.targetid[rows])
    chosen = {method: {space: groups[kept] for space, groups in analysis.get(method, {}).items() if space in packing.SPACES}
              for method in packing.GROUPINGS}  # fmt: skip
    redshift = embeddings.redshift[rows]
    content = {
        "source": run.source,
        "total": len(analysis["index"]),
        "neighbours": NEIGHBOURS,
        "ids": [str(target) for target in embeddings.targetid[rows]],  # beyond what a number in a browser can hold
        "redshift": packing.rounded(redshift),
        "maps": {space: packing.coordinates(points) for space, points in maps.items()},
        "numbers": packing.numbers(redshift, catalog),
        "labels": packing.categories(catalog) + packing.groups(chosen),
        "vectors": {name: packing.text_of(to_bytes(one)) for name, one in vectors.items()},
        "lines": {name: np.atleast_1d(rest).tolist() for name, rest in LINES.items()},
        "colours": {"scale": packing.palette(), "groups": GROUPS, "plain": FAINT},
        "figure": map_figure(),
        **pixels(pairs, rows),
    }
    (scratch / "explorer_data.js").write_text(packing.script(content))
    (scratch / "bokeh.js").write_text(bokeh_script())
    size = sum((scratch / name).stat().st_size for name in ("explorer_data.js", "bokeh.js"))
    return {"explorer": {"n": len(rows), "total": len(analysis["index"]), "bytes": size, "recall_at_10": recall}}


def sample(n: int, seed: int) -> np.ndarray:
    """Rows of ``n`` galaxies that are shown, ascending: all, or ``MOST`` at random."""
    return np.sort(np.random.default_rng([seed, 10]).permutation(n)[:MOST])


def pixels(pairs: Pairs, rows: np.ndarray) -> dict:
    """Sheets of thumbnails and spectra in bytes of the galaxies at ``rows``, read a block at a time."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    tiles = np.concatenate([packing.thumbnails(pairs.images(block)) for block in blocks])
    levels, windows = zip(*(packing.binned_spectra(pairs.spectra(block)) for block in blocks), strict=True)
    first, step = packing.bin_centres()
    low, high = np.concatenate(windows).T
    return {
        "sheets": {"columns": packing.COLUMNS, "width": packing.ANGULAR_WIDTH,
                   "files": [packing.text_of(sheet) for sheet in packing.sheets(tiles)]},
        "spectra": {"bins": packing.BINS, "first": first, "step": step, "levels": packing.text_of(np.concatenate(levels)),
                    "low": packing.rounded(low), "high": packing.rounded(high)},
    }  # fmt: skip
