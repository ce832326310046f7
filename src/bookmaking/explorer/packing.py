"""What the explorer's page loads: all of it in one script."""

from __future__ import annotations

import base64
import json

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from astroclip_book.errors import BookError
from bookmaking.explorer.columns import SPACES, categories, groups, numbers, rounded
from bookmaking.explorer.figure import map_figure
from bookmaking.explorer.pixels import ANGULAR_WIDTH, BINS, COLUMNS, bin_centres, sheets
from bookmaking.explorer.search import to_bytes
from bookmaking.figures.spectra import LINES
from bookmaking.figures.style import FAINT, GROUPS

PREFIX = "const explorerData = "
COLOURS = 128  # of a scale


def pack(
    *, source: str, total: int, targetid: np.ndarray, redshift: np.ndarray, catalog: dict[str, np.ndarray],
    analysis: dict[str, dict[str, np.ndarray]], vectors: dict[str, np.ndarray], pixels: tuple[np.ndarray, ...], neighbours: int,
) -> dict:  # fmt: skip
    """All that the page loads, as `script` writes it.

    Parameters
    ----------
    source : str
        What the data are, of `Run.source`.
    total : int
        Galaxies of the test set, of which those here may be a part.
    targetid, redshift : (n,) arrays
    catalog : dict of (n,) arrays
        Columns under PROVABGS names; those that are there are used.
    analysis : dict
        ``umap`` to space to (n, 2) array; of ``kmeans`` and ``dbscan`` to space to (n,) int array what there is.
    vectors : dict of (n, d) arrays
        Unit vectors of ``image`` and ``spectrum``.
    pixels : tuple
        `thumbnails`, and levels and windows by `binned_spectra`.
    neighbours : int
        How many are shown in each direction.

    Raises
    ------
    BookError
        When there is no map.
    """
    maps = {space: analysis["umap"][space] for space in SPACES if space in analysis.get("umap", {})}
    if not maps:
        raise BookError(
            "analysis.h5 holds no map under 'umap' for the explorer: run the chapter 09_embedding_space again."
        )
    tiles, levels, windows = pixels
    first, step = bin_centres()
    agreement = np.einsum("ij,ij->i", vectors["image"], vectors["spectrum"])
    return {
        "source": source,
        "total": total,
        "neighbours": neighbours,
        "ids": [str(target) for target in targetid.tolist()],  # beyond what a number in a browser can hold
        "redshift": rounded(redshift),
        "maps": {space: {"x": rounded(points[:, 0]), "y": rounded(points[:, 1])} for space, points in maps.items()},
        "numbers": [*numbers(redshift, catalog), {"label": "cosine of its image and spectrum", "values": rounded(agreement)}],
        "labels": categories(catalog) + groups(analysis),
        "vectors": {name: text_of(to_bytes(one)) for name, one in vectors.items()},
        "lines": {name: np.atleast_1d(rest).tolist() for name, rest in LINES.items()},
        "colours": {"scale": palette(), "groups": GROUPS, "plain": FAINT},
        "sheets": {"columns": COLUMNS, "width": ANGULAR_WIDTH, "files": [text_of(sheet) for sheet in sheets(tiles)]},
        "spectra": {"bins": BINS, "first": first, "step": step, "levels": text_of(levels),
                    "low": rounded(windows[:, 0]), "high": rounded(windows[:, 1])},
        "figure": map_figure(),
    }  # fmt: skip


def text_of(data: bytes | np.ndarray) -> str:
    """Bytes in base64, as a script can carry them."""
    return base64.b64encode(data.tobytes() if isinstance(data, np.ndarray) else data).decode()


def palette() -> list[str]:
    """Colours of a property from its lowest to its highest value: viridis, even to the eye."""
    return [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0, 1, COLOURS))]


def script(content: dict) -> str:
    """A script that gives a page the constant ``explorerData``."""
    return f"{PREFIX}{safe_json(content)};\n"


def read_script(text: str) -> dict:
    """What `script` was given."""
    return json.loads(text.removeprefix(PREFIX).rstrip(";\n"))


def safe_json(content) -> str:
    """JSON that may stand within a ``<script>`` element, whatever labels hold: only ASCII, and no ``<``, ``>`` or ``&``."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
