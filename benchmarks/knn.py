"""Redshifts of 4,000 objects from neighbours among 36,000 in 128 dimensions, end to end, against scikit-learn.

From vectors in memory to R²: the search, the weights by inverse distance, the mean and its score, for the k of an earlier
work and the largest k that the book chooses from; all on as many threads. Before anything is timed, both must say the same.
"""

import numpy as np
import torch
from _timing import rates
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor
from threadpoolctl import threadpool_limits

from astroclip_book.evaluate.knn import CANDIDATES, knn_predict

QUERIES, GALLERY, DIMENSION = 4000, 36000, 128


def by_sklearn(gallery: np.ndarray, values: np.ndarray, query: np.ndarray, k: int) -> np.ndarray:
    """Predictions by scikit-learn's exact search."""
    return KNeighborsRegressor(k, weights="distance", algorithm="brute").fit(gallery, values).predict(query)


def entries():
    """What `make bench` writes."""
    import faiss

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((QUERIES + GALLERY, DIMENSION), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    redshift = vectors[:, :4].sum(1) + rng.normal(0, 0.01, len(vectors)).astype(np.float32)
    query, gallery, truth, values = vectors[:QUERIES], vectors[QUERIES:], redshift[:QUERIES], redshift[QUERIES:]
    threads = torch.get_num_threads()
    faiss.omp_set_num_threads(threads)
    for k in (16, max(CANDIDATES)):
        ways = {
            "ours": lambda k=k: knn_predict(gallery, values, query, k),
            "theirs": lambda k=k: by_sklearn(gallery, values, query, k),
        }
        with threadpool_limits(threads):  # of every OpenBLAS and OpenMP
            ours, theirs = (way() for way in ways.values())
            np.testing.assert_allclose(ours, theirs, atol=1e-3)  # rounding may swap the last neighbour with the next
            timed = {name: lambda way=way: r2_score(truth, way()) for name, way in ways.items()}
            yield f"knn_{k}", {**rates(timed, QUERIES, "queries"), "threads": threads}
