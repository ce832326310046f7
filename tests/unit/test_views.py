"""What each augmentation does to flux, noise and orientation."""

import numpy as np
import pytest
import torch

from astroclip_book import views


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def galaxies():
    """64 equal elongated blobs, (64, 3, 76, 76)."""
    y, x = torch.meshgrid(*2 * [torch.arange(76.0) - 37.5], indexing="ij")
    blob = torch.exp(-0.5 * ((x / 4) ** 2 + (y / 2) ** 2))
    return blob.expand(64, 3, 76, 76).clone()


def test_moving_keeps_flux_and_turns_each_object_by_itself(galaxies, generator):
    moved = views.move(galaxies, 48, 3.5, generator)
    flux = galaxies[0, 0].sum()
    torch.testing.assert_close(moved.sum((2, 3)), flux.expand(64, 3), rtol=0.02, atol=0)
    y, x = torch.meshgrid(*2 * [torch.arange(48.0)], indexing="ij")
    weight = moved[:, 0] / moved[:, 0].sum((1, 2), keepdim=True)
    mx, my = (weight * x).sum((1, 2)), (weight * y).sum((1, 2))
    assert (mx - 23.5).abs().max() <= 3.6
    assert mx.std() > 1
    xx = (weight * (x - mx[:, None, None]) ** 2).sum((1, 2))
    yy = (weight * (y - my[:, None, None]) ** 2).sum((1, 2))
    xy = (weight * (x - mx[:, None, None]) * (y - my[:, None, None])).sum((1, 2))
    angle = 0.5 * torch.atan2(2 * xy, xx - yy)
    assert np.histogram(angle.numpy(), 4, (-np.pi / 2, np.pi / 2))[0].min() >= 5
    size = (xx * yy - xy**2) ** 0.25 / 8**0.5
    assert 0.88 < size.min() < 0.95
    assert 1.05 < size.max() < 1.12


def test_dust_dims_blue_more_than_red(generator):
    ratio = views.transmission(4000, generator)
    assert ratio.max() < 1
    assert (ratio[:, 0] < ratio[:, 1]).all()
    assert (ratio[:, 1] < ratio[:, 2]).all()
    excess = torch.log10(ratio[:, 0]) / views.TRANSMISSION[0]
    assert excess.median() == pytest.approx(0.001146 + 0.03338, rel=0.1)


def test_blur_widens_and_keeps_flux(generator):
    points = torch.zeros(200, 3, 33, 33)
    points[:, :, 16, 16] = 1
    blurred = views.blur(points, 1, generator)
    torch.testing.assert_close(blurred.sum((2, 3)), torch.ones(200, 3), rtol=1e-4, atol=0)
    peaks = blurred[:, :, 16, 16]
    assert ((peaks > 0.99).float().mean(0) - 0.5).abs().max() < 0.15  # half of the draws are better than the median
    assert peaks.min() < 0.3


@pytest.mark.parametrize("binning", [1, 2])
def test_noise_makes_up_a_worse_depth(binning, generator):
    noise = views.noise(torch.Size((500, 3, 20, 20)), binning, generator)
    measured = noise.std((2, 3))
    for band in range(3):
        target = views._lognormal(views.SKY_NOISE, 100_000, generator)[:, band]
        expected = (target**2 - views.median(views.SKY_NOISE[band]) ** 2).clamp(min=0).sqrt() / binning
        assert measured[:, band].mean() == pytest.approx(expected.mean().item(), rel=0.15)
    assert noise.mean().abs() < 1e-3


def test_stretch_is_linear_in_the_dark_and_logarithmic_in_the_light():
    flux = torch.linspace(-0.05, 5000, 1000).view(1, 1, 1, -1).repeat(1, 3, 1, 1)
    brightness = views.stretch(flux)[:, 0]
    assert (brightness.diff(dim=-1) > 0).all()
    decade = views.stretch(10 * flux)[:, 0, :, -1] - brightness[..., -1]
    torch.testing.assert_close(decade, torch.full((1, 1), 1.5 * np.log(10)), rtol=1e-3, atol=0)
    faint = torch.full((1, 3, 1, 1), 1e-3)
    torch.testing.assert_close(views.stretch(2 * faint), 2 * views.stretch(faint), rtol=1e-3, atol=0)


def test_stretch_shows_colours_apart_from_brightness():
    bright, red = torch.full((2, 3, 1, 1), 100.0).unbind(0)
    red = red * torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1)
    difference = (views.stretch(red[None]) - views.stretch(bright[None])).flatten()
    torch.testing.assert_close(difference[1:], torch.full((2,), 2 * np.log(2)), rtol=1e-3, atol=0)


def test_views_are_reproducible_and_differ(galaxies):
    first = views.augment(galaxies, 32, 2, torch.Generator().manual_seed(1))
    again = views.augment(galaxies, 32, 2, torch.Generator().manual_seed(1))
    assert torch.equal(first, again)
    assert first.shape == (64, 3, 32, 32)
    assert (first[0] - first[1]).abs().max() > 0.05


def test_binning_averages():
    images = torch.arange(16.0).view(1, 4, 4, 1).repeat(1, 1, 1, 3)
    assert views.bin_images(images, 2)[0, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
