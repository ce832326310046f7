"""Similarity search: the nearest embeddings of a query, exactly, by matrix products in blocks, or by an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from astroclip_book.evaluate.unit import check_dimensions, check_k, check_rows, unit_vectors
from astroclip_book.train import processes

if TYPE_CHECKING:
    import faiss

BLOCK = 2**24  # scores in memory at a time, 64 MiB: small products are slow, and new memory takes time as well
TILE = (
    2**14
)  # gallery vectors in one product; processes share whole tiles, so that their products are those of one process
GROUP = 16  # scores of which only the best is compared at first


def neighbours(query: np.ndarray, gallery: np.ndarray | faiss.Index, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` gallery vectors of largest cosine with each query, best first.

    Equal cosines come in an order that does not depend on the block size. A query that stands in the gallery finds
    itself; ask for one more and leave it out where that is not wanted.

    Parameters
    ----------
    query : (m, d) array
        Unit vectors.
    gallery : (n, d) array or faiss.Index
        Unit vectors of the same space; for a search across modalities, those of the other modality. Or the index that
        `astroclip_book.evaluate.approximate.build_index` made of them: faster where n is large, and now and then it misses one.
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
    if not isinstance(gallery, np.ndarray):
        from astroclip_book.evaluate.approximate import indexed_neighbours  # which imports this module

        return indexed_neighbours(query, gallery, k)
    query, gallery = unit_vectors(query, "query"), unit_vectors(gallery, "gallery")
    check_dimensions(query.shape[1], gallery.shape[1])
    check_k(k, len(gallery))
    index = np.empty((len(query), k), np.int64)
    cosine = np.empty((len(query), k), np.float32)
    for rows, values, found in _best(torch.from_numpy(query), torch.from_numpy(gallery), k):
        cosine[rows], index[rows] = values, found
    return index, cosine


def nearest(query: np.ndarray, gallery: np.ndarray, k: int, together: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The ``k`` gallery points of least Euclidean distance to each query, nearest first.

    The search is by matrix products in single precision; the distances of those found are then computed anew, so that
    small ones are not what rounding left of large squares.

    Parameters
    ----------
    query : (m, d) array
    gallery : (n, d) array
    k : int
        From 1 to n.
    together : bool
        Whether all processes of torchrun ask this: each then searches its share of the gallery, and all get the k nearest
        of all shares, the same and in the same order as one process finds them, with as many threads.

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
    n = len(gallery)
    check_k(k, n)
    points = torch.from_numpy(np.ascontiguousarray(gallery, np.float32))
    centre = points.mean(0)
    share = processes.part(-(-n // TILE)) if together else slice(0, -(-n // TILE))
    first = share.start * TILE
    points = points[first : share.stop * TILE] - centre  # far from the origin, squares would drown the differences
    asked = torch.from_numpy(np.ascontiguousarray(query, np.float32)) - centre
    index = np.empty((len(query), k), np.int64)
    distance = np.empty((len(query), k), np.float32)
    for rows, values, found in _best(asked, points, k, points.square().sum(1) / 2):
        exact = (points[found] - asked[rows, None]).square().sum(2).sqrt()
        found += first
        if together:
            shares = processes.gather((values, found, exact))
            values, found, exact = (torch.cat(parts, 1) for parts in zip(*shares, strict=True))
            order = _order(values, found)[:, :k]
            found, exact = found.gather(1, order), exact.gather(1, order)
        order = _order(-exact, found)
        distance[rows], index[rows] = exact.gather(1, order), found.gather(1, order)
    return index, distance


def _best(
    query: torch.Tensor, gallery: torch.Tensor, k: int, less: torch.Tensor | None = None
) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    """The k largest products of each query with the gallery, ``less`` (n,) subtracted: queries, values and rows of the
    gallery, largest first, a block of queries at a time; all rows where there are no more than k.
    """
    n, d = gallery.shape
    block = max(
        1, min(BLOCK // max(TILE, k * d), len(query))
    )  # k * d: the vectors that a block finds are compared anew
    scores = torch.empty(block, -(-min(TILE, n) // GROUP) * GROUP)
    for start in range(0, len(query), block):
        rows = slice(start, min(start + block, len(query)))
        values, found = [torch.empty(rows.stop - start, 0)], [torch.empty(rows.stop - start, 0, dtype=torch.int64)]
        for first in range(0, n, TILE):
            tile = slice(first, first + TILE)
            best = _best_of_tile(query[rows], gallery[tile], k, None if less is None else less[tile], scores)
            values.append(best[0])
            found.append(best[1] + first)
        values, found = torch.cat(values, 1), torch.cat(found, 1)
        order = _order(values, found)[:, :k]
        yield rows, values.gather(1, order), found.gather(1, order)


def _best_of_tile(
    query: torch.Tensor, tile: torch.Tensor, k: int, less: torch.Tensor | None, scores: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Values and rows of the k best in a tile, in no order; ``scores`` is memory for them.

    The k best are in the k groups whose best are the best, whatever the groups: of `GROUP` scores one is compared, then
    all in k groups. This takes a third of the time that `topk` takes to look at all scores.
    """
    n = len(tile)
    k, groups = min(k, n), -(-n // GROUP)
    part = scores[: len(query), : groups * GROUP]
    part[:, n:] = -torch.inf  # what fills the last groups is never found
    torch.mm(query, tile.T, out=part[:, :n])
    if less is not None:
        part[:, :n] -= less
    if groups < 4 * k:  # hardly any group could be left out
        return part[:, :n].topk(k)
    group = part.view(-1, GROUP, groups).amax(1).topk(k).indices
    members = (group[:, None] + groups * torch.arange(GROUP)[:, None]).flatten(1)
    values, place = part.gather(1, members).topk(k)
    return values, members.gather(1, place)


def _order(values: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """Places of the values (m, n) of each query, the largest first, and equal ones in the order of the gallery."""
    by_row = found.argsort(1)
    return by_row.gather(1, values.gather(1, by_row).argsort(dim=1, descending=True, stable=True))


def others(found: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """The first k of each query's neighbours, (m, k), without the query itself; ``found`` (m, k + 1) may contain it."""
    return np.stack([row[row != query][:k] for row, query in zip(found, queries, strict=True)])


def shared(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share of each row's entries in ``first`` (m, k) that are in the same row of ``second`` (m, k) too, (m,)."""
    return (first[:, :, None] == second[:, None]).any(2).mean(1)


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

    Raises
    ------
    BookError
        When there is no such row, or there are not k others.
    """
    check_rows(queries, len(features))
    features = features.astype(np.float32)
    unit = (features - features.mean(0)) / np.maximum(features.std(0), 1e-6)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return others(neighbours(unit[queries], unit, k + 1)[0], queries, k)


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
    check_rows(query, len(next(iter(vectors.values()))))
    found = {}
    for asked, source in vectors.items():
        for modality, gallery in vectors.items():
            index, cosine = neighbours(source[query : query + 1], gallery, k + 1)
            keep = index[0] != query if asked == modality else np.ones(k + 1, bool)
            found[asked, modality] = (index[0][keep][:k], cosine[0][keep][:k])
    return found
