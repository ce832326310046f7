"""Pairs out of Arrow tables, batch by batch, and of the AstroCLIP release as Parquet files (https://huggingface.co/datasets/mhsotoudeh/astroclip)."""

import functools
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from astroclip_book.data.files import lock, progress, read_json, write_json
from astroclip_book.data.pairs import GROUPS, IMAGE_SIZE, N_WAVELENGTH, create_pairs, open_rows
from astroclip_book.errors import BookError

log = logging.getLogger(__name__)

SMALLEST = 50  # pairs: five a group, of which the last is for the test set


def check_output(output: Path) -> None:
    """Refuse, by a BookError, a file that exists or a directory that cannot be written to."""
    if output.exists() or not os.access(output.absolute().parent, os.W_OK):
        raise BookError(f"{output} exists already or cannot be written: move it away, or name another --output.")


def write_pairs(
    output: Path, place: np.ndarray, source: dict, batches: Callable[[int], Iterator[dict]], ivar: bool = False
) -> Path:
    """Write pairs to ``output``, in ``<output>.partial`` until the last is there; called again after a kill, it goes on.

    ``place`` (n,) is where each pair stands in the file, counted through its ten equal groups one after another. ``source``
    says as JSON what the pairs come from: what was written from the same source is kept, else all begins anew. ``batches``
    takes the number of pairs that are there and iterates over the next: arrays by the names of the datasets, with ``ivar`` or
    without. A BookError says if pairs are too few, another process writes them, or some are missing in the end.
    """
    if len(place) < SMALLEST:
        raise BookError(f"{len(place)} pairs are too few for ten groups with a test set each: {SMALLEST} are needed.")
    growing, note, busy = (output.with_name(f"{output.name}.partial{end}") for end in ("", ".json", ".lock"))
    starts = np.cumsum([0, *(len(part) for part in np.array_split(place, len(GROUPS)))])
    with lock(busy, f"Another process is writing {output}: wait for it."):
        state = read_json(note)
        if state.get("source") != source or not growing.exists():
            create_pairs(growing, np.diff(starts).tolist(), ivar)
            state = {"source": source, "done": 0}
        view = functools.cache(functools.partial(open_rows, growing))
        with progress(desc="pairs", total=len(place), initial=state["done"], unit="pair") as bar:
            for arrays in batches(state["done"]):
                rows = place[state["done"] : state["done"] + len(arrays["targetids"])]
                groups = np.searchsorted(starts, rows, side="right") - 1
                for group in np.unique(groups):
                    for name, values in arrays.items():
                        view(GROUPS[group], name)[rows[groups == group] - starts[group]] = values[groups == group]
                state["done"] += len(rows)
                write_json(note, state)
                bar.update(len(rows))
        if missing := len(place) - state["done"]:
            raise BookError(f"{output}: {missing} pairs did not arrive. Delete {growing}, and run this again.")
        os.replace(growing, output)
        note.unlink()
        busy.unlink()
    return output


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece, without the names that other libraries give to its type."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def is_list(kind: pa.DataType) -> bool:
    """Whether a column of this type holds lists."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def numbers(column: pa.Array | pa.ChunkedArray, where: str, dtype: type = np.float32) -> np.ndarray:
    """A column of numbers, or of nested lists of them, as an array (n, ...); a BookError says what it is instead."""
    column, shape = plain(column), [len(column)]
    while is_list(column.type):
        lengths = pc.unique(pc.list_value_length(column)).to_pylist()
        if len(lengths) != 1 or lengths[0] is None:
            raise BookError(f"{where}: lists have different lengths ({lengths[:4]}); arrays of one shape are needed.")
        shape.append(lengths[0])
        column = plain(column.flatten())
    if column.null_count and dtype is not np.float32:
        raise BookError(f"{where}: {column.null_count} values are missing.")
    try:
        return column.to_numpy(zero_copy_only=False).astype(dtype, copy=False).reshape(shape)
    except (ValueError, TypeError) as error:
        raise BookError(f"{where}: holds {column.type}, expected are numbers.") from error


def targetids(column: pa.Array | pa.ChunkedArray, where: str) -> np.ndarray:
    """DESI's TARGETIDs (n,) int64, from integers or their digits (Multimodal Universe); else a BookError."""
    if pa.types.is_integer(column.type):
        return numbers(column, where, np.int64)
    texts = [one.decode() if isinstance(one, bytes) else str(one) for one in column.to_pylist()]
    try:  # of bytes that somebody printed, too
        return np.array([int(text.removeprefix("b'").removesuffix("'")) for text in texts], np.int64)
    except (ValueError, OverflowError) as error:
        raise BookError(f"{where}: no TARGETIDs of DESI, integers of up to 19 digits ({error}).") from error


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
