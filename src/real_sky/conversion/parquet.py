"""The AstroCLIP release as Parquet files, such as those of https://huggingface.co/datasets/mhsotoudeh/astroclip."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from astroclip_book.data.pairs import IMAGE_SIZE, N_WAVELENGTH, TRAIN_FRACTION
from astroclip_book.data.progress import progress
from astroclip_book.errors import BookError
from real_sky.conversion.columns import numbers, plain, shape_of, targetids
from real_sky.conversion.writing import check_output, dealt, writing

log = logging.getLogger(__name__)

COLUMNS = ("image", "spectrum", "redshift", "targetid")
SPLITS = {"train": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}  # in the order in which they are laid down
IMAGE = (IMAGE_SIZE, IMAGE_SIZE, 3)
SPECTRA = ((N_WAVELENGTH,), (N_WAVELENGTH, 1))
SHARD = re.compile(r"(.+)-\d{5}-of-(\d{5})")  # the name of a file that is one of several
BATCH = 64  # pairs in memory


def convert_parquet(sources: Path | Iterable[Path], output: Path) -> Path:
    """Write Parquet files of the AstroCLIP release as a file of pairs, one row group after another.

    The release calls the first 80 % of each of its groups the training side and the rest the test set, and so does `index_pairs`.
    Parquet files have lost the groups, and keep a split in their names (``train-00000-of-00120.parquet``, or a directory
    ``partial-train``). So pairs of files named train are laid down first, then those named val or validation, then those named
    test, and dealt to the ten groups in turn: with a split of 80 to 20 each side is what it was, to one pair a group.
    The public conversion is reported with 138,583 train and 29,697 test pairs of 197,976, which is 70 : 15 : 15 and not the
    release's split: its test pairs are all in the test set here, which its last validation pairs fill up. What the names say and
    cannot be kept is logged.

    Called again after a kill, it goes on where it was.

    Parameters
    ----------
    sources : Path, or several
        Files, or directories in which all ``*.parquet`` are read.
    output : Path
        The file to write.

    Returns
    -------
    Path
        ``output``

    Raises
    ------
    BookError
        For files that are not Parquet or lack a column, and for arrays of another shape; and as `writing` says.
    """
    check_output(Path(output).absolute())
    files = _files([sources] if isinstance(sources, (str, Path)) else list(sources))
    opened = {path: _opened(path) for path in files}
    counts = [opened[path].metadata.num_rows for path in files]
    _report(files, counts)
    rows = dealt(sum(counts))
    source = {
        "files": [[str(path.absolute()), path.stat().st_size, count] for path, count in zip(files, counts, strict=True)]
    }
    with (
        writing(output, len(rows), source) as there,
        progress(total=len(rows), description="pairs", unit="pair") as bar,
    ):
        start = 0
        for path in files:
            for group in range(opened[path].num_row_groups):
                n, piece = opened[path].metadata.row_group(group).num_rows, f"{path.absolute()} {group}"
                if not there.has(piece):
                    _write(there, piece, rows[start : start + n], opened[path], group, str(path))
                start += n
                bar.update(n)
    return Path(output)


def _write(there, piece: str, rows: np.ndarray, file: pq.ParquetFile, group: int, where: str) -> None:
    done = 0
    for batch in file.iter_batches(BATCH, row_groups=[group], columns=list(COLUMNS)):
        part = rows[done : done + len(batch)]
        done += len(batch)
        there.put(part, pairs_of(batch, where))
    there.finish(piece, done)


def pairs_of(batch: pa.RecordBatch, where: str) -> dict[str, np.ndarray]:
    """Arrays of some rows, by the names of the datasets of a file of pairs.

    Raises
    ------
    BookError
        For arrays of another shape than the release's; ``where`` names the file.
    """
    columns = {name: plain(batch.column(name)) for name in COLUMNS}
    for name, shapes in (("image", (IMAGE,)), ("spectrum", SPECTRA), ("redshift", ((),)), ("targetid", ((),))):
        found = shape_of(columns[name], f"{where}, column {name}")
        if found not in shapes:
            raise BookError(
                f"{where}: {name} has shape {found}, expected is {' or '.join(map(str, shapes))}, as in the release."
            )
    floats = {name: numbers(columns[name], np.dtype(np.float32), f"{where}, column {name}") for name in COLUMNS[:3]}
    return {
        "images": floats["image"],
        "spectra": floats["spectrum"].reshape(-1, N_WAVELENGTH),
        "redshifts": floats["redshift"],
        "targetids": targetids(columns["targetid"], f"{where}, column targetid"),
    }


def _files(sources: list[Path]) -> list[Path]:
    """All files, those of the training side first."""
    files = []
    for source in map(Path, sources):
        found = sorted(source.rglob("*.parquet")) if source.is_dir() else [source]
        if not found or not found[0].is_file():
            raise BookError(
                f"{source} is neither a Parquet file nor a directory with any: name where they were downloaded to."
            )
        files += found
    return sorted(files, key=lambda path: SPLITS.get(_split(path), 0))  # which keeps the order otherwise


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
        raise BookError(
            f"{path} cannot be read as Parquet ({error}): compare its size with the source's, or download it again."
        ) from error
    missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
    if missing:
        raise BookError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(file.schema_arrow.names[:8])}. "
            f"Expected are {', '.join(COLUMNS)}."
        )
    return file


def _report(files: list[Path], counts: list[int]) -> None:
    """Say what the names of the files promise and the file of pairs will not have."""
    there = {path.stem for path in files}
    for stem, total in sorted({shard.groups() for shard in map(SHARD.fullmatch, there) if shard}):
        expected = [f"{stem}-{i:05d}-of-{total}" for i in range(int(total))]
        missing = [name for name in expected if name not in there]
        if missing:
            log.warning(
                "%d of %d files named %s are missing: %s …", len(missing), int(total), stem, ", ".join(missing[:3])
            )
    order = np.repeat([SPLITS.get(_split(path), 0) for path in files], counts)
    tested = np.arange(len(order)) >= TRAIN_FRACTION * len(order)
    log.info("pairs of files named train, val and test: %s", ", ".join(str((order == one).sum()) for one in range(3)))
    if not (order == SPLITS["test"]).any():
        log.warning("no file is named test: the last fifth in the order of the names is the test set")
    for name, lost, side in (("test", ~tested, "training side"), ("train", tested, "test set")):
        if n := int((lost & (order == SPLITS[name])).sum()):
            log.warning(
                "%d of %d pairs named %s are on the %s, which has a fixed share",
                n,
                (order == SPLITS[name]).sum(),
                name,
                side,
            )
