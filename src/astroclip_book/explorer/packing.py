"""What the explorer's page loads, small: thumbnails in sheets, spectra in bytes, columns and groups as JSON."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from PIL import Image

from astroclip_book.errors import BookError
from astroclip_book.explorer.figure import map_figure
from astroclip_book.explorer.search import to_bytes
from astroclip_book.pairs import PIXEL_SCALE, WAVELENGTH
from astroclip_book.plots.galaxies import rgb
from astroclip_book.plots.spectra import LINES, limits
from astroclip_book.plots.style import FAINT, GROUPS

PREFIX = "const explorerData = "
COLOURS = 128  # of a scale
CROP, BINNING = 144, 2  # pixels of the cut-out that are shown, and averaged on a side
SIDE = CROP // BINNING  # of a thumbnail: whole blocks of a JPEG, so that neighbours in a sheet do not bleed
COLUMNS = 20  # thumbnails on a side of a sheet; a browser unpacks a sheet when it first shows one of them
QUALITY = 80
PIXELS = 20  # of a spectrum to a bin, 16 Å
BLUE_END = 4000.0  # Å; the noise of DESI rises steeply below
BINS = len(WAVELENGTH) // PIXELS
DIGITS = 5  # of a number; more than any of them is known to
SHOWN_GROUPS = 10  # of clusters or islands; there are no more colours that one can tell apart
ANGULAR_WIDTH = CROP * PIXEL_SCALE  # arcsec

# Columns of a catalogue that a reader may colour by: column, label, transformation.
NUMBERS = (
    ("LOG_MSTAR", "log stellar mass (M☉)", None),
    ("LOG_SSFR", "log sSFR (1/yr)", None),
    ("TAGE_MW", "age of the stars (Gyr)", None),
    ("MAG_R", "r magnitude", None),
    ("HALF_LIGHT_RADIUS", "log half-light radius (arcsec)", np.log10),
    ("SNR_SPEC", "log S/N of the spectrum", np.log10),
)
CATEGORIES = (
    ("MORPHOLOGY", "morphology"), ("IONISATION", "what lights the gas"), ("MERGER", "merger"), ("ARTEFACT", "image artefact"),
)  # fmt: skip
SPACES = ("image", "spectrum", "joint")
GROUPINGS = {"kmeans": "cluster", "dbscan": "island"}


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
        Unit vectors by modality.
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
        raise BookError("analysis.h5 holds no map under 'umap' for the explorer: run the chapter 09_embedding_space again.")
    tiles, levels, windows = pixels
    first, step = bin_centres()
    return {
        "source": source,
        "total": total,
        "neighbours": neighbours,
        "ids": [str(target) for target in targetid.tolist()],  # beyond what a number in a browser can hold
        "redshift": rounded(redshift),
        "maps": {space: {"x": rounded(points[:, 0]), "y": rounded(points[:, 1])} for space, points in maps.items()},
        "numbers": numbers(redshift, catalog),
        "labels": categories(catalog) + groups(analysis),
        "vectors": {name: text_of(to_bytes(one)) for name, one in vectors.items()},
        "lines": {name: np.atleast_1d(rest).tolist() for name, rest in LINES.items()},
        "colours": {"scale": palette(), "groups": GROUPS, "plain": FAINT},
        "sheets": {"columns": COLUMNS, "width": ANGULAR_WIDTH, "files": [text_of(sheet) for sheet in sheets(tiles)]},
        "spectra": {"bins": BINS, "first": first, "step": step, "levels": text_of(levels),
                    "low": rounded(windows[:, 0]), "high": rounded(windows[:, 1])},
        "figure": map_figure(),
    }  # fmt: skip


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Small colour images as one looks at them, north up.

    Parameters
    ----------
    images : (n, 152, 152, 3) array
        Nanomaggies g, r, z.

    Returns
    -------
    (n, 72, 72, 3) uint8 array
    """
    edge = (images.shape[1] - CROP) // 2
    central = images[:, edge : edge + CROP, edge : edge + CROP]
    binned = central.reshape(len(images), SIDE, BINNING, SIDE, BINNING, 3).mean((2, 4))
    return np.rint(255 * rgb(binned)[:, ::-1]).astype(np.uint8)


