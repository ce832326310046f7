"""Similarity search on embeddings of one byte a number, as the page does it."""

from __future__ import annotations

import numpy as np

BLOCK = 256  # queries at a time


def to_bytes(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, d) as int8, each scaled such that its largest component becomes 127: a cosine does not depend on lengths."""
    peak = np.abs(vectors).max(axis=1, keepdims=True)
    return np.rint(vectors * (127 / np.maximum(peak, np.finfo(np.float32).tiny))).astype(np.int8)


def byte_neighbours(query: np.ndarray, gallery: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` galaxies of largest cosine with the queries at ``rows``, (m, k), without the query's own, and these cosines.

    Row i of query and gallery (n, d), both int8, is the same galaxy. Sums of integers are exact, so that the page's answers are these to
    the last rank; equal ones come in the order of the gallery.
    """
    found, cosine = np.empty((len(rows), k), int), np.empty((len(rows), k))
    lengths = [np.sqrt(np.square(one.astype(float)).sum(1)) for one in (query, gallery)]
    for start in range(0, len(rows), BLOCK):
        block, asked = slice(start, start + BLOCK), rows[start : start + BLOCK]
        score = query[asked].astype(float) @ gallery.T.astype(float) / lengths[1]
        score[np.arange(len(asked)), asked] = -np.inf
        found[block] = np.argsort(-score, axis=1, kind="stable")[:, :k]
        cosine[block] = np.take_along_axis(score, found[block], 1) / lengths[0][asked, None]
    return found, cosine
