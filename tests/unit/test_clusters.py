import dataclasses

import numpy as np
import pytest

from astroclip_book import clusters
from astroclip_book.errors import BookError
from astroclip_book.presets import Analysis

CONFIG = Analysis(umap_neighbors=8, umap_min_dist=0.1, n_clusters=3, dbscan_min_samples=4)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def planted(n_each=30, n_groups=3, spread=0.05, seed=0):
    """Unit vectors in tight groups, and the group of each."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), n_each)
    centres = np.eye(8)[:n_groups]
    return unit(centres[group] + spread * rng.standard_normal((len(group), 8))), group


def test_kmeans_finds_planted_groups():
    vectors, group = planted()
    found = clusters.kmeans(vectors, 3, seed=0)
    assert len(set(zip(found, group, strict=True))) == 3


def test_dbscan_finds_planted_islands_and_stragglers():
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    disc = 0.3 * np.sqrt(rng.random(200))[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    small = disc[:60] + [5, 5]
    stragglers = np.array([[-9.0, 9.0], [9.0, -9.0], [-9.0, -9.0]])
    island, eps = clusters.dbscan(np.concatenate([disc, small, stragglers]), min_samples=5)
    assert 0 < eps < 5
    assert (island[:200] == 0).all() and (island[200:260] == 1).mean() > 0.9 and (island[260:] == -1).all()


def test_by_size_numbers_the_largest_zero():
    assert clusters.by_size(np.array([7, 2, 2, -1, 2, 7])).tolist() == [1, 0, 0, -1, 0, 1]


def test_match_undoes_a_renumbering():
    reference = np.array([0, 0, 1, 1, 2, 2, 2])
    assert clusters.match(reference, np.array([2, 2, 0, 0, 1, 1, 1])).tolist() == reference.tolist()


def test_ami_of_equal_and_of_unrelated_clusters():
    group = np.repeat([0, 1, 2], 100)
    same = clusters.cross_modal_ami(group, (group + 1) % 3, seed=0)
    assert same["cross_modal_ami"] == pytest.approx(1)
    assert abs(same["cross_modal_ami_null"]) < 0.05
    shuffled = clusters.cross_modal_ami(group, np.random.default_rng(3).permutation(group), seed=0)
    assert abs(shuffled["cross_modal_ami"]) < 0.05


def test_stability_is_one_for_clear_groups_and_low_for_noise():
    vectors, _ = planted()
    assert clusters.stability_ari(vectors, 3, seed=0) > 0.99
    noise = unit(np.random.default_rng(0).standard_normal((90, 8)))
    assert clusters.stability_ari(noise, 5, seed=0) < 0.7


def test_swapped_pairs():
    rng = np.random.default_rng(0)
    image = unit(rng.standard_normal((200, 32)))
    assert clusters.swapped_pairs_auc(image, image, seed=0) > 0.99
    assert clusters.swapped_pairs_auc(image, unit(rng.standard_normal((200, 32))), seed=0) == pytest.approx(0.5, abs=0.1)


def test_island_is_found_and_scored():
    groups = np.repeat([0, 1], [90, 10])
    wanted = np.zeros(100, bool)
    wanted[92:100] = True
    wanted[:2] = True
    members, scores = clusters.find_island({"dbscan/image": groups}, wanted, seed=0)
    assert (members == (groups == 1)).all()
    assert scores["precision"] == pytest.approx(0.8) and scores["recall"] == pytest.approx(0.8)
    assert scores["group"] == "dbscan/image 1"


def test_no_island_among_unrelated_groups_or_without_labels():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 4, 400)
    _, scores = clusters.find_island({"kmeans/image": groups}, rng.random(400) < 0.1, seed=0)
    assert scores["precision"] is None and scores["f1_null"] > 0
    members, scores = clusters.find_island({"kmeans/image": groups}, np.zeros(400, bool), seed=0)
    assert scores["precision"] is None and not members.any()


def test_analyse_a_toy_set():
    image, group = planted()
    spectrum, _ = planted(seed=1)
    labels = {"ARTEFACT": np.where(group == 2, "chip_edge", "none")}
    arrays, metrics = clusters.analyse(image, spectrum, labels, CONFIG, seed=0)
    assert arrays["umap/joint"].shape == (90, 2) and np.isfinite(arrays["umap/joint"]).all()
    assert np.array_equal(arrays["kmeans/image"], arrays["kmeans/spectrum"])
    assert metrics["clusters"]["cross_modal_ami"] == pytest.approx(1)
    assert metrics["islands"]["artefact"]["precision"] == pytest.approx(1)
    assert metrics["islands"]["artefact"]["recall"] == pytest.approx(1)
    again, _ = clusters.analyse(image, spectrum, {}, CONFIG, seed=0)
    assert all(np.array_equal(arrays[name], again[name]) for name in arrays if name != "island/artefact")


@pytest.mark.parametrize("key", ["umap_neighbors", "n_clusters", "dbscan_min_samples"])
def test_too_few_galaxies(key):
    image, _ = planted(n_each=4)
    config = dataclasses.replace(CONFIG, **{key: 12})
    with pytest.raises(BookError, match=f"analysis.{key} = 12"):
        clusters.analyse(image, image, {}, config, seed=0)
