"""The AstroCLIP release as Parquet files, such as those of https://huggingface.co/datasets/mhsotoudeh/astroclip."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from astroclip_book.data.pairs import GROUPS, IMAGE_SIZE, N_WAVELENGTH, TRAIN_FRACTION
from astroclip_book.errors import BookError
from real_sky.conversion.arrow import numbers, targetids
from real_sky.conversion.writing import check_output, write_pairs

log = logging.getLogger(__name__)

SHAPES = {"image": [(IMAGE_SIZE, IMAGE_SIZE, 3)], "spectrum": [(N_WAVELENGTH,), (N_WAVELENGTH, 1)], "redshift": [()]}
COLUMNS = [*SHAPES, "targetid"]
SPLITS = {"train": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}  # in the order in which they are laid down
BATCH = 64  # pairs in memory


def convert_parquet(sources: Path | Iterable[Path], output: Path) -> Path:
    """Write Parquet files of the AstroCLIP release as a file of pairs, ``output``; called again after a kill, it goes on.

    ``sources`` are files, or directories in which all ``*.parquet`` are read. The release calls the first 80 % of each of its
    groups the training side and the rest the test set, and so does `index_pairs`. Parquet files have lost the groups, and keep a
    split in their names (``train-00000-of-00120.parquet``, or a directory ``partial-train``). So pairs of files named train are
    laid down first, then those named val or validation, then those named test, and dealt to the ten groups in turn: with a split
    of 80 to 20 each side is what it was, to one pair a group. The public conversion is reported with 138,583 train and 29,697
    test pairs of 197,976, which is 70 : 15 : 15: its test pairs are all in the test set here, which its last validation pairs
    fill up. What the names say and cannot be kept is logged.

    Raises
    ------
    BookError
        For files that are not Parquet or lack a column, and for arrays of another shape; and as `write_pairs` says.
    """
    output = Path(output)
    check_output(output)
    paths = []
    for source in map(Path, [sources] if isinstance(sources, (str, Path)) else sources):
        found = sorted(source.rglob("*.parquet")) if source.is_dir() else [source]
        if not found or not found[0].is_file():
            raise BookError(f"{source} is neither a Parquet file nor a directory with any.")
        paths += found
    files = {path: _opened(path) for path in sorted(paths, key=lambda path: SPLITS.get(_split(path), 0))}
    counts = [file.metadata.num_rows for file in files.values()]
    _report(list(files), counts)
    place = np.concatenate([[], *(np.arange(sum(counts))[group :: len(GROUPS)] for group in range(len(GROUPS)))])
    source = {"files": [[str(path.absolute()), path.stat().st_size, n] for path, n in zip(files, counts, strict=True)]}
    return write_pairs(output, np.argsort(place), source, lambda first: _batches(files, first))


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
    return {
        "images": arrays["image"],
        "spectra": arrays["spectrum"].reshape(-1, N_WAVELENGTH),
        "redshifts": arrays["redshift"],
        "targetids": targetids(batch.column("targetid"), f"{path}, column targetid"),
    }


def _split(path: Path) -> str | None:
    """The split that the name of a file tells, or that of its directory."""
    for name in (path.stem, path.parent.name):
        if found := re.search(rf"(?<![a-z])({'|'.join(SPLITS)})(?![a-z])", name.lower()):
            return found[1]
    return None


def _opened(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BookError(f"{path} cannot be read as Parquet ({error}): download it again.") from error
    there = file.schema_arrow.names
    if missing := [name for name in COLUMNS if name not in there]:
        raise BookError(f"{path} has no column {', '.join(missing)}; it has {', '.join(there[:8])}.")
    return file


def _report(files: list[Path], counts: list[int]) -> None:
    """Say what the names of the files promise and the file of pairs will not have."""
    stems = {path.stem for path in files}
    for stem, total in sorted({(stem[:-15], stem[-5:]) for stem in stems if re.fullmatch(r".+-\d{5}-of-\d{5}", stem)}):
        if missing := [i for i in range(int(total)) if f"{stem}-{i:05d}-of-{total}" not in stems]:
            log.warning("%d of %d files named %s are missing: %s …", len(missing), int(total), stem, missing[:3])
    order = np.repeat([SPLITS.get(_split(path), 0) for path in files], counts)
    tested = np.arange(len(order)) >= TRAIN_FRACTION * len(order)
    if not (order == SPLITS["test"]).any():
        log.warning("no file is named test: the last fifth in the order of the names is the test set")
    for name, lost, side in (("test", ~tested, "training side"), ("train", tested, "test set")):
        if n := int((lost & (order == SPLITS[name])).sum()):
            log.warning("%d pairs named %s are on the %s, which has a fixed share", n, name, side)
