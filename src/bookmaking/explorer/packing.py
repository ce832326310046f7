"""What the explorer's page loads: numbers, labels, groups, small images, spectra and vectors, in ``explorer_data.js`` and ``bokeh.js``."""

from __future__ import annotations

import base64
import io
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, LassoSelectTool, PanTool, Range1d, WheelZoomTool
from bokeh.plotting import figure
from matplotlib import colormaps
from matplotlib.colors import to_hex
from PIL import Image
from sklearn.preprocessing import normalize

from astroclip_book.data.pairs import PIXEL_SCALE, WAVELENGTH, Embeddings, Pairs
from astroclip_book.errors import BookError
from astroclip_book.evaluate.photoz import errors
from astroclip_book.evaluate.search import nearest
from bookmaking.explorer.predicted import MODALITIES, Z_BINS, before_alignment, placed, redshift_distributions
from bookmaking.explorer.tours import opening, tours
from bookmaking.figures.galaxies import LINES, limits, rgb
from bookmaking.figures.style import FAINT, GROUPS

SHOWN_GROUPS = 10  # of clusters or islands; there are no more colours that one can tell apart
SPACES = ("image", "spectrum", "joint")
ABSORPTION = ("Ca HK", "Mg b", "Na D")  # of the lines; the others are emitted
NUMBERS = {
    "LOG_MSTAR": "log stellar mass (M☉)", "LOG_SSFR": "log sSFR (1/yr)", "TAGE_MW": "age of the stars (Gyr)",
    "MAG_R": "r magnitude", "HALF_LIGHT_RADIUS": "log half-light radius (arcsec)", "SNR_SPEC": "log S/N of the spectrum",
}  # fmt: skip
LOGARITHMS = ("HALF_LIGHT_RADIUS", "SNR_SPEC")
POSITIVE = ("LOG_MSTAR", "TAGE_MW")  # others stand for a fit that failed
LABELS = {
    "MORPHOLOGY": "morphology", "IONISATION": "ionising source", "MERGER": "merger", "ARTEFACT": "image artefact",
}  # fmt: skip


def numbers(redshift: np.ndarray, catalog: dict[str, np.ndarray]) -> list[dict]:
    """Redshift and the catalogue's numbers, known of at least one galaxy: ``label`` and ``values`` (n,), None where unknown."""
    columns = {"redshift": redshift}
    for name, label in NUMBERS.items():
        values = np.asarray(catalog.get(name, np.full(len(redshift), np.nan)), float)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(values) if name in LOGARITHMS else values
            columns[label] = np.where(values > 0, values, np.nan) if name in POSITIVE else values
    return [{"label": label, "values": rounded(v)} for label, v in columns.items() if np.isfinite(v).any()]


def categories(catalog: dict[str, np.ndarray], analysis: dict) -> list[dict]:
    """Labels of a catalogue, and clusters and islands of ``analysis.h5``, where they are not all the same.

    Each has its ``label``, ``names``, ``codes`` (n,) of these, and ``plain``, the codes of those that stand back. Groups beyond the
    tenth are put together.
    """
    words = {}
    for name in (name for name in LABELS if name in catalog):
        values = np.where(catalog[name], "yes", "no") if catalog[name].dtype == bool else catalog[name].astype(str)
        words[LABELS[name]] = np.where(values == "", "unknown", np.char.replace(values, "_", " "))
    for method, noun in (("kmeans", "cluster"), ("dbscan", "island")):
        titles = np.array([f"{noun} {code}" for code in range(SHOWN_GROUPS)] + [f"other {noun}s", f"no {noun}"])
        for space in (name for name in SPACES if name in analysis.get(method, {})):
            number = analysis[method][space]
            words[f"{noun} ({space})"] = titles[np.where(number < 0, -1, np.minimum(number, SHOWN_GROUPS))]
    found = []
    for label, values in words.items():
        names, codes = np.unique(values, return_inverse=True)
        plain = [i for i, name in enumerate(names) if name in ("no", "none", "unknown") or name[:3] in ("no ", "oth")]
        found.append({"label": label, "names": names.tolist(), "codes": codes.tolist(), "plain": plain})
    return [one for one in found if len(one["names"]) > 1]


