"""Maps and groups of the embedding space, on cases whose answer is known."""

import dataclasses

import numpy as np
import pytest
from planted import planted, unit
from sklearn.cluster import HDBSCAN

from astroclip_book.config import Analysis
from astroclip_book.data.pairs import SPLITS, Embeddings
from astroclip_book.errors import BookError
from astroclip_book.evaluate import space

CONFIG = Analysis(umap_neighbors=8, umap_min_dist=0.1, n_clusters=None, dbscan_min_samples=4)


def embeddings(n_each=30):
    """Three groups of test galaxies, which image and spectrum agree on, and as many for validation; the test's groups."""
    parts = [planted(n_each, seed=seed) for seed in (0, 5, 1, 6)]
    image, spectrum = (np.concatenate([x for x, _ in half]).astype(np.float32) for half in (parts[:2], parts[2:]))
    split = np.repeat([SPLITS.index("test"), SPLITS.index("validation")], 3 * n_each)
    return Embeddings(image, spectrum, np.arange(len(split)), np.zeros(len(split)), split), parts[0][1]


def test_maps_islands_and_clusters_are_those_that_were_planted():
    given, group = embeddings()
    found = space.make_maps(given, CONFIG, 0)
    assert np.array_equal(found["index"], given.where("test"))
    for points in (found["umap"][name] for name in ("image", "spectrum", "joint")):
        centres = np.array([points[group == g].mean(0) for g in range(3)])
        assert np.array_equal(np.linalg.norm(points[:, None] - centres, axis=2).argmin(1), group)
    assert np.array_equal(found["kmeans"]["image"], found["kmeans"]["spectrum"])
    assert len(set(zip(found["kmeans"]["image"], group, strict=True))) == 3
    silhouette = found["silhouette"]["image"]
    assert np.argmax(silhouette) == 1 and max(silhouette) > 0.8  # the second number of clusters is 3
    again = space.make_maps(given, CONFIG, 0)
    assert all(np.array_equal(found["umap"][name], again["umap"][name]) for name in found["umap"])


@pytest.mark.parametrize("key", ["umap_neighbors", "n_clusters", "dbscan_min_samples"])
def test_too_few_galaxies(key):
    with pytest.raises(BookError, match=f"analysis.{key} = 12"):
        space.make_maps(embeddings(4)[0], dataclasses.replace(CONFIG, **{key: 12}), 0)


def test_islands_and_stragglers_are_found():
    """A large disc, a small one far away, and three points on their own."""
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    disc = 0.3 * np.sqrt(rng.random(200))[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([disc, disc[:60] + [5, 5], [[-9.0, 9.0], [9.0, -9.0], [-9.0, -9.0]]])
    assert 0 < space.knee(points, 5)[0] < 5
    blind = space.by_size(HDBSCAN(min_cluster_size=20, copy=True).fit_predict(points))
    for found in (space.dbscan(points, 5), blind):
        assert (found[:200] == 0).mean() > 0.9 and (found[200:260] == 1).mean() > 0.9 and (found[260:] == -1).all()


def test_distances_are_to_the_kth_other_point_and_points_that_coincide_are_one_island():
    assert space.knee(np.array([[0.0, 0], [1, 0], [3, 0]]), 2)[1].tolist() == [2, 3, 3]
    assert (space.dbscan(np.zeros((20, 2)), 5) == 0).all()


def test_stability_is_one_for_clear_groups_and_low_for_noise():
    vectors, group = planted()
    assert space.stability(vectors, group, seed=0) > 0.99
    noise = unit(np.random.default_rng(0).standard_normal((90, 8)))
    assert space.stability(noise, space.kmeans(noise, 5, 0), seed=0) < 0.7


def test_a_group_is_found_again_as_far_as_they_overlap():
    members = np.array([True, True, True, False, False])
    assert space.found_again(members, np.array([1, 1, 0, 0, -1])) == pytest.approx(2 / 3)
    assert space.found_again(members, np.full(5, -1)) == 0


def test_island_is_found_and_scored():
    groups = np.repeat([0, 1], [90, 10])
    wanted = np.isin(np.arange(100), [0, 1, *range(92, 100)])
    members, scores = space.find_island({"dbscan/image": groups}, wanted, seed=0)
    assert (members == (groups == 1)).all() and scores["group"] == "dbscan/image 1"
    assert scores["precision"] == scores["recall"] == scores["f1"] == pytest.approx(0.8) and scores["size"] == 10
    assert scores["precision_ci95"] == pytest.approx([0.490, 0.943], abs=0.001)  # Wilson, of 8 in 10


def test_no_island_among_unrelated_groups_or_without_labels():
    rng = np.random.default_rng(0)
    groups = {"kmeans/image": rng.integers(0, 4, 400)}
    members, scores = space.find_island(groups, rng.random(400) < 0.1, seed=0)
    assert scores["precision"] is scores["group"] is None and scores["f1_null"] > 0 and not members.any()
    members, scores = space.find_island(groups, np.zeros(400, bool), seed=0)
    assert scores["wanted"] == 0 and scores["f1"] is None and not members.any()
