"""What the explorer's page loads: ``explorer_data.js`` and ``bokeh.js``."""

from __future__ import annotations

import base64
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, LassoSelectTool, PanTool, Range1d, WheelZoomTool
from bokeh.plotting import figure
from matplotlib import colormaps
from matplotlib.colors import to_hex

from astroclip_book.data.pairs import Embeddings, Pairs
from astroclip_book.errors import BookError
from bookmaking.explorer import pixels
from bookmaking.explorer.columns import SPACES, categories, numbers, rounded
from bookmaking.figures.galaxies import LINES
from bookmaking.figures.style import FAINT, GROUPS

PREFIX = "const explorerData = "
MOST = 4000  # galaxies: more would not fit into 15 MB, nor move smoothly
NEIGHBOURS = 10  # shown in each direction
BLOCK = 200  # galaxies whose pixels are in memory at a time


def write_explorer(
    directory: Path, source: str, pairs: Pairs, embeddings: Embeddings, catalog: dict, analysis: dict, seed: int
) -> dict:
    """Pack the test set, or as many of it as a page can hold, drawn at random, and return the metrics.

    The catalogue's columns, under PROVABGS names, are aligned with the embeddings; ``analysis`` is the content of ``analysis.h5``.
    BookError when there is no map, or when the test set has fewer galaxies than are shown as neighbours.
    """
    total = len(analysis["index"])
    if total <= NEIGHBOURS:
        raise BookError(
            f"The explorer shows {NEIGHBOURS} neighbours, and the test set has {total} galaxies: use more pairs."
        )
    kept = np.sort(np.random.default_rng([seed, 10]).permutation(total)[:MOST])
    rows = analysis["index"][kept]
    vectors = {"image": embeddings.image[rows], "spectrum": embeddings.spectrum[rows]}
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    parts = ((pixels.thumbnails(pairs.images(one)), *pixels.binned_spectra(pairs.spectra(one))) for one in blocks)
    content = pack(
        source, total, embeddings.targetid[rows], embeddings.redshift[rows], {k: v[rows] for k, v in catalog.items()},
        {method: {space: values[kept] for space, values in analysis.get(method, {}).items()}
         for method in ("umap", "kmeans", "dbscan")},
        vectors, tuple(map(np.concatenate, zip(*parts, strict=True))),
    )  # fmt: skip
    files = {"explorer_data.js": script(content).encode(), "bokeh.js": bokeh_script()}
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return {"explorer": {"n": len(rows), "total": total, "bytes": sum(map(len, files.values()))}}


def pack(
    source: str, total: int, targetid: np.ndarray, redshift: np.ndarray, catalog: dict, analysis: dict, vectors: dict, small: tuple
) -> dict:  # fmt: skip
    """All that the page loads, as `script` writes it: of arrays (n,), of ``total`` galaxies n are shown.

    ``small`` are `pixels.thumbnails`, and levels and windows by `pixels.binned_spectra`. BookError when there is no map.
    """
    maps = {space: analysis["umap"][space] for space in SPACES if space in analysis.get("umap", {})}
    if not maps:
        raise BookError("analysis.h5 has no 'umap' for the explorer: run the chapter 09_embedding_space again.")
    tiles, levels, windows = small
    agreement = np.einsum("ij,ij->i", vectors["image"], vectors["spectrum"])
    viridis = [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0, 1, 128))]  # even to the eye
    return {
        "source": source,
        "total": total,
        "neighbours": NEIGHBOURS,
        "ids": [str(target) for target in targetid.tolist()],  # beyond what a number in a browser can hold
        "redshift": rounded(redshift),
        "maps": {space: {"x": rounded(points[:, 0]), "y": rounded(points[:, 1])} for space, points in maps.items()},
        "numbers": [*numbers(redshift, catalog), {"label": "cosine of its image and spectrum", "values": rounded(agreement)}],
        "labels": categories(catalog, analysis),
        "vectors": {name: text_of(pixels.to_bytes(one)) for name, one in vectors.items()},
        "lines": {name: np.atleast_1d(rest).tolist() for name, rest in LINES.items()},
        "colours": {"scale": viridis, "groups": GROUPS, "plain": FAINT},
        "sheets": {"columns": pixels.COLUMNS, "width": pixels.ANGULAR_WIDTH,
                   "files": [text_of(sheet) for sheet in pixels.sheets(tiles)]},
        "spectra": {"bins": pixels.BINS, "first": float(pixels.CENTRES[0]), "step": float(np.diff(pixels.CENTRES)[0]),
                    "levels": text_of(levels), "low": rounded(windows[:, 0]), "high": rounded(windows[:, 1])},
        "figure": map_figure(),
    }  # fmt: skip


def map_figure() -> dict:
    """JSON of a figure named ``map`` for ``Bokeh.embed.embed_item``, without axes, as those of a UMAP mean nothing; the page fills it.

    Its sources are ``galaxies`` (columns x, y, colour) and ``rings`` (x, y, size, colour, width): what is selected and what it found.
    Buttons of the page stand for a toolbar, as a keyboard does not reach Bokeh's.
    """
    galaxies = ColumnDataSource({name: [] for name in ("x", "y", "colour")}, name="galaxies")
    rings = ColumnDataSource({name: [] for name in ("x", "y", "size", "colour", "width")}, name="rings")
    pan, lasso, wheel = PanTool(name="pan"), LassoSelectTool(name="lasso"), WheelZoomTool(name="wheel")
    plot = figure(name="map", tools=[pan, lasso, wheel], active_drag=pan, active_scroll=wheel, toolbar_location=None,
                  x_range=Range1d(0, 1, name="across"), y_range=Range1d(0, 1, name="up"),
                  sizing_mode="stretch_both", min_border=2, outline_line_alpha=0)  # fmt: skip
    plot.axis.visible = plot.grid.visible = False
    drawn = plot.scatter("x", "y", source=galaxies, name="drawn", size=6, fill_color="colour",
                         line_width=0.5, line_alpha=0.55, selection_fill_alpha=1,
                         nonselection_fill_alpha=0.12, nonselection_line_alpha=0.1)  # fmt: skip
    ring = {"size": "size", "fill_alpha": 0, "line_color": "colour", "line_width": "width"}
    plot.scatter("x", "y", source=rings, level="overlay", **ring)
    lasso.renderers, lasso.continuous = [drawn], False
    return json_item(plot)


def bokeh_script() -> bytes:
    """Bokeh's own script, of the version that described the figure."""
    return (Path(find_spec("bokeh").origin).parent / "server" / "static" / "js" / "bokeh.min.js").read_bytes()


def text_of(data: bytes | np.ndarray) -> str:
    """Bytes in base64, as a script can carry them."""
    return base64.b64encode(bytes(data)).decode()


def script(content: dict) -> str:
    """A script that gives a page the constant ``explorerData``, and may stand within a ``<script>`` element, whatever labels hold."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))  # of ASCII alone
    return PREFIX + text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + ";\n"


def read_script(text: str) -> dict:
    """What `script` was given."""
    return json.loads(text.removeprefix(PREFIX).rstrip(";\n"))