def rounded(values: np.ndarray) -> list:
    """Numbers (n,) with five digits, more than any of them is known to; None where they are not finite."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values.tolist()]


CROP, BINNING = 144, 2  # pixels of the cut-out that are shown, and averaged on a side: whole blocks of a JPEG, so that
SIDE = CROP // BINNING  # neighbours in a sheet do not bleed
COLUMNS = 20  # thumbnails on a side of a sheet; a browser unpacks a sheet when it first shows one of them
PIXELS = 20  # of a spectrum to a bin, 16 Å
BINS = len(WAVELENGTH) // PIXELS
CENTRES = WAVELENGTH[: BINS * PIXELS].reshape(BINS, PIXELS).mean(1)
ANGULAR_WIDTH = CROP * PIXEL_SCALE  # arcsec


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Images (n, 152, 152, 3) in nanomaggies g, r, z as one looks at them, north up: (n, 72, 72, 3) uint8."""
    edge = (images.shape[1] - CROP) // 2
    central = images[:, edge : edge + CROP, edge : edge + CROP]
    binned = central.reshape(len(images), SIDE, BINNING, SIDE, BINNING, 3).mean((2, 4))
    return np.rint(255 * rgb(binned)[:, ::-1]).astype(np.uint8)


def sheets(tiles: np.ndarray) -> list[bytes]:
    """Thumbnails (n, s, s, 3) uint8 laid out in JPEG files, 20 by 20 in the order of reading; black fills the last."""
    n, side = len(tiles), tiles.shape[1]
    filled = np.zeros((-(-n // COLUMNS**2), COLUMNS, COLUMNS, side, side, 3), np.uint8)
    filled.reshape(-1, side, side, 3)[:n] = tiles
    files = []
    for page in filled.swapaxes(2, 3).reshape(-1, COLUMNS * side, COLUMNS * side, 3):
        file = io.BytesIO()
        # Full chroma: blocks are then 8 pixels wide, and the colours of small galaxies stay.
        Image.fromarray(page).save(file, "JPEG", quality=80, subsampling=0, optimize=True)
        files.append(file.getvalue())
    return files


def binned_spectra(flux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectra (n, 7781) averaged over 16 Å, each in bytes (n, 389) between its own limits, and these limits (n, 2).

    The limits hold all but a spectrum's worst pixels and its noisy end below 4000 Å.
    """
    binned = flux[:, : BINS * PIXELS].reshape(len(flux), BINS, PIXELS).mean(2, dtype=float)
    window = np.array([limits(one[CENTRES > 4000]) for one in binned]).reshape(-1, 2)
    low, span = window[:, :1], np.maximum(np.diff(window), np.finfo(np.float32).tiny)
    return np.rint(255 * np.clip((binned - low) / span, 0, 1)).astype(np.uint8), window


def small(images: np.ndarray, flux: np.ndarray) -> dict[str, np.ndarray]:
    """What the page holds of the pixels of n galaxies: ``tiles`` by `thumbnails`, ``levels`` and ``windows`` by `binned_spectra`."""
    levels, windows = binned_spectra(flux)
    return {"tiles": thumbnails(images), "levels": levels, "windows": windows}


def to_bytes(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, d) as int8, each scaled such that its largest component becomes 127: a cosine does not depend on lengths."""
    peak = np.abs(vectors).max(axis=1, keepdims=True)
    return np.rint(vectors * (127 / np.maximum(peak, np.finfo(np.float32).tiny))).astype(np.int8)


def byte_neighbours(query: np.ndarray, gallery: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """The ``k`` galaxies of largest cosine with the queries at ``rows``, (m, k), without the query's own, as the page finds them.

    Row i of query and gallery (n, d), both int8, is the same galaxy. Sums of integers are exact, so that the page's answers are these to
    the last rank; equal ones come in the order of the gallery.
    """
    gallery, found = gallery.astype(float), []
    lengths = np.linalg.norm(gallery, axis=1)
    for row in rows:
        score = gallery @ query[row].astype(float) / lengths
        score[row : row + 1] = -np.inf  # real galaxies stand beyond the gallery
        found.append(np.argsort(-score, kind="stable")[:k])
    return np.array(found)


PREFIX = "const explorerData = "
MOST = 3200  # galaxies: more would not fit into 12 MB, nor move smoothly
NEIGHBOURS = 10  # shown in each direction
BLOCK = 200  # galaxies whose pixels are in memory at a time


def write_explorer(
    directory: Path, source: str, pairs: Pairs, embeddings: Embeddings, frozen: dict, catalog: dict, analysis: dict, config, seed: int,
    real: dict | None,
) -> dict:  # fmt: skip
    """Pack the test set, or as many of it as a page can hold, drawn at random, and return the metrics.

    Frozen features (N, d) by modality and the catalogue's columns, under PROVABGS names, are aligned with the embeddings; ``analysis`` is
    the content of ``analysis.h5``, and ``config`` the preset's section of that name. ``real`` is `small` of the last rows, where these are real galaxies.
    BookError when the test set has fewer galaxies than are shown as neighbours.
    """
    total = len(analysis["index"])
    if total <= NEIGHBOURS:
        raise BookError(
            f"The explorer shows {NEIGHBOURS} neighbours, and the test set has {total} galaxies: use more pairs."
        )
    kept = np.sort(np.random.default_rng([seed, 10]).permutation(total)[:MOST])
    rows = analysis["index"][kept]
    groups = {
        method: {space: values[kept] for space, values in analysis.get(method, {}).items()}
        for method in ("umap", "kmeans", "dbscan")
    }
    n = len(rows)
    columns = {name: values[rows] for name, values in catalog.items()}
    blocks = [rows[start : start + BLOCK] for start in range(0, n, BLOCK)]
    parts = [small(pairs.images(block), pairs.spectra(block)) for block in blocks]
    if real:
        every = np.arange(len(embeddings.split))
        rows = np.append(rows, every[-len(real["tiles"]) :])
        parts.append(real)
    before = before_alignment(frozen, embeddings.where("train"), rows, groups["umap"], NEIGHBOURS, config, seed)
    vectors = {name: getattr(embeddings, name)[rows] for name in MODALITIES}
    for space, points in groups["umap"].items():
        x = normalize(vectors["image"] + vectors["spectrum"]) if space == "joint" else vectors[space]
        groups["umap"][space] = placed(points, nearest(x[n:], x[:n], NEIGHBOURS)[0])
    pixels = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    content = pack(
        source, total, n, embeddings.targetid[rows], embeddings.redshift[rows], columns, groups, before,
        redshift_distributions(embeddings, rows), vectors, pixels,
    )  # fmt: skip
    files = {"explorer_data.js": script(content).encode(), "bokeh.js": bokeh_script()}
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return {"explorer": {"n": n, "total": total, "bytes": sum(map(len, files.values()))}}


def pack(
    source: str, total: int, n: int, targetid: np.ndarray, redshift: np.ndarray, catalog: dict, analysis: dict, before: dict, pz: dict,
    vectors: dict, pixels: dict,
) -> dict:  # fmt: skip
    """All that the page loads, as `script` writes it: of ``total`` galaxies n are shown, the first of each array.

    The rest are real galaxies, of which neither catalogue nor groups know. ``before`` is by `before_alignment`, ``pz`` by
    `redshift_distributions`, ``pixels`` by `small`.
    """
    agreement = np.einsum("ij,ij->i", vectors["image"], vectors["spectrum"])
    told = {name: pz[name]["mean"] for name in MODALITIES}
    added = {f"Δz/(1 + z) from its {name}": errors(redshift, mean) for name, mean in told.items()}
    added["cosine of its image and spectrum"] = agreement
    bytes_of = {name: to_bytes(one) for name, one in vectors.items()}
    alike = byte_neighbours(bytes_of["image"][:n], bytes_of["image"][:n], np.arange(n), NEIGHBOURS)
    shown = {name: mean[:n] for name, mean in told.items()}
    found = tours(redshift[:n], catalog, agreement[:n], shown, alike)
    viridis = [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0, 1, 128))]  # even to the eye
    return {
        "source": source,
        "total": total,
        "count": n,
        "neighbours": NEIGHBOURS,
        "first": opening(catalog, n),
        "ids": [str(target) for target in targetid.tolist()],  # beyond what a number in a browser can hold
        "redshift": rounded(redshift),
        "maps": {space: points_of(analysis["umap"][space]) for space in SPACES},
        "before": {name: {"map": points_of(one["map"]), "nearest": text_of(one["nearest"].astype("<u2"))} for name, one in before.items()},
        "pz": {"bins": Z_BINS, "highest": pz["highest"],
               **{name: {"mean": rounded(told[name]), "levels": text_of(pz[name]["levels"])} for name in MODALITIES}},
        "tours": [{**tour, "rows": [int(row) for row in tour["rows"]]} for tour in found],
        "numbers": [*numbers(redshift, catalog), *({"label": label, "values": rounded(one)} for label, one in added.items())],
        "labels": categories(catalog, analysis),
        "vectors": {name: text_of(one) for name, one in bytes_of.items()},
        "lines": [{"name": name, "rest": np.atleast_1d(rest).tolist(), "absorbed": name in ABSORPTION} for name, rest in LINES.items()],
        "colours": {"scale": viridis, "groups": GROUPS, "plain": FAINT},
        "sheets": {"columns": COLUMNS, "width": ANGULAR_WIDTH,
                   "files": [text_of(sheet) for sheet in sheets(pixels["tiles"])]},
        "spectra": {"bins": BINS, "first": float(CENTRES[0]), "step": float(np.diff(CENTRES)[0]),
                    "levels": text_of(pixels["levels"]), "low": rounded(pixels["windows"][:, 0]), "high": rounded(pixels["windows"][:, 1])},
        "figure": map_figure(),
    }  # fmt: skip


def points_of(points: np.ndarray) -> dict[str, list]:
    """Columns of a map (n, 2)."""
    return {"x": rounded(points[:, 0]), "y": rounded(points[:, 1])}


def map_figure() -> dict:
    """JSON of a figure named ``map`` for ``Bokeh.embed.embed_item``, without axes, as those of a UMAP mean nothing; the page fills it.

    Its sources are ``galaxies`` (columns row, x, y, colour, size, marker, edge, in the order of drawing) and ``rings`` (x, y, size, colour,
    width): what is selected and what it found.
    Buttons of the page stand for a toolbar, as a keyboard does not reach Bokeh's.
    """
    columns = ("row", "x", "y", "colour", "size", "marker", "edge")
    galaxies = ColumnDataSource({name: [] for name in columns}, name="galaxies")
    rings = ColumnDataSource({name: [] for name in ("x", "y", "size", "colour", "width")}, name="rings")
    pan, lasso, wheel = PanTool(name="pan"), LassoSelectTool(name="lasso"), WheelZoomTool(name="wheel")
    plot = figure(name="map", tools=[pan, lasso, wheel], active_drag=pan, active_scroll=wheel, toolbar_location=None,
                  x_range=Range1d(0, 1, name="across"), y_range=Range1d(0, 1, name="up"),
                  sizing_mode="stretch_both", min_border=2, outline_line_alpha=0)  # fmt: skip
    plot.axis.visible = plot.grid.visible = False
    drawn = plot.scatter("x", "y", source=galaxies, name="drawn", size="size", marker="marker", fill_color="colour",
                         line_width="edge", line_alpha=0.55, selection_fill_alpha=1,
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
