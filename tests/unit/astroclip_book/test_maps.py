from types import SimpleNamespace

import numpy as np
import pytest
from planted import planted

from astroclip_book.errors import BookError
from astroclip_book.evaluate.space import maps


def test_a_seed_makes_a_map_and_groups_stay_together():
    vectors, group = planted()
    points = maps.project(vectors, 8, 0.1, seed=0)
    assert points.shape == (90, 2) and np.array_equal(points, maps.project(vectors, 8, 0.1, seed=0))
    centres = np.array([points[group == g].mean(0) for g in range(3)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(1)
    assert np.array_equal(nearest, group)


def test_galaxies_that_coincide_are_neighbours_of_each_other(monkeypatch):
    given = {}
    monkeypatch.setattr(
        "umap.UMAP", lambda **options: given.update(options) or SimpleNamespace(fit_transform=lambda x: x)
    )
    vectors = planted()[0]
    vectors[[3, 7]] = vectors[5]
    maps.project(vectors, 8, 0.1, seed=0)
    found, distance = given["precomputed_knn"]
    assert all(set(found[row, :3]) == {3, 5, 7} and found[row, 0] == row for row in (3, 5, 7))
    assert (distance[[3, 5, 7], :3] == 0).all()


def test_too_few_galaxies():
    with pytest.raises(BookError, match="analysis.umap_neighbors = 12"):
        maps.project(planted(n_each=4)[0], 12, 0.1, seed=0)


def test_a_faithful_map_a_random_one_and_one_that_tears():
    rng = np.random.default_rng(0)
    line = rng.uniform(0, 10, (300, 1))
    space = np.hstack([line, np.zeros((300, 3))])
    assert min(maps.distortion(space, np.hstack([line, 0 * line])).values()) == pytest.approx(1)
    assert max(maps.distortion(space, rng.normal(size=(300, 2))).values()) < 0.6
    torn = np.hstack(
        [np.where(np.floor(line) % 2, line + 100, line), 0 * line]
    )  # odd pieces of the line are moved far away
    found = maps.distortion(space, torn)
    assert found["trustworthiness"] > found["continuity"]


def test_likeness_ignores_turns_and_scales():
    points = np.random.default_rng(0).normal(size=(200, 2))
    turned = 3 * points @ np.array([[0.6, -0.8], [0.8, 0.6]]) + 7
    assert maps.likeness(points, turned) == pytest.approx(1)
    assert maps.likeness(points, np.random.default_rng(1).normal(size=(200, 2))) < 0.2
