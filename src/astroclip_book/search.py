"""Similarity search: the nearest embeddings of a query, exactly, by matrix products in blocks."""

from __future__ import annotations

import numpy as np
import torch

from astroclip_book.errors import BookError

BLOCK = 256  # queries per matrix product: at most BLOCK numbers per gallery object in memory
TOLERANCE = 1e-3  # of the length of a unit vector; half precision rounds to this


def neighbours(query: np.ndarray, gallery: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` gallery vectors of largest cosine with each query, best first.

    Equal cosines come in an order that does not depend on the block size. A query that stands in the gallery finds
    itself; ask for one more and leave it out where that is not wanted.

    Parameters
    ----------
    query : (m, d) array
        Unit vectors.
    gallery : (n, d) array
        Unit vectors of the same space; for a search across modalities, those of the other modality.
    k : int
        From 1 to n.

    Returns
    -------
    index : (m, k) int64 array
        Rows of the gallery.
    cosine : (m, k) float32 array

    Raises
    ------
    BookError
        When the vectors are not finite, not of unit length or of different dimension, or k is out of range.
    """
    query, gallery = _unit(query, "query"), _unit(gallery, "gallery")
    if query.shape[1] != gallery.shape[1]:
        raise BookError(f"The queries have {query.shape[1]} dimensions and the gallery {gallery.shape[1]}: "
                        "embed both with the same model.")
    _check_k(k, len(gallery))
    index = np.empty((len(query), k), np.int64)
    cosine = np.empty((len(query), k), np.float32)
    columns = torch.from_numpy(gallery).T
    for start in range(0, len(query), BLOCK):
        rows = slice(start, start + BLOCK)
        values, found = (torch.from_numpy(query[rows]) @ columns).topk(k)
        cosine[rows], index[rows] = _in_order(values, found, largest=True)
    return index, cosine


def nearest(query: np.ndarray, gallery: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` gallery points of least Euclidean distance to each query, nearest first.

    The search is by matrix products in single precision; the distances of those found are then computed anew, so that
    small ones are not what rounding left of large squares.

    Parameters
    ----------
    query : (m, d) array
    gallery : (n, d) array
    k : int
        From 1 to n.

    Returns
    -------
    index : (m, k) int64 array
        Rows of the gallery.
    distance : (m, k) float32 array

    Raises
    ------
    BookError
        When k is out of range.
    """
    _check_k(k, len(gallery))
    points = torch.from_numpy(np.ascontiguousarray(gallery, np.float32))
    centre = points.mean(0)
    points = points - centre  # far from the origin, squares would drown the differences
    half_square, columns = points.square().sum(1) / 2, points.T
    index = np.empty((len(query), k), np.int64)
    distance = np.empty((len(query), k), np.float32)
    for start in range(0, len(query), BLOCK):
        rows = slice(start, start + BLOCK)
        asked = torch.from_numpy(np.ascontiguousarray(query[rows], np.float32)) - centre
        found = torch.addmm(half_square, asked, columns, alpha=-1).topk(k, largest=False).indices
        exact = (points[found] - asked[:, None]).square().sum(2).sqrt()
        distance[rows], index[rows] = _in_order(exact, found, largest=False)
    return index, distance


def _in_order(values: torch.Tensor, found: torch.Tensor, largest: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Best first, and equal ones in the order of the gallery."""
    found, order = found.sort(1)
    values, order = values.gather(1, order).sort(dim=1, descending=largest, stable=True)
    return values, found.gather(1, order)


def _check_k(k: int, n: int) -> None:
    if not 1 <= k <= n:
        raise BookError(f"k = {k} neighbours asked of a gallery of {n}: choose k between 1 and {n}.")


def nearest_in(features: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """The k nearest others of some objects in features of any scale, by the cosine of standardised features.

    Parameters
    ----------
    features : (n, d) array
    queries : (m,) int array
        Rows of ``features``; none is its own neighbour.
    k : int

    Returns
    -------
    (m, k) int array
        Rows of ``features``, nearest first.
    """
    features = features.astype(np.float32)
    unit = (features - features.mean(0)) / np.maximum(features.std(0), 1e-6)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    found, _ = neighbours(unit[queries], unit, k + 1)
    return np.stack([row[row != query][:k] for row, query in zip(found, queries, strict=True)])


def four_directions(vectors: dict[str, np.ndarray], query: int, k: int) -> dict[tuple[str, str], tuple]:
    """The nearest galaxies to one of them, in all directions between its modalities.

    Parameters
    ----------
    vectors : dict of (n, d) arrays
        Unit vectors by modality; row i is the same galaxy in each.
    query : int
        Row of the galaxy that is asked about.
    k : int

    Returns
    -------
    dict
        (query's modality, gallery's modality) to (rows (k,), cosines (k,)). Within one modality the query is left out.

    Raises
    ------
    BookError
        As `neighbours`, and when there is no such row.
    """
    n = len(next(iter(vectors.values())))
    if not 0 <= query < n:
        raise BookError(f"There is no galaxy {query} among {n}: choose a query between 0 and {n - 1}.")
    found = {}
    for asked, source in vectors.items():
        for modality, gallery in vectors.items():
            index, cosine = neighbours(source[query : query + 1], gallery, k + 1)
            keep = index[0] != query if asked == modality else np.ones(k + 1, bool)
            found[asked, modality] = (index[0][keep][:k], cosine[0][keep][:k])
    return found


def _unit(vectors: np.ndarray, name: str) -> np.ndarray:
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2:
        raise BookError(f"The {name} must have shape (n, d), not {vectors.shape}.")
    length = np.linalg.norm(vectors, axis=1)
    if not np.isfinite(length).all():
        raise BookError(f"The {name} has {np.sum(~np.isfinite(length))} vectors that are not finite: remake the embeddings.")
    if (np.abs(length - 1) > TOLERANCE).any():
        raise BookError(f"The {name} has vectors of length {length.min():.3g} to {length.max():.3g}: divide each by its norm.")
    return vectors
