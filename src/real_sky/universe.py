"""Catalogues of the Multimodal Universe in HATS format, cross-matched by LSDB and written as a file of pairs.

An ``image`` holds bands, each with ``band``, ``flux`` (h, w) in nanomaggies and ``scale`` in arcsec a pixel; a ``spectrum`` holds
pixels, each with ``flux`` and ``ivar`` in 1e-17 erg/s/cm²/Å, ``lambda`` in Å, and ``mask``, true where a pixel is bad. DESI's have
``Z``, ``ZWARN`` and ``object_id``, the TARGETID, beside it. Sources: https://docs.lsdb.io, https://github.com/MultimodalUniverse/MultimodalUniverse
(scripts/legacysurvey, ssl_legacysurvey, desi) and https://huggingface.co/collections/UniverseTBD/multimodal-universe-hats.
"""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from astroclip_book.data.pairs import BANDS, IMAGE_SIZE, N_WAVELENGTH, PIXEL_SCALE, WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.observations.grid import complete
from real_sky.observations.observed import COVERAGE
from real_sky.parquet import check_output, is_list, numbers, plain, targetids, write_pairs

log = logging.getLogger(__name__)

IMAGE = ["ra", "dec", *(f"image.{name}" for name in ("band", "flux", "scale"))]
KEYS = ["ra", "dec", "object_id", "Z", "ZWARN"]
SPECTRUM = [f"spectrum.{name}" for name in ("flux", "ivar", "lambda", "mask")]
SAME = 0.01  # Å: the grid is that of the pairs, in single precision