def sheets(tiles: np.ndarray) -> list[bytes]:
    """Thumbnails (n, s, s, 3) uint8 laid out in JPEG files, 20 by 20 in the order of reading; the last is filled up with black."""
    n, side = len(tiles), tiles.shape[1]
    filled = np.zeros((-(-n // COLUMNS**2) * COLUMNS**2, side, side, 3), np.uint8)
    filled[:n] = tiles
    pages = filled.reshape(-1, COLUMNS, COLUMNS, side, side, 3).swapaxes(2, 3).reshape(-1, COLUMNS * side, COLUMNS * side, 3)
    return [_jpeg(page) for page in pages]


def _jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    # Full chroma: blocks are then 8 pixels wide, and the colours of small galaxies stay.
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
    return file.getvalue()


def binned_spectra(flux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectra averaged over 16 Å, each in bytes between its own limits.

    Parameters
    ----------
    flux : (n, 7781) array
        In 1e-17 erg/s/cm²/Å; the last pixel fills no bin.

    Returns
    -------
    levels : (n, 389) uint8 array
        0 at the lower limit and below, 255 at the upper one and above.
    window : (n, 2) float array
        The limits, in the unit of the flux: they hold all but a spectrum's worst pixels and its noisy blue end.
    """
    binned = flux[:, : BINS * PIXELS].reshape(len(flux), BINS, PIXELS).mean(2, dtype=float)
    calm = int((BLUE_END - WAVELENGTH[0]) / (WAVELENGTH[1] - WAVELENGTH[0])) // PIXELS
    window = np.array([limits(one[calm:]) for one in binned]).reshape(-1, 2)
    low, span = window[:, :1], np.maximum(np.diff(window), np.finfo(np.float32).tiny)
    return np.rint(255 * np.clip((binned - low) / span, 0, 1)).astype(np.uint8), window


def bin_centres() -> tuple[float, float]:
    """Observed wavelength (Å) of the first bin's centre, and the distance to the next."""
    return float(WAVELENGTH[:PIXELS].mean()), float(PIXELS * (WAVELENGTH[1] - WAVELENGTH[0]))


def numbers(redshift: np.ndarray, catalog: dict[str, np.ndarray]) -> list[dict]:
    """Properties that are numbers and known of at least one galaxy: ``label`` and ``values`` (n,), None where unknown.

    Parameters
    ----------
    redshift : (n,) array
    catalog : dict of (n,) arrays
        Columns under PROVABGS names; those that are there are used.
    """
    columns = [("redshift", np.asarray(redshift, float))]
    for name, label, transformation in NUMBERS:
        if name in catalog:
            values = np.asarray(catalog[name], float)
            with np.errstate(divide="ignore", invalid="ignore"):
                columns.append((label, transformation(values) if transformation else values))
    return [{"label": label, "values": rounded(v)} for label, v in columns if np.isfinite(v).any()]


def categories(catalog: dict[str, np.ndarray]) -> list[dict]:
    """Labels of a catalogue: ``label``, ``names``, ``codes`` (n,) and ``plain``, the codes that stand back.

    Labels that are the same for all galaxies are left out; an empty one is "unknown".
    """
    found = []
    for column, label in CATEGORIES:
        if column not in catalog:
            continue
        values = catalog[column]
        words = np.where(values, "yes", "no") if values.dtype == bool else np.char.replace(values.astype(str), "_", " ")
        words = np.where(words == "", "unknown", words)
        names, codes = np.unique(words, return_inverse=True)
        if len(names) > 1:
            plain = [code for code, name in enumerate(names) if name in ("no", "none", "unknown")]
            found.append({"label": label, "names": names.tolist(), "codes": codes.tolist(), "plain": plain})
    return found


def groups(analysis: dict) -> list[dict]:
    """Clusters and islands of ``analysis.h5``, as `categories` gives labels; those beyond the tenth are put together."""
    found = []
    for method, noun in GROUPINGS.items():
        for space in (name for name in SPACES if name in analysis.get(method, {})):
            number = analysis[method][space]
            codes = np.where(number < 0, SHOWN_GROUPS + 1, np.minimum(number, SHOWN_GROUPS))
            labels = [f"{noun} {code}" for code in range(SHOWN_GROUPS)] + [f"other {noun}s", f"no {noun}"]
            present, codes = np.unique(codes, return_inverse=True)
            if len(present) > 1:
                plain = [place for place, code in enumerate(present) if code >= SHOWN_GROUPS]
                found.append({"label": f"{noun} ({space})", "names": [labels[code] for code in present],
                              "codes": codes.tolist(), "plain": plain})  # fmt: skip
    return found


def rounded(values: np.ndarray) -> list:
    """Numbers (n,) with five digits, None where they are not finite."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in values.tolist()]


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
