"""Similarity search on embeddings of one byte a number, as the page does it, and what the bytes cost."""

from __future__ import annotations

import itertools

import numpy as np

from astroclip_book.errors import BookError
from astroclip_book.evaluate.search import neighbours, others, shared

LARGEST = 127  # of a signed byte, so that both signs reach as far
BLOCK = 256  # queries at a time


def to_bytes(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, d) as int8, each scaled for itself such that its largest component fills the byte.

    The scales are not kept: a cosine does not depend on the length of its vectors.
    """
    peak = np.abs(vectors).max(axis=1, keepdims=True)
    return np.rint(vectors * (LARGEST / np.maximum(peak, np.finfo(np.float32).tiny))).astype(np.int8)


def byte_neighbours(query: np.ndarray, gallery: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` galaxies of largest cosine with each query, best first, the query's own galaxy left out.

    The sums are of integers and thus exact, so that the page's answers are these to the last rank; equal ones come in
    the order of the gallery.

    Parameters
    ----------
    query, gallery : (n, d) int8 arrays
        Row i of both is the same galaxy.
    rows : (m,) int array
        Which galaxies ask.
    k : int

    Returns
    -------
    index : (m, k) int array
    cosine : (m, k) float64 array
    """
    found, cosine = np.empty((len(rows), k), int), np.empty((len(rows), k))
    length = {name: np.sqrt(np.square(v.astype(float)).sum(1)) for name, v in (("query", query), ("gallery", gallery))}
    for start in range(0, len(rows), BLOCK):
        asked = rows[start : start + BLOCK]
        score = query[asked].astype(float) @ gallery.T.astype(float) / length["gallery"]
        score[np.arange(len(asked)), asked] = -np.inf
        best = np.argsort(-score, axis=1, kind="stable")[:, :k]
        found[start : start + BLOCK] = best
        cosine[start : start + BLOCK] = np.take_along_axis(score, best, 1) / length["query"][asked, None]
    return found, cosine


def recall_of_bytes(vectors: dict[str, np.ndarray], k: int) -> dict[str, float]:
    """Share of the ``k`` nearest others by exact search in float32 that bytes find too, in each direction.

    Parameters
    ----------
    vectors : dict of (n, d) arrays
        Unit vectors by modality; row i is the same galaxy in each.
    k : int

    Returns
    -------
    dict
        ``image_to_spectrum`` and so on, the query's modality first.

    Raises
    ------
    BookError
        When there are no k others.
    """
    n = len(next(iter(vectors.values())))
    if n <= k:
        raise BookError(f"The explorer shows the {k} nearest galaxies and the test set has {n}: use more pairs.")
    rows, small = np.arange(n), {name: to_bytes(one) for name, one in vectors.items()}
    recall = {}
    for asked, gallery in itertools.product(vectors, repeat=2):
        exact = others(neighbours(vectors[asked], vectors[gallery], k + 1)[0], rows, k)
        found, _ = byte_neighbours(small[asked], small[gallery], rows, k)
        recall[f"{asked}_to_{gallery}"] = float(shared(exact, found).mean())
    return recall
