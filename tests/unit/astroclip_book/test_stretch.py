"""What each network input makes of an image."""

import numpy as np
import pytest
import torch

from astroclip_book.data.views import INPUTS

SLIPS = pytest.mark.parametrize("name, slip", [("rgb", False), ("rgb_stein", True)])


def viewer(pixel, slip=False):
    """Red, green, blue of one pixel (g, r, z) in nanomaggies, step by step in float64."""
    scales, offset, softening = np.array([6.0, 3.4, 2.2]), 0.03, 20.0
    scaled = np.asarray(pixel, np.float64) * scales + offset
    brightness = np.maximum(scaled, 0).mean()
    stretched = np.arcsinh(softening * brightness) / np.sqrt(softening)
    if brightness == 0:
        brightness = 1e-6
    value = pixel * (scales + offset * stretched / brightness) if slip else scaled * stretched / brightness
    return np.clip(value, 0, 1)[::-1]


def image(*pixels):
    """Pixels (g, r, z) in a row, as a (1, 3, 1, n) tensor."""
    return torch.tensor(np.array(pixels), dtype=torch.float32).T.reshape(1, 3, 1, -1)


@SLIPS
def test_rgb_is_that_of_the_viewer_pixel_by_pixel(name, slip):
    """Four images of noise with a few galaxies, (4, 3, 12, 10)."""
    rng = np.random.default_rng(0)
    noise = 0.05 * rng.standard_normal((4, 3, 12, 10))
    galaxies = rng.lognormal(0, 2, noise.shape) * (rng.random((4, 1, 12, 10)) < 0.3)
    sky = torch.tensor(noise + galaxies, dtype=torch.float32)
    expected = np.apply_along_axis(viewer, -1, sky.numpy().transpose(0, 2, 3, 1), slip).transpose(0, 3, 1, 2)
    assert 0.02 < (expected == 0).mean() < 0.5 and 0.02 < (expected == 1).mean() < 0.5
    np.testing.assert_allclose(INPUTS[name](sky), expected, rtol=1e-5, atol=1e-6)


@SLIPS
@pytest.mark.parametrize(
    "pixel",
    [
        (-5, -5, -5),  # no light in any band, as beside an over-subtracted star
        (-0.005, -0.03 / 3.4, -0.03 / 2.2),
        (-5, 0.05, -5),
        (1e-4, 2e-4, 3e-4),
        (1e4, 2e4, 3e4),
    ],
)
def test_rgb_of_single_pixels(name, slip, pixel):
    np.testing.assert_allclose(INPUTS[name](image(pixel)).flatten(), viewer(pixel, slip), rtol=1e-5, atol=1e-6)


def test_colours_are_linear_in_the_dark_and_logarithmic_in_the_light():
    flux = torch.linspace(-0.05, 5000, 1000).view(1, 1, 1, -1).repeat(1, 3, 1, 1)
    brightness = INPUTS["colours"](flux)[:, 0]
    assert (brightness.diff(dim=-1) > 0).all()
    decade = INPUTS["colours"](10 * flux)[:, 0, :, -1] - brightness[..., -1]
    torch.testing.assert_close(decade, torch.full((1, 1), 1.5 * np.log(10)), rtol=1e-3, atol=0)
    faint = image((1e-3, 1e-3, 1e-3))
    torch.testing.assert_close(INPUTS["colours"](2 * faint), 2 * INPUTS["colours"](faint), rtol=1e-3, atol=0)


def test_colours_are_shown_apart_from_brightness():
    white, red = INPUTS["colours"](image((100, 100, 100), (100, 200, 400)))[0, :, 0].T
    torch.testing.assert_close(red - white, torch.tensor([1.5, 2, 2]) * np.log(2), rtol=1e-3, atol=0)


def test_colours_begin_to_bend_at_thirty_median_sky_noises():
    for band, (location, scale) in enumerate([(-0.00067, 0.00376), (-0.00237, 0.00674), (-0.01434, 0.02608)]):
        pixel = [0.0, 0.0, 0.0]
        pixel[band] = 30 * (location + scale)
        assert INPUTS["colours"](image(pixel))[0, 0].item() == pytest.approx(np.arcsinh(1) / 2, rel=1e-5)
