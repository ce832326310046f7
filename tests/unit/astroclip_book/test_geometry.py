"""Measures of a common space where they can be worked out by hand."""

import math

import numpy as np
import pytest

from astroclip_book.evaluate import geometry as module
from astroclip_book.evaluate.geometry import uniformity


def unit(rng, n, d=16):
    x = rng.normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def circle(*degrees):
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


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
    monkeypatch.setattr(module, "BLOCK", 7)
    assert uniformity(x) == pytest.approx(whole, abs=1e-6)
