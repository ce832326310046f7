"""Maps: the embedding space laid out on a plane, and what that does to it."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.spatial import procrustes
from sklearn.manifold import trustworthiness

from astroclip_book.data.sampling import evenly
from astroclip_book.errors import BookError
from astroclip_book.evaluate.search import nearest

NEIGHBOURS = 10  # whose being near is to be kept
MOST = 4000  # galaxies of which scikit-learn compares all with all: ten such tables are 1 GB


def project(vectors: np.ndarray, n_neighbors: int, min_dist: float, seed: int) -> np.ndarray:
    """Seeded UMAP (McInnes et al. 2018) of unit vectors (n, d) to the plane, (n, 2) float32.

    Distances in the plane are not distances in the embedding space: gaps and densities are only a guide.

    Raises
    ------
    BookError
        When there are no more galaxies than neighbours.
    """
    if len(vectors) <= n_neighbors:
        raise BookError(
            f"UMAP with analysis.umap_neighbors = {n_neighbors} needs more than {n_neighbors} galaxies, "
            f"and the test set has {len(vectors)}: lower it, or use more pairs."
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")  # it loads bars for notebooks, and shows none
        import umap  # takes seconds, and only this function needs it

    vectors = np.asarray(vectors, np.float32)
    # Exact neighbours by matrix products: UMAP's own search takes most of its time, and approximates where n is large. It
    # takes given ones only with this flag, and wants each point as the first neighbour of itself.
    found, distance = nearest(vectors, vectors, n_neighbors)
    rows = np.arange(len(vectors))
    found = np.where(found == rows[:, None], found[:, :1], found)  # of galaxies that coincide, another may come first
    found[:, 0], distance[:, 0] = rows, 0
    mapper = umap.UMAP(n_neighbors=n_neighbors, min_dist=min_dist, random_state=seed, n_jobs=1,
                       precomputed_knn=(found, distance), force_approximation_algorithm=True)  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Spectral initialisation failed|.*spectral.*|precomputed_knn")
        return mapper.fit_transform(vectors).astype(np.float32)


def distortion(vectors: np.ndarray, points: np.ndarray) -> dict[str, float]:
    """How far a map (n, 2) keeps the neighbourhoods of the space (n, d) that it shows.

    Source: Venna & Kaski (2001), "Neighborhood preservation in nonlinear projection methods". Unit vectors are compared by
    Euclidean distance, which orders them as the cosine does.

    Of more than `MOST` galaxies as many are drawn evenly: all distances between them are in memory at a time.

    Returns
    -------
    dict
        ``trustworthiness``: 1 where neighbours on the map are neighbours in the space; ``continuity``: 1 where neighbours
        in the space are neighbours on the map. Both near 0.5 for points laid out at random.
    """
    some = evenly(len(points), MOST)
    vectors, points = vectors[some], points[some]
    k = min(NEIGHBOURS, (len(points) - 1) // 2)
    return {
        "trustworthiness": float(trustworthiness(vectors, points, n_neighbors=k)),
        "continuity": float(trustworthiness(points, vectors, n_neighbors=k)),
    }


def likeness(points: np.ndarray, others: np.ndarray) -> float:
    """Share of the spread of a map (n, 2) that another of the same galaxies explains once moved, turned and scaled.

    It is 1 less the disparity of Procrustes analysis (Gower 1975): 1 for the same map, near 0 for unrelated ones.
    """
    return float(1 - procrustes(points, others)[2])
