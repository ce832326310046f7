"""Columns of Arrow tables as numpy arrays, with every length checked."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from astroclip_book.errors import BookError


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece, without the names that other libraries give to its type."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def shape_of(column: pa.Array, where: str) -> tuple[int, ...]:
    """The common shape of what a column of nested lists holds, () for plain numbers.

    Raises
    ------
    BookError
        If values are missing, or lengths differ.
    """
    shape = []
    while is_list(column.type):
        lengths = pc.unique(pc.list_value_length(column)).to_pylist()
        if len(lengths) != 1 or lengths[0] is None:
            found = ", ".join("none" if one is None else str(one) for one in lengths[:4])
            raise BookError(
                f"{where}: lists have different lengths ({found}), or are missing; expected are arrays of one shape."
            )
        shape.append(lengths[0])
        column = plain(column.flatten())
    return tuple(shape)


def numbers(column: pa.Array, dtype: np.dtype, where: str) -> np.ndarray:
    """A column of numbers, or of nested lists of them, as an array (n, ...).

    Raises
    ------
    BookError
        If lengths differ, or it does not hold numbers.
    """
    shape, n = shape_of(column, where), len(column)
    while is_list(column.type):
        column = plain(column.flatten())
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        raise BookError(f"{where}: holds {column.type}, expected are numbers.")
    if column.null_count and not np.issubdtype(dtype, np.floating):
        raise BookError(f"{where}: {column.null_count} values are missing.")
    return column.to_numpy(zero_copy_only=False).astype(dtype, copy=False).reshape(n, *shape)


def targetids(column: pa.Array, where: str) -> np.ndarray:
    """DESI's TARGETIDs (n,) int64, from integers or from their digits, as the Multimodal Universe has them.

    Raises
    ------
    BookError
        If an entry is something else.
    """
    if pa.types.is_integer(column.type):
        return numbers(column, np.dtype(np.int64), where)
    result = np.empty(len(column), np.int64)
    for i, value in enumerate(column.to_pylist()):
        text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
        digits = text.removeprefix("b'").removesuffix("'").strip()  # bytes that somebody printed
        if not digits.isascii() or not digits.isdigit() or int(digits) >= 2**63:
            raise BookError(f"{where}: {text[:40]!r} is no TARGETID of DESI, an integer of up to 19 digits.")
        result[i] = int(digits)
    return result


def is_list(kind: pa.DataType) -> bool:
    """Whether a column of this type holds lists."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