def convert_universe(images: str, spectra: str, output: Path, radius: float = 1.0) -> Path:
    """Cross-match a catalogue of images with one of DESI spectra, and write the pairs; called again after a kill, it goes on.

    ``images`` and ``spectra`` are directories or addresses (``hf://datasets/…``) of HATS catalogues. Each image is paired with
    the nearest spectrum within ``radius`` arcsec, found from positions alone; then images and spectra are read, of one tile of
    the sky after the other. Pairs stand in the order of their tiles, in ten equal groups: the test set, the last fifth of each,
    is ten other regions than the training side, and galaxies that share an image's pixels are on the same side. A BookError
    tells where LSDB is missing, and refuses catalogues that are not HATS, lack columns, or have no matches.
    """
    try:
        import lsdb
    except ImportError as error:
        install = ".venv/bin/pip install -c requirements.lock -e '.[universe]'"
        raise BookError(f"LSDB, which reads and matches HATS catalogues, is not installed: {install}") from error
    check_output(output)
    where = f"{images} and {spectra}"

    def matched(image_columns: list[str], spectrum_columns: list[str]) -> list:
        """Matches of each tile of the sky, in order and not yet computed."""
        left = lsdb.open_catalog(images, columns=image_columns)
        right = lsdb.open_catalog(spectra, columns=spectrum_columns)
        names = {"suffixes": ("_image", "_spectrum"), "suffix_method": "all_columns"}
        return left.crossmatch(right, radius_arcsec=radius, **names).to_delayed()

    try:
        taken = chosen([tile.compute() for tile in matched(IMAGE[:2], KEYS)], where, radius)
        tiles, counts = matched(IMAGE, KEYS + SPECTRUM), [len(rows) for rows in taken]
        source, ends = {"images": str(images), "spectra": str(spectra), "pairs": counts}, np.cumsum(counts)

        def batches(first: int):
            for tile, rows, end in zip(tiles, taken, ends, strict=True):
                if len(rows) and end > first:
                    yield pairs_of(tile.compute().iloc[rows], where)

        return write_pairs(output, np.arange(sum(counts)), source, batches, ivar=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise BookError(f"{where} cannot be matched as HATS catalogues (with hats.properties): {error}") from error


def chosen(tiles: list, where: str, radius: float) -> list[np.ndarray]:
    """Rows of each tile's matches that become pairs: those with a good redshift, the nearest of a TARGETID.

    A BookError refuses no matches, and matches of which most redshifts have a warning.
    """
    if not sum(map(len, tiles)):
        raise BookError(f"{where}: no image lies within {radius} arcsec of a spectrum. Allow more by --radius.")
    targetid = np.concatenate([targetids(pa.array(one["object_id_spectrum"]), f"{where}, object_id") for one in tiles])
    distance = np.concatenate([np.asarray(one["_dist_arcsec"], float) for one in tiles])
    good = np.concatenate([np.asarray(one["ZWARN_spectrum"], int) for one in tiles]) == 0
    if good.mean() < 0.5:  # some conversions of the Multimodal Universe have true for a redshift without warnings
        text = f"ZWARN warns of {1 - good.mean():.0%} of {len(good)} matches: if it is inverted, turn it round."
        raise BookError(f"{where}: {text}")
    order = np.lexsort((distance, targetid))
    order = order[good[order]]
    taken = np.zeros(len(good), bool)
    taken[order[np.unique(targetid[order], return_index=True)[1]]] = True
    log.warning("%s: %d matches, %d of good redshift, %d pairs", where, len(good), good.sum(), taken.sum())
    return [np.flatnonzero(part) for part in np.split(taken, np.cumsum([len(one) for one in tiles])[:-1])]


def pairs_of(frame, where: str) -> dict[str, np.ndarray]:
    """Arrays of matched rows, by the names of the datasets: the centres of the cut-outs, and spectra with their gaps filled.

    What was not seen has ``ivar`` 0; spectra of which less than four fifths were seen are 0, and so left out by `index_pairs`.
    A BookError refuses images of other bands, sizes or scales, and spectra on another grid than DESI's.
    """
    flux, ivar = _spectra(plain(pa.array(frame["spectrum_spectrum"])), where)
    return {
        "images": _images(plain(pa.array(frame["image_image"])), where),
        "spectra": flux,
        "ivar": ivar,
        "redshifts": numbers(pa.array(frame["Z_spectrum"]), f"{where}, column Z"),
        "targetids": targetids(plain(pa.array(frame["object_id_spectrum"])), f"{where}, column object_id"),
    }


def _images(column: pa.Array, where: str) -> np.ndarray:
    scale = numbers(_field(column, "scale"), f"{where}, image.scale")
    if not np.allclose(scale, PIXEL_SCALE, rtol=0.01):
        raise BookError(f"{where}: images have pixels of {scale.flat[0]:.4g} arcsec, {PIXEL_SCALE} are needed.")
    bands = np.array(_field(column, "band").to_pylist())
    letters = np.char.rpartition(np.char.lower(bands), "-")[..., -1]  # of DES-G, des-g or g
    flux = numbers(_field(column, "flux"), f"{where}, image.flux")
    if any((letters == band).sum(axis=-1).min() != 1 for band in BANDS):
        raise BookError(f"{where}: not every image has one band each of g, r and z; there are {', '.join(bands[0])}.")
    high, wide = flux.shape[2:]
    if min(high, wide) < IMAGE_SIZE:
        raise BookError(f"{where}: an image has {high} × {wide} pixels, {IMAGE_SIZE} × {IMAGE_SIZE} are needed.")
    top, left = (high - IMAGE_SIZE) // 2, (wide - IMAGE_SIZE) // 2
    order = np.stack([(letters == band).argmax(axis=1) for band in BANDS], axis=1)
    flux = flux[np.arange(len(flux))[:, None], order, top : top + IMAGE_SIZE, left : left + IMAGE_SIZE]
    return np.nan_to_num(np.moveaxis(flux, 1, -1), nan=0, posinf=0, neginf=0)


def _spectra(column: pa.Array, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Flux and inverse variance on the grid of the pairs, (n, 7781) float32 each."""
    names = ("flux", "ivar", "lambda")
    flux, ivar, wavelength = (numbers(_field(column, name), f"{where}, spectrum.{name}") for name in names)
    mask = numbers(_field(column, "mask"), f"{where}, spectrum.mask", bool)
    if wavelength.shape[1] != N_WAVELENGTH or not np.allclose(wavelength, WAVELENGTH, rtol=0, atol=SAME):
        raise BookError(f"{where}: lambda is not 3600 + 0.8 i Å up to 9824 Å: take a catalogue of DESI spectra.")
    seen = ~mask & np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
    flux, ivar = np.where(seen, flux, 0), np.where(seen, ivar, 0)
    enough = seen.mean(axis=1) >= COVERAGE
    flux[enough], flux[~enough] = complete(flux[enough], ivar[enough]), 0
    return flux, ivar


def _field(column: pa.Array, name: str) -> pa.Array:
    """One field of all rows, as lists: rows are structs of lists, as in Parquet files, or lists of structs, as nested-pandas has them."""
    if not is_list(column.type):
        return plain(pc.struct_field(column, name))
    ends = np.cumsum([0, *pc.list_value_length(column).to_pylist()])
    return pa.LargeListArray.from_arrays(pa.array(ends), pc.struct_field(plain(column.flatten()), name))
