import numpy as np
import pytest

from astroclip_book.errors import BookError
from astroclip_book.evaluate.space import islands


def disc_and_island():
    """A large disc, a small one far away, and three points on their own."""
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    disc = 0.3 * np.sqrt(rng.random(200))[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([disc, disc[:60] + [5, 5], [[-9.0, 9.0], [9.0, -9.0], [-9.0, -9.0]]])


def test_islands_and_stragglers_are_found():
    points = disc_and_island()
    radius = islands.knee(islands.k_distances(points, 5))
    assert 0 < radius < 5
    for found in (islands.dbscan(points, 5, radius), islands.hdbscan(points, 20)):
        assert (found[:200] == 0).mean() > 0.9 and (found[200:260] == 1).mean() > 0.9 and (found[260:] == -1).all()


def test_distances_are_to_the_kth_other_point():
    assert islands.k_distances(np.array([[0.0, 0], [1, 0], [3, 0]]), 2).tolist() == [2, 3, 3]


def test_too_few_points():
    with pytest.raises(BookError, match="analysis.dbscan_min_samples = 5"):
        islands.k_distances(np.zeros((5, 2)), 5)


def test_points_that_coincide_are_one_island():
    points = np.zeros((20, 2))
    assert (islands.dbscan(points, 5, islands.knee(islands.k_distances(points, 5))) == 0).all()


def test_island_is_found_and_scored():
    groups = np.repeat([0, 1], [90, 10])
    wanted = np.zeros(100, bool)
    wanted[92:100] = True
    wanted[:2] = True
    members, scores = islands.find_island({"dbscan/image": groups}, wanted, seed=0)
    assert (members == (groups == 1)).all()
    assert scores["precision"] == pytest.approx(0.8) and scores["recall"] == pytest.approx(0.8)
    assert scores["group"] == "dbscan/image 1"


def test_no_island_among_unrelated_groups_or_without_labels():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 4, 400)
    _, scores = islands.find_island({"kmeans/image": groups}, rng.random(400) < 0.1, seed=0)
    assert scores["precision"] is None and scores["f1_null"] > 0
    members, scores = islands.find_island({"kmeans/image": groups}, np.zeros(400, bool), seed=0)
    assert scores["precision"] is None and not members.any()


def test_kinds_in_an_island_are_counted():
    kinds = islands.kinds_in(np.array([True, True, False]), np.array(["trail", "none", "trail"]))
    assert kinds == {"none": {"n": 1, "found": 1}, "trail": {"n": 2, "found": 1}}


def test_labels_that_are_not_there_mark_nothing():
    assert not islands.is_artefact({}, 3).any() and not islands.is_bright_spiral({"SPIRAL": np.ones(3)}, 3).any()


def test_bright_spirals_are_spirals_and_bright():
    magnitude = np.arange(20.0)
    spiral = np.ones(20, bool)
    spiral[0] = False
    assert islands.is_bright_spiral({"SPIRAL": spiral, "MAG_R": magnitude}, 20).nonzero()[0].tolist() == [1]
