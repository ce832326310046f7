"""Exact similarity search by FAISS (Douze et al. 2024, arXiv:2401.08281)."""

import os

import numpy as np
import torch

from astroclip_book.errors import BookError

# FAISS comes with an OpenBLAS of 2021, which takes newer processors for those of 2004 and is three times slower then.
_given = os.environ.get("OPENBLAS_CORETYPE", "")
_core = {"AVX2": "Haswell", "AVX512": "SkylakeX"}.get(torch.backends.cpu.get_cpu_capability(), "")
os.environ["OPENBLAS_CORETYPE"] = _given or _core
import faiss

os.environ["OPENBLAS_CORETYPE"] = _given

ROUNDING = 1e-6  # of squared lengths: points that are closer coincide in single precision


def neighbours(query: np.ndarray, gallery: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (m, k) of the gallery (n, d) of largest inner product with each query (m, d), best first, and these products.

    Of unit vectors they are cosines. A query that stands in the gallery finds itself: ask for one more, and let `others`
    leave it out. BookError unless k is from 1 to n.
    """
    cosine, rows = _index(faiss.IndexFlatIP, gallery, k).search(_float32(query), k)
    return rows, cosine


def nearest(query: np.ndarray, gallery: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """As `neighbours`, by Euclidean distance (m, k); it is 0 where points coincide."""
    centre = gallery.mean(0, dtype=np.float64)  # far from the origin, squares would drown the differences
    query, gallery = _float32(query - centre), _float32(gallery - centre)
    squared, rows = _index(faiss.IndexFlatL2, gallery, k).search(query, k)
    squared[squared < ROUNDING * np.square(query).sum(1, keepdims=True)] = 0
    return rows, np.sqrt(squared)


def others(found: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """The first k of each query's neighbours, (m, k), without the query itself; ``found`` (m, k + 1) may contain it."""
    return np.stack([row[row != query][:k] for row, query in zip(found, queries, strict=True)])


def shared(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share of each row's entries in ``first`` (m, k) that are in the same row of ``second`` (m, k) too, (m,)."""
    return (first[:, :, None] == second[:, None]).any(2).mean(1)


def four_directions(vectors: dict[str, np.ndarray], query: int, k: int) -> dict[tuple[str, str], tuple]:
    """The k nearest galaxies to one of them, (modality asked, modality that answers) to rows (k,) and cosines (k,).

    ``vectors`` are unit vectors (n, d) by modality, row i the same galaxy in each. Within a modality the query is left out.
    """
    found = {}
    for asked, source in vectors.items():
        for modality, gallery in vectors.items():
            (rows,), (cosine,) = neighbours(source[query : query + 1], gallery, k + 1)
            keep = (rows != query) | (asked != modality)
            found[asked, modality] = rows[keep][:k], cosine[keep][:k]
    return found


def _index(kind: type, gallery: np.ndarray, k: int) -> faiss.Index:
    if not isinstance(k, (int, np.integer)) or not 1 <= k <= len(gallery):
        raise BookError(f"k = {k} neighbours asked of {len(gallery)}: choose a whole k between 1 and {len(gallery)}.")
    index = kind(gallery.shape[1])
    index.add(_float32(gallery))
    return index


def _float32(vectors: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(vectors, np.float32)
