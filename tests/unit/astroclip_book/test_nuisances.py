"""What instruments and pipelines do to data."""

import numpy as np
import pytest
import torch
from scipy.stats import median_abs_deviation

from astroclip_book.data.distortions import SPARED, distorted
from astroclip_book.data.nuisances import ARMS, IMAGE, SPECTRUM
from astroclip_book.data.pairs import WAVELENGTH


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y, x = np.indices((152, 152)) - 75.5
    galaxies = 5 * np.exp(-np.hypot(x, y) / 4)[..., None] * np.array([1.0, 2.0, 3.0])
    flux = 10 + np.sin(WAVELENGTH / 500) + rng.standard_normal((40, 7781))
    return flux, (galaxies + 0.01 * rng.standard_normal((40, 152, 152, 3))).astype(np.float32)


def changed(data, name: str, strength: float) -> np.ndarray:
    kinds = SPECTRUM if name in SPECTRUM else IMAGE
    return kinds[name][0](data[0] if name in SPECTRUM else data[1], strength, np.random.default_rng(1))


@pytest.mark.parametrize("name", [*SPECTRUM, *IMAGE])
def test_each_changes_something_more_where_it_is_strong_and_leaves_its_input_alone(data, name):
    before = [one.copy() for one in data]
    kinds, mine = (SPECTRUM, data[0]) if name in SPECTRUM else (IMAGE, data[1])
    weak, strong = (np.abs(changed(data, name, strength) - mine).mean() for strength in kinds[name][1:])
    assert 0 < weak < strong
    assert all(np.array_equal(*pair) for pair in zip(before, data, strict=True))


def test_spectra_are_changed_by_as_much_as_is_said(data):
    flux, _ = data
    np.testing.assert_allclose(changed(data, "level", 1.0).mean(1), 0, atol=1e-9)
    ratio = changed(data, "tilt", 0.4) / flux
    np.testing.assert_allclose(np.sort(ratio[:, [0, -1]], axis=1), [[0.6, 1.4]] * len(flux))
    scatter = [np.diff(one, axis=1).std() for one in (flux, changed(data, "noise", 2.0), changed(data, "smoothing", 3))]
    assert scatter[1] == pytest.approx(2 * scatter[0], rel=0.03) and scatter[2] < 0.6 * scatter[0]
    ratio = changed(data, "arms", 0.1) / flux
    np.testing.assert_allclose(ratio[:, (WAVELENGTH > ARMS[0]) & (WAVELENGTH < ARMS[1])], 1)
    np.testing.assert_allclose(np.abs(ratio[:, [0, -1]] - 1).sum(1), 0.1)
    assert np.abs(changed(data, "fringes", 0.05) / flux - 1).max() == pytest.approx(0.05, rel=0.01)


def test_training_distorts_most_spectra_each_in_its_own_way_and_keeps_their_lines():
    flux = 10 + torch.zeros(400, 7781)
    flux[:, 3000:3010] = 40
    first, again = (distorted(flux, torch.ones(7781), torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(first, again) and first.isfinite().all()
    as_before = (first == flux).all(1).float().mean()
    assert as_before == pytest.approx(SPARED + (1 - SPARED) / 32, abs=0.06)
    ends = first[:, [500, 6500]] / flux[:, [500, 6500]]
    assert 0.1 < ends.std() < 0.5 and len(first[:, 500].unique()) > 200
    assert first[:, 3000:3010].mean(1).median() > 30, "lines are left where they are"


def test_images_are_changed_by_as_much_as_is_said(data):
    _, images = data
    factor = (changed(data, "zero_point", 0.05) / images).mean((1, 2))
    assert np.std(2.5 * np.log10(factor)) == pytest.approx(0.05, rel=0.3)
    noise = [median_abs_deviation(one[:, :10], axis=None) for one in (images, changed(data, "depth", 2.0))]
    assert noise[1] == pytest.approx(2 * noise[0], rel=0.03)
    tops = [one.max((1, 2)) for one in (images, changed(data, "clipping", 0.25))]
    np.testing.assert_allclose(tops[1], 0.25 * tops[0], rtol=1e-6)
    light = [one.sum((1, 2)).mean() for one in (images, changed(data, "neighbour", 0.5), changed(data, "seeing", 1.4))]
    assert light[1] == pytest.approx(1.5 * light[0], rel=0.03) and light[2] == pytest.approx(light[0], rel=0.01)
