"""The AstroCLIP release as Parquet files, such as those of https://huggingface.co/datasets/mhsotoudeh/astroclip."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from astroclip_book.data.pairs import GROUPS, IMAGE_SIZE, N_WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.writing import check_output, numbers, targetids, write_pairs

log = logging.getLogger(__name__)

SHAPES = {"image": [(IMAGE_SIZE, IMAGE_SIZE, 3)], "spectrum": [(N_WAVELENGTH,), (N_WAVELENGTH, 1)], "redshift": [()]}
COLUMNS = [*SHAPES, "targetid"]
SPLITS = {"train": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}  # in the order in which they are laid down
BATCH = 64  # pairs in memory


def convert_parquet(sources: list[Path], output: Path) -> Path:
    """Write Parquet files of the AstroCLIP release as a file of pairs, ``output``; called again after a kill, it goes on.

    ``sources`` are files, or directories in which all ``*.parquet`` are read. They have lost the release's groups, and keep a
    split in their names (``train-00000-of-00120.parquet``, or a directory ``partial-train``). Pairs of files named train are
    laid down first, then those named validation, then those named test, and dealt to the ten groups in turn, of which
    `index_pairs` takes the last fifth for the test set: with a split of 80 to 20 each side is what it was, to one pair a group.
    Of the public conversion, reported as 70 : 15 : 15, all test pairs are in the test set, which its last validation pairs fill
    up. A BookError refuses files that are not Parquet or lack a column, and arrays of another shape; see also `write_pairs`.
    """
    check_output(output)
    paths = []
    for source in sources:
        paths += sorted(source.rglob("*.parquet")) if source.is_dir() else [source]
    if not paths:
        raise BookError(f"No *.parquet lies in {', '.join(map(str, sources))}.")
    files = {path: _opened(path) for path in sorted(paths, key=lambda path: SPLITS[_split(path)])}
    counts = {path: file.metadata.num_rows for path, file in files.items()}
    named = {name: sum(n for path, n in counts.items() if _split(path) == name) for name in map(_split, files)}
    log.warning("pairs by the names of their files: %s; the last fifth of all is the test set", named)
    place = np.concatenate([np.arange(sum(counts.values()))[group :: len(GROUPS)] for group in range(len(GROUPS))])
    origin = {"files": [[str(path.absolute()), path.stat().st_size, n] for path, n in counts.items()]}
    return write_pairs(output, np.argsort(place), origin, lambda first: _batches(files, first))


def _split(path: Path) -> str:
    """The split that the name of a file tells, or that of its directory; else train."""
    for name in (path.stem, path.parent.name):
        if found := re.search(rf"(?<![a-z])({'|'.join(SPLITS)})(?![a-z])", name.lower()):
            return found[1]
    return "train"


def _opened(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BookError(f"{path} cannot be read as Parquet ({error}): download it again.") from error
    there = file.schema_arrow.names
    if missing := [name for name in COLUMNS if name not in there]:
        raise BookError(f"{path} has no column {', '.join(missing)}; it has {', '.join(there[:8])}.")
    return file


def _batches(files: dict[Path, pq.ParquetFile], first: int) -> Iterator[dict[str, np.ndarray]]:
    """Pairs from number ``first`` on, by the names of the datasets."""
    start = 0
    for path, file in files.items():
        if start + file.metadata.num_rows <= first:
            start += file.metadata.num_rows
            continue
        for batch in file.iter_batches(BATCH, columns=COLUMNS):
            if start + len(batch) > first:
                yield _pairs(batch.slice(max(0, first - start)), path)
            start += len(batch)


def _pairs(batch: pa.RecordBatch, path: Path) -> dict[str, np.ndarray]:
    arrays = {name: numbers(batch.column(name), f"{path}, column {name}") for name in SHAPES}
    for name, shapes in SHAPES.items():
        if arrays[name].shape[1:] not in shapes:
            expected = " or ".join(map(str, shapes))
            raise BookError(f"{path}: {name} has shape {arrays[name].shape[1:]}, expected is {expected}.")
    spectra, targetid = arrays["spectrum"].reshape(-1, N_WAVELENGTH), batch.column("targetid")
    ids = targetids(targetid, f"{path}, column targetid")
    return {"images": arrays["image"], "spectra": spectra, "redshifts": arrays["redshift"], "targetids": ids}
