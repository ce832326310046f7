"""An index for sets that outgrow exact search: inverted lists of FAISS, of which a query reads a few."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from astroclip_book.evaluate.search import neighbours, shared

if TYPE_CHECKING:
    import faiss

PROBES = 16  # lists that a query reads; the more, the closer to exact and the slower
TRAINING = 39  # vectors a list that k-means asks for, FAISS's own least
SEED = 0  # of k-means, so that the same gallery makes the same index


def build_index(gallery: np.ndarray) -> faiss.Index:
    """Divide a gallery into lists of vectors that point the same way.

    Spherical k-means makes √n lists of √n vectors each, so that choosing lists and reading a list cost a query about
    the same (Sivic & Zisserman 2003, https://doi.org/10.1109/ICCV.2003.1238663; Douze et al. 2024, arXiv:2401.08281).
    A query then reads `PROBES` of them: all of a small gallery, where it is exact, and 1.6 % of a million.

    Parameters
    ----------
    gallery : (n, d) array
        Unit vectors.

    Returns
    -------
    faiss.Index
        For `astroclip_book.evaluate.search.neighbours`, in the place of the gallery.

    Raises
    ------
    BookError
        When the vectors are not finite or not of unit length.
    """
    import faiss  # 20 MB of library that exact search does without

    gallery = np.ascontiguousarray(gallery, np.float32)
    n, dimension = gallery.shape
    lists = max(1, min(math.isqrt(n), n // TRAINING))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimension), dimension, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = SEED
    index.nprobe = min(PROBES, lists)
    index.train(gallery)
    index.add(gallery)
    return index


def indexed_neighbours(query: np.ndarray, index: faiss.Index, k: int) -> tuple[np.ndarray, np.ndarray]:
    """As `astroclip_book.evaluate.search.neighbours`, from what `build_index` made.

    A query whose lists hold fewer than ``k`` vectors reads all lists, so that it has its ``k`` in any case.
    """
    import faiss

    query = np.ascontiguousarray(query, np.float32)
    cosine, found = index.search(query, k)
    short = (found < 0).any(1)
    if short.any():
        everything = faiss.SearchParametersIVF(nprobe=index.nlist)
        cosine[short], found[short] = index.search(query[short], k, params=everything)
    return found, cosine


def recall_of_index(query: np.ndarray, gallery: np.ndarray, k: int) -> dict:
    """What the index finds of that which exact search finds.

    Parameters
    ----------
    query : (m, d) array
    gallery : (n, d) array
        Unit vectors of the same space.
    k : int
        From 1 to n.

    Returns
    -------
    dict
        ``recall_of_index``, the mean share of the ``k`` true neighbours of a query that the index returns; ``k``,
        ``n`` (size of the gallery), ``queries``, ``lists`` and ``probes`` of the index.
    """
    index = build_index(gallery)
    exact, found = neighbours(query, gallery, k)[0], indexed_neighbours(query, index, k)[0]
    return {
        "recall_of_index": float(shared(exact, found).mean()),
        "k": k,
        "n": len(gallery),
        "queries": len(query),
        "lists": index.nlist,
        "probes": index.nprobe,
    }
