"""How two modalities lie in their common space: who is near whom, how far apart they are, how spread out."""

from __future__ import annotations

import math

import numpy as np
import torch

from astroclip_book.evaluate.metrics import with_interval
from astroclip_book.evaluate.search import neighbours, others, shared

BLOCK = 2**24  # cosines in memory at a time, 64 MiB
NEIGHBOURS = 10  # of mutual k-NN, as in Huh et al. (2024)
T = 2  # of uniformity, as in Wang & Isola (2020)
SHUFFLES = 100  # behind a null
RESAMPLES = 1000  # of the objects, for an interval


def mutual_knn(image: np.ndarray, spectrum: np.ndarray, k: int) -> float:
    """Mean share of the k nearest others that an object has in common in both modalities; by chance k / (n − 1).

    Source: Huh et al. (2024), arXiv:2405.07987, section 2 and appendix A. Each modality is asked for itself, so the
    two need not share a space.

    Parameters
    ----------
    image, spectrum : (n, d) arrays
        Unit vectors; row i of both is the same object.
    k : int
        From 1 to n − 1.

    Raises
    ------
    BookError
        As `astroclip_book.evaluate.search.neighbours`.
    """
    return float(_in_common(image, spectrum, k).mean())


def modality_gap(image: np.ndarray, spectrum: np.ndarray) -> float:
    """Length of the difference of the two modalities' mean vectors.

    Source: Liang et al. (2022), arXiv:2203.02053, section 2. 0 where the modalities share their centre, 2 where they
    are two opposite points.
    """
    return float(np.linalg.norm(image.mean(0, dtype=float) - spectrum.mean(0, dtype=float)))


def cka(image: np.ndarray, spectrum: np.ndarray, seed: int) -> dict[str, float]:
    """Linear centred kernel alignment: do the same galaxies have like relations to each other in both modalities?

    Source: Kornblith et al. (2019), arXiv:1905.00414, section 3. Nothing but the rows must be common: spaces may be turned and
    scaled against each other.

    Parameters
    ----------
    image, spectrum : (n, d) arrays
        Row i of both is the same object.
    seed : int
        Of the shuffles.

    Returns
    -------
    dict
        ``cka``, from 0 to 1; ``cka_null``: what shuffled galaxies exceed once in twenty.
    """
    x, y = (torch.from_numpy(vectors - vectors.mean(0)).double() for vectors in (image, spectrum))
    scale = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    rng = np.random.default_rng([seed, 8])
    shuffled = [y[torch.from_numpy(rng.permutation(len(y)))] for _ in range(SHUFFLES)]
    by_chance = [torch.linalg.norm(x.T @ other).square() / scale for other in shuffled]
    return {
        "cka": float(torch.linalg.norm(x.T @ y).square() / scale),
        "cka_null": float(torch.stack(by_chance).quantile(0.95)),
    }


def alignment_of(image: np.ndarray, spectrum: np.ndarray) -> float:
    """Mean squared distance of an object's two vectors: 0 for perfect matches, 2 for perpendicular ones.

    Source: Wang & Isola (2020), arXiv:2005.10242, section 4.1, with alpha = 2.
    """
    return float(_apart(image, spectrum).mean())


def uniformity(x: np.ndarray) -> float:
    """Logarithm of the mean over distinct pairs of exp(−2 d²), d being their distance.

    Source: Wang & Isola (2020), arXiv:2005.10242, section 4.1, with t = 2. The lower, the more evenly vectors fill the
    sphere: 0 where all are the same, near −4 + 8 / dimension where each points anywhere.

    Parameters
    ----------
    x : (n, d) array
        Two or more unit vectors.

    Raises
    ------
    BookError
        When they are not finite or not of unit length.
    """
    points = torch.from_numpy(x)
    n = len(points)
    block, total = max(1, BLOCK // n), 0.0
    for start in range(0, n, block):
        rows = torch.arange(start, min(start + block, n))
        weight = torch.exp(2 * T * (points[rows] @ points.T - 1))  # d² = 2 − 2 cos
        weight[rows - start, rows] = 0  # a vector is no pair with itself
        total += weight.sum(dtype=torch.float64).item()
    return math.log(total / (n * (n - 1)))


def geometry(image: np.ndarray, spectrum: np.ndarray, seed: int) -> dict:
    """All measures of this module, with 95 % bootstrap intervals over objects where they are means over objects.

    Parameters
    ----------
    image, spectrum : (n, d) arrays
        Unit vectors of one space; row i of both is the same object.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        ``mutual_knn`` and ``alignment``, each with ``<name>_ci95``; ``mutual_knn_chance``; ``k`` of mutual k-NN,
        `NEIGHBOURS` or all others where there are fewer; ``modality_gap``; ``uniformity`` of ``image`` and
        ``spectrum``; ``n``.

    Raises
    ------
    BookError
        When the vectors are not finite or not of unit length.
    """
    n = len(image)
    k = min(NEIGHBOURS, n - 1)
    values = _in_common(image, spectrum, k), _apart(image, spectrum)
    return {
        **with_interval(_means, values, RESAMPLES, seed),
        "mutual_knn_chance": k / (n - 1),
        "k": k,
        "modality_gap": modality_gap(image, spectrum),
        "uniformity": {"image": uniformity(image), "spectrum": uniformity(spectrum)},
    }


def _in_common(image: np.ndarray, spectrum: np.ndarray, k: int) -> np.ndarray:
    """What `mutual_knn` is the mean of, (n,)."""
    rows = np.arange(len(image))
    return shared(*(others(neighbours(vectors, vectors, k + 1)[0], rows, k) for vectors in (image, spectrum)))


def _means(in_common: np.ndarray, apart: np.ndarray) -> dict[str, float]:
    return {"mutual_knn": in_common.mean(), "alignment": apart.mean()}


def _apart(image: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """What `alignment_of` is the mean of, (n,)."""
    return np.square(image.astype(float) - spectrum).sum(1)
