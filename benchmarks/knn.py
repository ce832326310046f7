"""Exact search for the 16 nearest of 4,000 vectors among 36,000 in 128 dimensions, against FAISS and scikit-learn.

From vectors in memory to neighbours, whatever is built on the way; all on as many threads. Before anything is timed,
all must find the same.
"""

import faiss
import numpy as np
import torch
from _timing import in_turns
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from astroclip_book.evaluate.search import neighbours

QUERIES, GALLERY, DIMENSION, K = 4000, 36000, 128, 16


def by_faiss(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Rows of FAISS's exact index of inner products."""
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(gallery)
    return index.search(query, K)[1]


def by_sklearn(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Rows of scikit-learn's exact search, by distance: on unit vectors the order of the cosine."""
    return NearestNeighbors(n_neighbors=K, algorithm="brute").fit(gallery).kneighbors(query, return_distance=False)


def check(found: dict[str, np.ndarray]) -> None:
    """Refuse to time searches that do not find the same.

    Raises
    ------
    AssertionError
        If more than one neighbour in 10,000, which rounding may swap with the next, is another.
    """
    ours = np.sort(found["ours"], axis=1)
    for name, rows in found.items():
        differing = (np.sort(rows, axis=1) != ours).mean()
        assert differing < 1e-4, f"{differing:.1%} of the neighbours are not those of {name}."


def entries():
    """What `make bench` writes."""
    vectors = np.random.default_rng(0).standard_normal((QUERIES + GALLERY, DIMENSION), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query, gallery = vectors[:QUERIES], vectors[QUERIES:]
    searches = {
        "ours": lambda: neighbours(query, gallery, K)[0],
        "faiss": lambda: by_faiss(query, gallery),
        "sklearn": lambda: by_sklearn(query, gallery),
    }
    with threadpool_limits(torch.get_num_threads()):  # NumPy's and FAISS's OpenBLAS, scikit-learn's OpenMP
        faiss.omp_set_num_threads(torch.get_num_threads())
        check({name: search() for name, search in searches.items()})
        seconds = in_turns(searches)
    rates = {name: QUERIES / value for name, value in seconds.items()}
    for name in ("faiss", "sklearn"):
        yield (
            f"knn_{name}",
            {
                "ratio": rates["ours"] / rates[name],
                "ours": rates["ours"],
                "theirs": rates[name],
                "unit": "queries/s",
                "threads": torch.get_num_threads(),
            },
        )
