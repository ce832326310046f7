"""The structure of the embedding space: maps, islands, clusters, order and anomalies, each with a number."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import adjusted_rand_score

from astroclip_book.config import Analysis
from astroclip_book.evaluate.geometry import cka
from astroclip_book.evaluate.space.anomalies import detection, strangeness, swapped_pairs
from astroclip_book.evaluate.space.clusters import (
    chosen,
    consistency,
    found_again,
    kmeans,
    match,
    silhouettes,
    stability,
)
from astroclip_book.evaluate.space.islands import (
    dbscan,
    find_island,
    hdbscan,
    is_artefact,
    is_bright_spiral,
    k_distances,
    kinds_in,
    knee,
)
from astroclip_book.evaluate.space.maps import distortion, likeness, project
from astroclip_book.evaluate.space.structure import effect_sizes, group_ami, kinds, order, properties

OTHER_SEEDS = 2  # maps of the images that differ in nothing else
OTHER_NEIGHBOURS = (1 / 3, 3)  # times the preset's number


def analyse(
    test: dict[str, np.ndarray], validation: dict[str, np.ndarray], labels: dict[str, np.ndarray], config: Analysis,
    bootstrap: int, seed: int,
) -> tuple[dict[str, np.ndarray], dict]:  # fmt: skip
    """Maps, islands and clusters of the test set, and the numbers about them.

    Parameters
    ----------
    test : dict of (n, d) arrays
        Unit vectors of ``image`` and ``spectrum``; row i of both is the same galaxy.
    validation : dict of (m, d) arrays
        Likewise, of the galaxies on which the number of clusters is chosen.
    labels : dict of (n,) arrays
        Columns of the catalogue for the test set. ``ARTEFACT`` ("none" for a clean image) scores the artefact island, ``SPIRAL``
        and ``MAG_R`` that of bright spirals; where they are absent those scores are None. Properties in `structure.NUMBERS`
        that are known are compared with groups and maps.
    config : presets.Analysis
    bootstrap : int
        Resamples behind intervals.
    seed : int

    Returns
    -------
    arrays : dict
        ``umap/<space>`` (n, 2), ``dbscan/<space>`` and ``hdbscan/<space>`` (n,) for image, spectrum and joint;
        ``umap_again/<how>`` (n, 2), other maps of the images, with ``dbscan_again`` and ``hdbscan_again``;
        ``k_distance/<space>`` (n,), ascending; ``kmeans/<space>`` (n,) for image and spectrum, numbered so that the same
        number means the same galaxies as far as possible;
        ``strange/<detector>`` (n,); ``island/artefact`` and ``island/bright_spirals`` (n,) bool.
    metrics : dict
        ``maps``, ``islands``, ``clusters``, ``structure`` and ``anomalies``.

    Raises
    ------
    BookError
        When there are fewer galaxies than clusters or neighbours.
    """
    spaces = {**test, "joint": joint(test["image"], test["spectrum"])}
    known, left_out = properties(labels, len(test["image"]))
    arrays, maps, islands = _maps_and_islands(spaces, config, seed)
    again = _maps_again(arrays, test["image"], config, seed)
    clusters = _clusters(arrays, test, validation, config, seed)
    for name in test:
        groups = arrays[f"kmeans/{name}"]
        ami, ami_null = group_ami(groups, known | kinds(labels), seed)
        clusters |= {f"{name}_ami": ami, f"{name}_ami_null": ami_null, f"{name}_effects": effect_sizes(groups, known)}
    strange = strangeness(test["image"], test["spectrum"], seed)
    arrays |= {f"strange/{name}": values for name, values in strange.items()}
    return arrays, {
        "maps": maps | {"again": again},
        "islands": islands | _labelled_islands(arrays, labels, seed),
        "clusters": clusters,
        "structure": {
            "order": {name: {"map": order(arrays[f"umap/{name}"], known, seed), "space": order(vectors, known, seed)}
                      for name, vectors in spaces.items()},
            "left_out": left_out,
            "map_likeness": likeness(arrays["umap/image"], arrays["umap/spectrum"]),
            **cka(test["image"], test["spectrum"], seed),
        },
        "anomalies": {
            **swapped_pairs(test["image"], test["spectrum"], seed),
            "detectors": detection(strange, labels, bootstrap, seed),
        },
    }  # fmt: skip


def joint(image: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """One unit vector (n, d) per galaxy from both modalities: their normalised mean."""
    mean = image + spectrum
    return mean / np.linalg.norm(mean, axis=1, keepdims=True).clip(np.finfo(np.float32).tiny)


def _maps_and_islands(spaces: dict[str, np.ndarray], config: Analysis, seed: int) -> tuple[dict, dict, dict]:
    """Map each space and look for islands on it."""
    arrays, maps, islands = {}, {}, {}
    for name, vectors in spaces.items():
        points = project(vectors, config.umap_neighbors, config.umap_min_dist, seed)
        distances = k_distances(points, config.dbscan_min_samples)
        radius = knee(distances)
        found = dbscan(points, config.dbscan_min_samples, radius)
        arrays |= {
            f"umap/{name}": points, f"k_distance/{name}": distances, f"dbscan/{name}": found,
            f"hdbscan/{name}": hdbscan(points, config.dbscan_min_samples),
        }  # fmt: skip
        maps[name] = distortion(vectors, points)
        islands[name] = {"number": int(found.max() + 1), "unassigned": float(np.mean(found < 0)), "eps": radius}
    return arrays, maps, islands


def _maps_again(arrays: dict[str, np.ndarray], image: np.ndarray, config: Analysis, seed: int) -> list[dict]:
    """Maps of the images with other seeds and numbers of neighbours, beside the first; adds them to ``arrays``."""
    ways = [(config.umap_neighbors, seed + i) for i in range(1, OTHER_SEEDS + 1)]
    ways += [(max(2, round(times * config.umap_neighbors)), seed) for times in OTHER_NEIGHBOURS]
    ways = [(neighbours, chance) for neighbours, chance in ways if neighbours < len(image)]
    rows = []
    for neighbours, chance in ways:
        how = f"{neighbours} neighbours, seed {chance}"
        points = project(image, neighbours, config.umap_min_dist, chance)
        radius = knee(k_distances(points, config.dbscan_min_samples))
        arrays |= {
            f"umap_again/{how}": points,
            f"dbscan_again/{how}": dbscan(points, config.dbscan_min_samples, radius),
            f"hdbscan_again/{how}": hdbscan(points, config.dbscan_min_samples),
        }
        rows.append({
            "neighbours": neighbours, "seed": chance, **distortion(image, points),
            "likeness": likeness(arrays["umap/image"], points),
            "islands_ari": adjusted_rand_score(arrays["dbscan/image"], arrays[f"dbscan_again/{how}"]),
        })  # fmt: skip
    return rows


def _clusters(
    arrays: dict[str, np.ndarray],
    test: dict[str, np.ndarray],
    validation: dict[str, np.ndarray],
    config: Analysis,
    seed: int,
) -> dict:
    """Cluster each modality, as many as the preset says or as the validation galaxies' silhouettes favour; adds to ``arrays``."""
    curves = (
        {name: silhouettes(vectors, seed) for name, vectors in validation.items()} if config.n_clusters is None else {}
    )
    number = config.n_clusters or chosen(list(curves.values()))
    image, spectrum = (kmeans(test[name], number, seed) for name in ("image", "spectrum"))
    matched = match(image, spectrum)
    arrays |= {"kmeans/image": image, "kmeans/spectrum": matched}
    found = {name: stability(vectors, number, seed) for name, vectors in test.items()}
    renumbered = dict(zip(matched, spectrum, strict=True))
    found["spectrum"]["clusters"] = [found["spectrum"]["clusters"][renumbered[g]] for g in sorted(renumbered)]
    return {
        "number": number,
        "silhouette": {name: {str(k): score for k, score in curve.items()} for name, curve in curves.items()},
        **consistency(image, matched, seed),
        "stability_ari": float(np.mean([scores["ari"] for scores in found.values()])),
        **{f"stability_ari_{name}": scores["ari"] for name, scores in found.items()},
        **{f"{name}_stability": scores["clusters"] for name, scores in found.items()},
    }


def _labelled_islands(arrays: dict[str, np.ndarray], labels: dict[str, np.ndarray], seed: int) -> dict:
    """The island of artefacts and that of bright spirals, if there are; adds their members to ``arrays``."""
    # Artefacts spoil the image alone, and one sees a spiral there: look among the groups of images.
    candidates = {f"{way}/image": arrays[f"{way}/image"] for way in ("dbscan", "hdbscan", "kmeans")}
    n = len(arrays["umap/image"])
    found: dict = {}
    for kind, wanted in {"artefact": is_artefact(labels, n), "bright_spirals": is_bright_spiral(labels, n)}.items():
        members, found[kind] = find_island(candidates, wanted, seed)
        arrays[f"island/{kind}"] = members
        way = (found[kind]["group"] or "").split("/")[0]
        again = [found_again(members, groups) for name, groups in arrays.items() if name.startswith(f"{way}_again/")]
        found[kind]["found_again"] = float(np.mean(again)) if again else None
    if "ARTEFACT" in labels:
        found["artefact"]["kinds"] = kinds_in(arrays["island/artefact"], np.asarray(labels["ARTEFACT"]))
    return found
