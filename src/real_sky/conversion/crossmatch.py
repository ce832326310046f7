"""Catalogues of the Multimodal Universe in HATS format, cross-matched by LSDB and written as a file of pairs.

HATS holds a catalogue as Parquet files, one for each tile of the sky; LSDB matches tile by tile, and Dask computes the tiles.
Sources: https://docs.lsdb.io, https://www.ivoa.net/documents/Notes/HATS, and the catalogues at
https://huggingface.co/collections/UniverseTBD/multimodal-universe-hats.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from astroclip_book.data.progress import progress
from astroclip_book.errors import BookError
from real_sky.conversion.columns import numbers, plain, targetids
from real_sky.conversion.universe import IMAGE_FIELDS, SPECTRUM_FIELDS, pairs_of
from real_sky.conversion.writing import check_output, writing

log = logging.getLogger(__name__)

RADIUS = 1.0  # arcsec
BATCH = 16  # tiles whose positions a worker matches at once
COORDINATES = ("ra", "dec")
KEYS = ("object_id", "Z", "ZWARN")
IMAGE = tuple(f"image.{name}" for name in IMAGE_FIELDS)
SPECTRUM = tuple(f"spectrum.{name}" for name in SPECTRUM_FIELDS)


def convert_universe(
    images: str, spectra: str, output: Path, radius: float = RADIUS, scheduler: str | None = None
) -> Path:
    """Cross-match a catalogue of images with one of DESI spectra, and write the pairs.

    Each image is paired with the nearest spectrum within the radius, and of several images of one TARGETID the nearest is
    kept. Redshifts are DESI's; those with a warning (``ZWARN`` not 0) are left out. Matches are found first, from positions alone.
    Then images and spectra are read, a tile of the sky at a time for each worker of Dask, and only of tiles with matches.

    Pairs stand in the file in the order of their TARGETIDs, in ten equal groups. As a TARGETID begins with a patch of the sky,
    the test set, the last fifth of each group, is ten other regions than the training side; galaxies that share an image's
    pixels are on the same side.

    Called again after a kill, it goes on where it was.

    Parameters
    ----------
    images, spectra : str
        Directories or addresses (``hf://datasets/…``) of HATS catalogues, with `IMAGE`, and with `KEYS` and `SPECTRUM`.
    output : Path
        The file to write, with ``ivar`` beside the release's datasets.
    radius : float
        Arcsec.
    scheduler : str, optional
        Address of a Dask cluster whose workers have this package and see the catalogues; by default the client that is active,
        or else this process.

    Returns
    -------
    Path
        ``output``

    Raises
    ------
    BookError
        Without LSDB; for catalogues that are not HATS, lack columns, or have no matches; and as `universe.pairs_of` and `writing`
        say.
    """
    lsdb, dask = _libraries()
    check_output(Path(output).absolute())
    where = f"{images} and {spectra}"
    with _cluster(scheduler) as workers, _explained(where):
        _check_columns(lsdb, images, (*COORDINATES, *IMAGE))
        _check_columns(lsdb, spectra, (*COORDINATES, *KEYS, *SPECTRUM))
        tiles = [dask.delayed(_keys)(tile, where) for tile in _matched(lsdb, images, (), spectra, KEYS, radius)]
        found = progress(_computed(dask, tiles, BATCH * workers), "matches", len(tiles), unit="tile")
        matches = _chosen(list(found), where, radius)
        tiles = _matched(lsdb, images, IMAGE, spectra, (*KEYS, *SPECTRUM), radius)
        with writing(output, len(matches.targetid), matches.source(images, spectra), ivar=True) as there:
            todo = [tile for tile in np.unique(matches.tile) if not there.has(str(tile))]
            rows = [np.flatnonzero(matches.tile == tile) for tile in todo]
            tasks = [
                dask.delayed(_pairs)(tiles[tile], matches.row[part], where)
                for tile, part in zip(todo, rows, strict=True)
            ]
            results = progress(_computed(dask, tasks, workers), "pairs", len(tasks), unit="tile")
            for tile, part, arrays in zip(todo, rows, results, strict=True):
                if not np.array_equal(arrays["targetids"], matches.targetid[part]):
                    raise BookError(f"{where}: tile {tile} has other matches than a moment ago. Run this again.")
                there.put(part, arrays)
                there.finish(str(tile), len(part))
    return Path(output)


@dataclass(frozen=True)
class Matches:
    """Which matches become pairs, in the order of the file; (N,) each."""

    targetid: np.ndarray
    tile: np.ndarray  # of LSDB's result
    row: np.ndarray  # in the tile

    def source(self, images: str, spectra: str) -> dict:
        """What tells these from other matches."""
        content = b"".join(values.astype(np.int64).tobytes() for values in (self.targetid, self.tile, self.row))
        return {"images": str(images), "spectra": str(spectra), "matches": hashlib.sha256(content).hexdigest()}


def _chosen(found: list[dict[str, np.ndarray]], where: str, radius: float) -> Matches:
    """Of the matches in each tile those with a good redshift, one a TARGETID, ordered by it."""
    counts = [len(one["targetid"]) for one in found]
    if not sum(counts):
        raise BookError(
            f"{where}: no image lies within {radius} arcsec of a spectrum. Do the catalogues show the same sky? "
            "Otherwise allow more by --radius."
        )
    targetid, distance, warning = (np.concatenate([one[name] for one in found]) for name in found[0])
    tile, row = np.repeat(np.arange(len(found)), counts), np.concatenate([np.arange(n) for n in counts])
    good = warning == 0
    if good.mean() < 0.5:
        raise BookError(
            f"{where}: ZWARN warns of {1 - good.mean():.0%} of {len(good)} matches, where a few per cent are usual. Some "
            "conversions of the Multimodal Universe have it inverted (true for a redshift without warnings): turn it round."
        )
    order = np.lexsort((row, tile, distance, targetid))
    order = order[good[order]]
    order = order[np.unique(targetid[order], return_index=True)[1]]
    for n, reason in (
        (len(good) - good.sum(), "ZWARN warns of their redshifts"),
        (good.sum() - len(order), "a nearer one has the same TARGETID"),
    ):
        if n:
            log.warning("%s: left out %d of %d matches (%s)", where, n, len(good), reason)
    return Matches(targetid[order], tile[order], row[order])


def _keys(frame, where: str) -> dict[str, np.ndarray]:
    """What of the matches in one tile decides which are taken."""
    return {
        "targetid": targetids(plain(pa.array(frame["object_id_spectrum"])), f"{where}, column object_id"),
        "distance": np.asarray(frame["_dist_arcsec"], float),
        "warning": numbers(plain(pa.array(frame["ZWARN_spectrum"])), np.dtype(int), f"{where}, column ZWARN"),
    }


def _pairs(frame, rows: np.ndarray, where: str) -> dict[str, np.ndarray]:
    frame = frame.iloc[rows]
    names = {
        "image": "image_image",
        "spectrum": "spectrum_spectrum",
        "Z": "Z_spectrum",
        "object_id": "object_id_spectrum",
    }
    return pairs_of(pa.table({name: pa.array(frame[column]) for name, column in names.items()}), where)


def _matched(lsdb, images: str, image_columns, spectra: str, spectrum_columns, radius: float) -> list:
    """The matches of each tile of the sky, in order and not yet computed."""
    left = lsdb.open_catalog(images, columns=[*COORDINATES, *image_columns])
    right = lsdb.open_catalog(spectra, columns=[*COORDINATES, *spectrum_columns])
    suffixes = ("_image", "_spectrum")
    return left.crossmatch(right, radius_arcsec=radius, suffixes=suffixes, suffix_method="all_columns").to_delayed()


def _check_columns(lsdb, path: str, needed: tuple[str, ...]) -> None:
    there = lsdb.open_catalog(path, columns="all").exploded_columns
    missing = [name for name in needed if name not in there]
    if missing:
        raise BookError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(there[:12])}. Is it the right catalogue?"
        )


def _computed(dask, tasks: list, at_once: int) -> Iterator:
    """Results of tasks in their order, so many at a time that memory holds them."""
    for start in range(0, len(tasks), at_once):
        yield from dask.compute(*tasks[start : start + at_once])


@contextmanager
def _cluster(scheduler: str | None) -> Iterator[int]:
    """How many workers Dask has: those of a cluster, of the client that is active, or this process."""
    from distributed import Client, get_client

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise BookError(
                f"No Dask scheduler answers at {scheduler} ({error}): start one, or leave --scheduler out."
            ) from error
        with client:
            yield max(1, len(client.scheduler_info()["workers"]))
        return
    try:
        yield max(1, len(get_client().scheduler_info()["workers"]))
    except ValueError:
        yield 1


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn what LSDB says of catalogues that it cannot read or match into a BookError."""
    try:
        yield
    except FileNotFoundError as error:
        raise BookError(
            f"{error}. A HATS catalogue is a directory with hats.properties or collection.properties: give its "
            "path or address."
        ) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise BookError(f"{where} cannot be matched: {error}") from error


def _libraries():
    try:
        import dask
        import lsdb
    except ImportError as error:
        raise BookError(
            "LSDB, which reads and matches HATS catalogues, is not installed: "
            ".venv/bin/pip install -c requirements.lock -e '.[universe]'"
        ) from error
    return lsdb, dask
