"""Cut-outs: calibrated, with the noise of the sky, and artefacts that do what they say."""

import galsim
import numpy as np
import pytest
from scipy import fft

from astroclip_book.mock import artefacts, images, survey
from astroclip_book.presets import Survey


@pytest.fixture(scope="module")
def galaxies():
    return survey.truth(Survey(300, 19.5, 0.0), 1)


def one(galaxies, i):
    return {name: values[i] for name, values in galaxies.items()}


def noise_of(image):
    """Robust standard deviation of differences of neighbouring pixels, per band."""
    difference = image[1:] - image[:-1]
    return 1.4826 * np.median(np.abs(difference), axis=(0, 1)) / np.sqrt(2)


def test_flux_is_the_catalogue_magnitude(galaxies):
    compact = np.flatnonzero(galaxies["radius"] < 1.5)[:40]
    for i in compact:
        image = images.draw_image(one(galaxies, i), np.random.default_rng(i), noise=False)
        magnitude = 22.5 - 2.5 * np.log10(image.sum(axis=(0, 1)))
        assert np.abs(magnitude - galaxies["magnitudes"][i]).max() < 0.06  # the stamp ends where the wings do not


def test_galaxy_is_centred_and_as_large_as_it_should_be(galaxies):
    i = int(np.argmin(np.abs(galaxies["radius"] - 2.0) + 10 * (galaxies["arm_strength"] > 0)))
    image = images.draw_image(one(galaxies, i), np.random.default_rng(0), noise=False)[..., 1]
    y, x = np.mgrid[:152, :152] - 76
    assert abs((image * x).sum() / image.sum()) < 0.2 and abs((image * y).sum() / image.sum()) < 0.2
    r = np.hypot(x, y).ravel()
    order = np.argsort(r)
    half = np.interp(0.5, np.cumsum(image.ravel()[order]) / image.sum(), r[order]) * 0.262
    assert 0.9 * galaxies["radius"][i] < half < 1.8 * galaxies["radius"][i]  # seeing enlarges it


def test_transform_agrees_with_galsim():
    profile = galsim.Convolve(galsim.Exponential(half_light_radius=1.2).shear(q=0.6, beta=0.5 * galsim.radians),
                              galsim.Moffat(beta=3.5, fwhm=1.2))
    plane = fft.irfft2(fft.ifftshift(images.fourier(profile, 192) * images.pixel_response(192), axes=0), s=(192, 192))
    ours = fft.fftshift(plane)[20:172, 20:172]
    theirs = profile.drawImage(nx=153, ny=153, scale=0.262).array[:152, :152]
    assert np.abs(ours - theirs).max() < 2e-3 * theirs.max()


def test_sky_noise_has_the_standard_deviation_asked_for():
    noise = np.stack([images.sky(np.array([1.0, 2.0, 3.0]), np.random.default_rng(i)) for i in range(20)])
    assert np.allclose(noise.std(axis=(0, 1, 2)), [1, 2, 3], rtol=0.02)


def test_noise_like_legacy_survey_coadds(galaxies, realdata):
    real = np.load(realdata / "grz_images.npz", allow_pickle=False)
    coadds = [i for i, note in enumerate(real["note"]) if "coadd" in note]
    real = np.median([noise_of(real["images"][i]) for i in coadds], axis=0)
    stamps = (images.draw_image(one(galaxies, i), np.random.default_rng(i)) for i in range(60))
    mock = np.median([noise_of(stamp) for stamp in stamps], axis=0)
    assert np.abs(mock / real - 1).max() < 0.4


def test_artefacts_touch_what_they_say():
    rng = np.random.default_rng(0)
    clean = np.ones((152, 152, 3), np.float32)
    band = artefacts.missing_band(clean.copy(), rng)
    assert sorted(band.reshape(-1, 3).sum(axis=0)) == [0, 152**2, 152**2]
    edge = artefacts.chip_edge(clean.copy(), rng)
    assert 0.05 < (edge == 0).mean() < 0.5
    trail = artefacts.satellite_trail(clean.copy(), rng) - clean
    assert (trail.max(axis=(0, 1)) > 0.04).sum() == 1
    assert (artefacts.bright_star(clean.copy(), rng) > clean).all()


@pytest.mark.parametrize("fraction", [0.0, 0.1, 1.0])
def test_artefact_fraction(fraction):
    drawn = artefacts.draw_artefacts(4000, fraction, np.random.default_rng(0))
    assert abs((drawn > 0).mean() - fraction) < 0.02
    assert set(drawn[drawn > 0]) <= set(range(1, len(artefacts.NAMES)))
