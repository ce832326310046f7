"""What each augmentation does to flux, noise and orientation, and how much of it each object gets."""

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from astroclip_book.data import pairs, views


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def galaxies():
    """64 equal elongated blobs, (64, 3, 76, 76)."""
    return blob(76, widths=(4, 2)).expand(64, 3, 76, 76).clone()


@pytest.fixture
def calm(monkeypatch):
    """Skies without noise."""
    monkeypatch.setattr(views, "SKY_NOISE", ((0.0, 0.0, 0.0),) * 3)


def blob(side, x=0.0, y=0.0, widths=(2, 2)):
    """A Gaussian (side, side) of this offset from the centre."""
    axis = torch.arange(float(side)) - (side - 1) / 2
    return torch.exp(-0.5 * (((axis - x) / widths[0]) ** 2 + ((axis[:, None] - y) / widths[1]) ** 2))


def seconds(images):
    """Centroids (n, 2) as x, y from the centre, and second moments (n, 2, 2), of images (n, h, w)."""
    axis = torch.arange(float(images.shape[-1])) - (images.shape[-1] - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    places = torch.stack([x, y])
    weight = images / images.sum((1, 2), keepdim=True)
    mean = torch.einsum("nij,aij->na", weight, places)
    return mean, torch.einsum("nij,aij,bij->nab", weight, places, places) - mean[:, :, None] * mean[:, None]


def excess(laws, n):
    """(n, 3) widths in quadrature between two draws of scipy's log-normal, zero where the second is the smaller."""
    rng = np.random.default_rng(1)
    true, final = (np.stack([stats.lognorm(*law).rvs(n, rng) for law in laws], 1) for _ in range(2))
    return np.sqrt(np.maximum(final**2 - true**2, 0))


class TestReddening:
    def test_is_the_ratio_of_two_columns_of_dust(self, generator):
        ratio = torch.log10(views.reddening(20_000, generator).double()).numpy()
        law = stats.lognorm(0.67306, 0.001146, 0.03338)
        drawn = law.rvs((2, 20_000), np.random.default_rng(1))
        for band, exponent in enumerate((-1.2856, -0.866, -0.4844)):
            expected = exponent * (drawn[0] - drawn[1])
            assert stats.ks_2samp(ratio[:, band], expected).pvalue > 1e-3


class TestMoving:
    @pytest.fixture(params=[1, 2])
    def moved(self, request, generator):
        """Motions of 1000 objects, (shift, x axis, y axis) each (1000, 2), measured on a mark in each band."""
        marks = torch.stack([blob(56), blob(56, x=8), blob(56, y=8)]).expand(1000, 3, 56, 56)
        moved = views.move(marks, 56, request.param, generator, "surface_brightness")
        shift, x, y = (seconds(moved[:, band])[0] for band in range(3))
        return request.param, shift.numpy(), ((x - shift) / 8).numpy(), ((y - shift) / 8).numpy()

    def test_turns_mirrors_and_resizes(self, moved):
        _, _, x, y = moved
        handedness, size = np.sign(x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]), np.hypot(*x.T)
        assert stats.kstest(np.arctan2(x[:, 1], x[:, 0]), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
        assert abs(handedness.mean()) < 0.1  # half of them mirrored
        assert stats.kstest(size, stats.uniform(0.9, 0.2).cdf).pvalue > 1e-3
        np.testing.assert_allclose(np.hypot(*y.T), size, atol=0.01)
        np.testing.assert_allclose((x * y).sum(1), 0, atol=0.01)  # no shear

    def test_shifts_by_whole_original_pixels(self, moved):
        binning, shift, _, _ = moved
        pixels = shift * binning
        np.testing.assert_allclose(pixels, pixels.round(), atol=0.02)
        for axis in range(2):
            counts = np.unique_counts(pixels[:, axis].round())
            assert counts.values.tolist() == list(range(-7, 8))
            assert stats.chisquare(counts.counts).pvalue > 1e-3
        assert abs(np.corrcoef(pixels.T)[0, 1]) < 0.1

    def test_keeps_surface_brightness_or_flux(self, galaxies):
        def move(images, size, keep):
            return views.move(images, size, 2, torch.Generator().manual_seed(0), keep)

        flux, even = galaxies[0, 0].sum(), torch.ones(64, 3, 76, 76)
        torch.testing.assert_close(move(galaxies, 56, "flux").sum((2, 3)), flux.expand(64, 3), rtol=0.02, atol=0)
        torch.testing.assert_close(move(even, 32, "surface_brightness"), torch.ones(64, 3, 32, 32))
        area = move(galaxies, 56, "surface_brightness").sum((2, 3)) / flux
        torch.testing.assert_close(move(even, 32, "flux").mean((2, 3)), 1 / area, rtol=0.02, atol=0)
        assert area.min() < 0.86 and area.max() > 1.15


class TestBlur:
    @pytest.mark.parametrize("binning, reach", [(1, 6), (2, 3), (4, 2)])
    def test_is_a_gaussian_for_each_band_of_each_object(self, binning, reach, generator):
        images = torch.rand(8, 3, 30, 30, generator=generator)
        blurred = views.blur(images, binning, torch.Generator().manual_seed(1))
        assert blurred.shape == (8, 3, 30 - 2 * reach, 30 - 2 * reach)
        sigma = views._excess(pairs.PSF_SIGMA, 8, torch.Generator().manual_seed(1)) / binning
        assert len(sigma[sigma > 0].unique()) > 8
        each = images.flatten(0, 1), blurred.flatten(0, 1), sigma.flatten().tolist()
        for image, result, width in zip(*each, strict=True):
            expected = ndimage.gaussian_filter(image.double().numpy(), width, radius=reach) if width else image
            np.testing.assert_allclose(result, expected[reach:-reach, reach:-reach], atol=1e-5)


class TestNoise:
    @pytest.mark.parametrize("binning", [1, 2])
    def test_makes_up_for_a_worse_depth(self, binning, generator):
        noise = views.noise(torch.Size((3000, 3, 20, 20)), binning, generator)
        measured = noise.std((2, 3)).numpy()
        expected = excess(pairs.SKY_NOISE, 100_000) / binning
        np.testing.assert_allclose((measured == 0).mean(0), 0.5, atol=0.03)
        found, wanted = (np.percentile(levels, [75, 90, 99], axis=0) for levels in (measured, expected))
        np.testing.assert_allclose(found, wanted, rtol=0.12)
        assert np.abs(np.corrcoef(measured.T) - np.eye(3)).max() < 0.06
        assert abs(noise.mean() / noise.std()) < 0.005

    def test_comes_last(self, generator):
        """Of a black image only the noise is left, white and as strong as it was drawn: nothing is done to it any more."""
        views_of_nothing = views.augment(torch.zeros(1000, 3, 76, 76), 32, 2, generator, "flux")
        drawn = excess(pairs.SKY_NOISE, 100_000) / 2
        power = views_of_nothing.square().mean((0, 2, 3)).numpy()
        np.testing.assert_allclose(power, (drawn**2).mean(0), rtol=0.15)
        for lag in range(1, 4):
            for axis in (2, 3):
                neighbour = views_of_nothing * views_of_nothing.roll(lag, axis)
                assert (neighbour.mean((0, 2, 3)).numpy() / power < 0.01).all()


class TestAugment:
    @pytest.mark.parametrize("keep", ["surface_brightness", "flux"])
    def test_is_reproducible_and_differs_between_objects(self, galaxies, keep):
        first, again, other = (
            views.augment(galaxies, 32, 2, torch.Generator().manual_seed(seed), keep) for seed in (1, 1, 2)
        )
        assert torch.equal(first, again)
        assert (first - other).abs().amax((1, 2, 3)).min() > 0.05
        assert first.shape == (64, 3, 32, 32) and first.dtype == torch.float32
        assert torch.pdist(first.flatten(1)).min() > 0.5

    def test_invents_nothing_at_the_borders(self, calm, generator):
        """A sloping plane is one still, turned, resized and blurred: any border that was made up would bend it."""
        axis = torch.arange(76.0) - 37.5
        planes = torch.stack([axis.expand(76, 76), axis[:, None].expand(76, 76), torch.ones(76, 76)])
        seen = views.augment(planes.expand(64, 3, 76, 76), 32, 2, generator, "surface_brightness").double()
        x = torch.arange(32.0, dtype=torch.float64) - 15.5
        y, x = torch.meshgrid(x, x, indexing="ij")
        basis = torch.stack([x.flatten(), y.flatten(), torch.ones(32 * 32)], 1)
        pixels = seen.flatten(2).flatten(0, 1).T
        fit = basis @ torch.linalg.lstsq(basis, pixels).solution
        assert pixels.std() > 5
        assert (pixels - fit).abs().max() < 1e-3

    def test_blurs_after_resizing(self, calm, generator, monkeypatch):
        """What the seeing adds is as wide beside a galaxy twice as large."""
        monkeypatch.setattr(views, "SIZE_RANGE", (2.0, 2.0))
        seen = views.augment(blob(76, widths=(1.5, 1.5)).expand(1000, 3, 76, 76), 48, 2, generator, "flux")
        sigma = excess(pairs.PSF_SIGMA, 100_000) / 2
        for band in range(3):
            variance = seconds(seen[:, band])[1].diagonal(dim1=1, dim2=2).mean(1).numpy()
            added = np.percentile(variance, [75, 90]) - np.percentile(variance, 5)
            np.testing.assert_allclose(added, np.percentile(sigma[:, band] ** 2, [75, 90]), rtol=0.2)


class TestApertures:
    def test_are_colours_and_brightness_of_a_known_galaxy_whatever_the_binning(self):
        image = torch.stack([flux * blob(152, widths=(6, 6)) for flux in (0.5, 1.0, 2.0)])[None]
        for binning in (1, 2):
            r, g_r, r_z = views.apertures(torch.nn.functional.avg_pool2d(image, binning), binning).view(3, 9)
            inside = 1 - torch.exp(-0.5 * (torch.tensor(views.RADII) / (6 * pairs.PIXEL_SCALE)) ** 2)
            np.testing.assert_allclose(r.exp(), 2 * np.pi * 36 * inside, rtol=0.15)
            np.testing.assert_allclose(g_r, np.log(0.5), atol=0.01)
            np.testing.assert_allclose(r_z, np.log(0.5), atol=0.01)

    def test_are_finite_without_light_and_below_it(self):
        assert torch.isfinite(views.apertures(torch.stack([torch.zeros(3, 76, 76), -torch.ones(3, 76, 76)]), 2)).all()


def test_spoiled_images_are_off_by_a_zero_point_and_some_are_clipped(generator):
    images = blob(76, widths=(4, 2)).expand(4000, 3, 76, 76)
    ratio = views.spoiled(images, generator)[:, :, 20, 30] / images[:, :, 20, 30]  # in the wings, which nothing clips
    off = -2.5 * torch.log10(ratio).numpy()
    np.testing.assert_allclose(off.std(0), views.CALIBRATION, rtol=0.1)
    peak = (views.spoiled(images, generator).amax((2, 3)) / images.amax((2, 3))).amin(1)
    assert (peak < 0.9).float().mean().item() == pytest.approx(views.CLIPPED * 0.7 / 0.8, abs=0.04)
    assert peak.min() > views.LEAST * 0.9


def test_binning_averages_and_the_centre_is_in_the_middle():
    images = torch.arange(16.0).view(1, 4, 4, 1).repeat(1, 1, 1, 3)
    assert views.bin_images(images, 2)[0, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert views.centre(images.permute(0, 3, 1, 2), 2)[0, 0].tolist() == [[5, 6], [9, 10]]
