"""Rare kinds of objects as queries: does a search with one of a kind find the others?"""

from __future__ import annotations

import numpy as np

from astroclip_book.evaluate.metrics import with_interval
from astroclip_book.evaluate.search import neighbours, others

NEIGHBOURS = 10  # found for each query
ACTIVE = ("seyfert",)  # of `mock.lines.KINDS`: young stars light composites too, old stars the mock's liners
SEEN_IN = {"artefact": "image", "merger": "image", "agn": "spectrum"}  # where one sees what an object is
CLEAN = ("none", "")  # an image without a defect, and one that nobody labelled


def rare_kinds(catalog: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Which objects are of a rare kind, as far as the catalogue has the labels.

    Parameters
    ----------
    catalog : dict of (n,) arrays
        ``ARTEFACT`` (kind of the image's defect), ``MERGER`` (bool) and ``IONISATION`` (what lights the gas) are used
        where present. An object that the catalogue does not know is of no kind.

    Returns
    -------
    dict of (n,) bool arrays
        ``artefact``, ``merger``, ``agn``; a kind without two members, who could find each other, is left out.
    """
    kinds = {}
    if "ARTEFACT" in catalog:
        kinds["artefact"] = ~np.isin(catalog["ARTEFACT"], CLEAN)
    if "MERGER" in catalog:
        kinds["merger"] = np.asarray(catalog["MERGER"]) == 1  # −1 and NaN: not known
    if "IONISATION" in catalog:
        kinds["agn"] = np.isin(catalog["IONISATION"], ACTIVE)
    return {name: members for name, members in kinds.items() if members.sum() >= 2}


def found_by(
    vectors: dict[str, np.ndarray], queries: np.ndarray, k: int = NEIGHBOURS
) -> dict[tuple[str, str], np.ndarray]:
    """The k nearest others of some objects in all directions between modalities; across them, too, itself is left out.

    Parameters
    ----------
    vectors : dict of (n, d) arrays
        Unit vectors by modality; row i is the same object in each.
    queries : (m,) int array
        Rows.
    k : int
        All others where there are no more.

    Returns
    -------
    dict
        (query's modality, gallery's modality) to rows (m, k), nearest first.
    """
    k = min(k, len(next(iter(vectors.values()))) - 1)
    return {
        (asked, modality): others(neighbours(source[queries], gallery, k + 1)[0], queries, k)
        for asked, source in vectors.items()
        for modality, gallery in vectors.items()
    }


def rare_examples(
    vectors: dict[str, np.ndarray], kinds: dict[str, np.ndarray], k: int, seed: int
) -> dict[str, tuple[str, int, np.ndarray]]:
    """One object of each kind, drawn at random, and its k nearest others in the modality in which one sees the kind.

    Parameters
    ----------
    vectors, kinds : dicts
        As for `rare_precision`.
    k : int
    seed : int

    Returns
    -------
    dict
        Kind to this modality, the query's row and those of its neighbours (k,), nearest first.
    """
    rng = np.random.default_rng(seed)
    queries = {name: rng.choice(np.flatnonzero(members)) for name, members in kinds.items()}
    found = {}
    for name, query in queries.items():
        modality = SEEN_IN[name]
        ((members,),) = found_by({modality: vectors[modality]}, np.array([query]), k).values()
        found[name] = modality, int(query), members
    return found


def rare_precision(vectors: dict[str, np.ndarray], kinds: dict[str, np.ndarray], bootstrap: int, seed: int) -> dict:
    """How many of the nearest others of an object of a kind are of this kind, every one of the kind being a query.

    Parameters
    ----------
    vectors : dict of (n, d) arrays
        Unit vectors by modality; row i is the same object in each.
    kinds : dict of (n,) bool arrays
        From `rare_kinds`.
    bootstrap : int
        Resamples of the queries behind each interval.
    seed : int

    Returns
    -------
    dict
        Kind to direction (``image_to_spectrum``: an image asks spectra) to ``precision``, ``precision_ci95``, ``n``
        (queries), ``k`` and ``base_rate``, the precision of neighbours drawn at random among the others.
    """
    result = {}
    for name, members in kinds.items():
        queries = np.flatnonzero(members)
        base_rate = float((len(queries) - 1) / (len(members) - 1))
        result[name] = {
            f"{asked}_to_{modality}": {
                **with_interval(lambda hits: {"precision": hits.mean()}, (members[found].mean(1),), bootstrap, seed),
                "k": found.shape[1],
                "base_rate": base_rate,
            }
            for (asked, modality), found in found_by(vectors, queries).items()
        }
    return result
