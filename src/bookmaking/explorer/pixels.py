"""Images, spectra and vectors of the explorer, small: thumbnails in sheets, spectra and vectors in bytes; and the search in these."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from astroclip_book.data.pairs import PIXEL_SCALE, WAVELENGTH
from bookmaking.figures.galaxies import limits, rgb

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
        score[row] = -np.inf
        found.append(np.argsort(-score, kind="stable")[:k])
    return np.array(found)
