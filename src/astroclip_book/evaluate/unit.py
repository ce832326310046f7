"""What a search asks of its vectors, checked where they enter."""

from __future__ import annotations

import numpy as np

from astroclip_book.errors import BookError

TOLERANCE = 1e-3  # of the length of a unit vector; half precision rounds to this


def unit_vectors(vectors: np.ndarray, name: str) -> np.ndarray:
    """The vectors, (n, d) float32 in one piece, once they are known to be of unit length.

    Raises
    ------
    BookError
        When they have another shape, are not finite or not of unit length; ``name`` says which they are.
    """
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2:
        raise BookError(f"The {name} must have shape (n, d), not {vectors.shape}.")
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    if not np.isfinite(length).all():
        broken = np.sum(~np.isfinite(length))
        raise BookError(f"The {name} has {broken} vectors that are not finite: remake the embeddings.")
    if (np.abs(length - 1) > TOLERANCE).any():
        span = f"{length.min():.3g} to {length.max():.3g}"
        raise BookError(f"The {name} has vectors of length {span}: divide each by its norm.")
    return vectors


def check_dimensions(query: int, gallery: int) -> None:
    """Refuse queries of other dimensions than the gallery's.

    Raises
    ------
    BookError
        Which names both.
    """
    if query != gallery:
        raise BookError(
            f"The queries have {query} dimensions and the gallery {gallery}: embed both with the same model."
        )


def check_k(k: int, n: int) -> None:
    """Refuse more neighbours k than a gallery of n objects has to give.

    Raises
    ------
    BookError
        Unless k is between 1 and n.
    """
    if not 1 <= k <= n:
        raise BookError(f"k = {k} neighbours asked of a gallery of {n}: choose k between 1 and {n}.")


def check_rows(rows: np.ndarray, n: int) -> None:
    """Refuse rows, (q,) integers, of objects that a gallery of n does not have.

    Raises
    ------
    BookError
        Which names the first.
    """
    missing = np.asarray(rows)[(np.asarray(rows) < 0) | (np.asarray(rows) >= n)]
    if missing.size:
        raise BookError(f"There is no galaxy {missing.flat[0]} among {n}: choose a query between 0 and {n - 1}.")
