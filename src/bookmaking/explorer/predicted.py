"""What the networks say of the galaxies shown: p(z) of both modalities, and maps and neighbours before alignment."""

from __future__ import annotations

import numpy as np
from scipy.linalg import orthogonal_procrustes

from astroclip_book.data.pairs import Embeddings
from astroclip_book.evaluate.knn import Neighbours, Roles
from astroclip_book.evaluate.metrics import standardise
from astroclip_book.evaluate.photoz import minus_crps
from astroclip_book.evaluate.search import nearest, others
from astroclip_book.evaluate.space import project

MODALITIES = ("image", "spectrum")
Z_BINS = 60


def redshift_distributions(embeddings: Embeddings, rows: np.ndarray) -> dict:
    """p(z) of galaxies (n,) from their images and from their spectra, by the neighbours of training and validation.

    For each modality ``mean`` (n,) and ``levels`` (n, 60) uint8, 255 at the peak; ``highest`` is the redshift at which the last bin ends,
    the first begins at 0. As in chapter 06, validation galaxies choose the number of neighbours by the CRPS.
    """
    z, found = embeddings.redshift, {}
    roles, highest = Roles.known(embeddings, embeddings.redshift), float(embeddings.redshift.max())
    for modality in MODALITIES:
        x = getattr(embeddings, modality)
        k, weighting = Neighbours(x, roles.train, x, roles.validation).choose(z, minus_crps)
        answer = Neighbours(x, roles.gallery, x, rows, k).answer(z, k, weighting)
        mass = np.zeros((len(rows), Z_BINS))
        bins = np.clip(answer.values / highest * Z_BINS, 0, Z_BINS - 1).astype(int)
        np.add.at(mass, (np.arange(len(rows))[:, None], bins), answer.weights)
        levels = np.rint(255 * mass / mass.max(1, keepdims=True)).astype(np.uint8)
        found[modality] = {"mean": answer.prediction, "levels": levels}
    return found | {"highest": highest}


def before_alignment(features: dict, fit: np.ndarray, rows: np.ndarray, maps: dict, k: int, config, seed: int) -> dict:
    """UMAP ``map`` (n, 2) and the ``nearest`` k others (n, k) of the galaxies at ``rows``, of the frozen features (N, d) of each modality.

    Features are standardised by the rows ``fit``. A map is turned to lie over the aligned one of ``maps``, as turns mean nothing.
    Rows beyond those of ``maps`` are real galaxies: `placed`, and nobody's neighbours.
    """
    found, itself = {}, np.arange(len(rows))
    for modality in MODALITIES:
        aligned = maps[modality]
        x, own = standardise(features[modality], fit)[rows], len(aligned)
        points = project(x[:own], config.umap_neighbors, config.umap_min_dist, seed)
        turn, _ = orthogonal_procrustes(points - points.mean(0), aligned - aligned.mean(0))
        near = others(nearest(x, x[:own], k + 1)[0], itself, k)
        turned = (points - points.mean(0)) @ turn + aligned.mean(0)
        found[modality] = {"map": placed(turned, near[own:]), "nearest": near}
    return found


def placed(points: np.ndarray, near: np.ndarray) -> np.ndarray:
    """A map (n, 2) and, below, further galaxies (m, 2): each at the median place of its neighbours, rows (m, k) of the map."""
    return np.concatenate([points, np.median(points[near], axis=1)])
