"""Measures of a common space where they can be worked out by hand."""

import math

import numpy as np
import pytest

from astroclip_book.errors import BookError
from astroclip_book.evaluate import geometry as module
from astroclip_book.evaluate.geometry import alignment_of, cka, geometry, modality_gap, mutual_knn, uniformity


def unit(rng, n, d=16):
    x = rng.normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def circle(*degrees):
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_equal_modalities():
    x = unit(np.random.default_rng(0), 100)
    assert mutual_knn(x, x, 5) == 1
    assert modality_gap(x, x) == alignment_of(x, x) == 0


def test_mutual_neighbours_do_not_depend_on_the_space():
    rng = np.random.default_rng(0)
    x = unit(rng, 100)
    rotation, _ = np.linalg.qr(rng.normal(size=(16, 16)))
    assert mutual_knn(x, x @ rotation, 5) == 1


def test_mutual_neighbours_by_hand():
    # The nearest of 0, 10, 40 and 100 degrees are 1, 0, 1, 2; of 0, 80, 50 and 10 degrees 3, 2, 1, 0.
    assert mutual_knn(circle(0, 10, 40, 100), circle(0, 80, 50, 10), 1) == 0.25


def test_unrelated_modalities_share_neighbours_by_chance():
    rng = np.random.default_rng(0)
    assert mutual_knn(unit(rng, 2000), unit(rng, 2000), 20) == pytest.approx(20 / 1999, rel=0.1)


def test_opposite_modalities():
    x, y = circle(0, 0), circle(180, 180)
    assert modality_gap(x, y) == pytest.approx(2)
    assert alignment_of(x, y) == pytest.approx(4)


def test_perpendicular_matches():
    assert alignment_of(circle(0, 30), circle(90, 120)) == pytest.approx(2)


@pytest.mark.parametrize(("degrees", "squared_distance"), [(0, 0), (90, 2), (180, 4)])
def test_uniformity_of_two_points(degrees, squared_distance):
    assert uniformity(circle(0, degrees)) == pytest.approx(-2 * squared_distance, abs=1e-5)


def test_uniformity_of_random_directions():
    # d² = 2 − 2 cos, and cos has the density (1 − cos²)^((d − 3) / 2) on the sphere in d dimensions.
    cosine = np.linspace(-1, 1, 20001)
    density = (1 - cosine**2) ** ((32 - 3) / 2)
    expected = math.log((density * np.exp(-4 * (1 - cosine))).sum() / density.sum())
    found = uniformity(unit(np.random.default_rng(0), 3000, 32))
    assert found == pytest.approx(expected, abs=0.01)
    assert found == pytest.approx(-4 + 8 / 32, abs=0.02)  # the rule of thumb of the docstring


def test_uniformity_does_not_depend_on_blocks(monkeypatch):
    x = unit(np.random.default_rng(0), 100)
    whole = uniformity(x)
    monkeypatch.setattr(module, "BLOCK", 7 * 100)
    assert uniformity(x) == pytest.approx(whole, abs=1e-6)


def test_all_of_them_with_intervals():
    rng = np.random.default_rng(0)
    x, y = unit(rng, 300), unit(rng, 300)
    found = geometry(x, y, 0)
    assert found == geometry(x, y, 0)
    assert found["n"] == 300 and found["k"] == 10 and found["mutual_knn_chance"] == 10 / 299
    assert found["mutual_knn"] == mutual_knn(x, y, 10) and found["alignment"] == alignment_of(x, y)
    assert found["modality_gap"] == modality_gap(x, y)
    assert found["uniformity"] == {"image": uniformity(x), "spectrum": uniformity(y)}
    for name in ("mutual_knn", "alignment"):
        low, high = found[f"{name}_ci95"]
        assert low < found[name] < high


def test_few_objects():
    x = unit(np.random.default_rng(0), 4)
    assert geometry(x, x, 0)["k"] == 3
    with pytest.raises(BookError, match="between 1 and 4"):
        mutual_knn(x, x, 4)


def test_kernel_alignment_ignores_turns_and_scales_and_sees_nothing_in_noise():
    rng = np.random.default_rng(0)
    x = unit(rng, 300)
    rotation, _ = np.linalg.qr(rng.normal(size=(16, 16)))
    same = cka(x, 3 * x @ rotation, seed=0)
    assert same["cka"] == pytest.approx(1) and same["cka_null"] < 0.1
    other = cka(x, unit(rng, 300), seed=0)
    assert other["cka"] < 2 * other["cka_null"]
