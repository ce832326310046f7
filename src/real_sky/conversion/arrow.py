"""Columns of Arrow tables as numpy arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from astroclip_book.errors import BookError


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece, without the names that other libraries give to its type."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def is_list(kind: pa.DataType) -> bool:
    """Whether a column of this type holds lists."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def numbers(column: pa.Array | pa.ChunkedArray, where: str, dtype: type = np.float32) -> np.ndarray:
    """A column of numbers, or of nested lists of them, as an array (n, ...).

    Raises
    ------
    BookError
        If lengths differ, or it does not hold numbers.
    """
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
    """DESI's TARGETIDs (n,) int64, from integers or from their digits, as the Multimodal Universe has them.

    Raises
    ------
    BookError
        If an entry is something else.
    """
    if pa.types.is_integer(column.type):
        return numbers(column, where, np.int64)
    texts = [one.decode() if isinstance(one, bytes) else str(one) for one in column.to_pylist()]
    try:  # of bytes that somebody printed, too
        return np.array([int(text.removeprefix("b'").removesuffix("'")) for text in texts], np.int64)
    except (ValueError, OverflowError) as error:
        raise BookError(f"{where}: no TARGETIDs of DESI, integers of up to 19 digits ({error}).") from error
