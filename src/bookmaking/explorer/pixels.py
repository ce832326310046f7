"""Images and spectra of the explorer, small: thumbnails in sheets, spectra in bytes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from astroclip_book.data.pairs import PIXEL_SCALE, WAVELENGTH
from bookmaking.figures.galaxies import rgb
from bookmaking.figures.spectra import limits

CROP, BINNING = 144, 2  # pixels of the cut-out that are shown, and averaged on a side
SIDE = CROP // BINNING  # of a thumbnail: whole blocks of a JPEG, so that neighbours in a sheet do not bleed
COLUMNS = 20  # thumbnails on a side of a sheet; a browser unpacks a sheet when it first shows one of them
QUALITY = 80
PIXELS = 20  # of a spectrum to a bin, 16 Å
BLUE_END = 4000.0  # Å; the noise of DESI rises steeply below
BINS = len(WAVELENGTH) // PIXELS
ANGULAR_WIDTH = CROP * PIXEL_SCALE  # arcsec


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
    """Thumbnails (n, s, s, 3) uint8 laid out in JPEG files, 20 by 20 in the order of reading; black fills the last."""
    n, side = len(tiles), tiles.shape[1]
    filled = np.zeros((-(-n // COLUMNS**2) * COLUMNS**2, side, side, 3), np.uint8)
    filled[:n] = tiles
    pages = (
        filled.reshape(-1, COLUMNS, COLUMNS, side, side, 3)
        .swapaxes(2, 3)
        .reshape(-1, COLUMNS * side, COLUMNS * side, 3)
    )
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
