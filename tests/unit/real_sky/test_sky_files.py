"""Real spectra and images as readers have them, brought onto the grid of the pairs."""

import numpy as np
import pytest

from astroclip_book.data.pairs import WAVELENGTH
from astroclip_book.errors import BookError
from real_sky.sky.samples import read_sky_images, read_sky_spectra, resample

GEOMETRIC = np.geomspace(3600, 9800, 7081)


def smooth_spectrum(wavelength):
    return 2 + np.sin(wavelength / 300) + wavelength / 5000


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_resampling_keeps_a_smooth_spectrum_and_bridges_gaps():
    valid = np.ones((1, GEOMETRIC.size), bool)
    valid[0, 3000:3010] = False
    flux = smooth_spectrum(GEOMETRIC)[None].copy()
    flux[~valid] = 1e6
    result = resample(flux, GEOMETRIC, valid)[0]
    inside = WAVELENGTH <= 9800
    np.testing.assert_allclose(result[inside], smooth_spectrum(WAVELENGTH[inside]), atol=2e-3)
    # Beyond the end: the level there, not zero.
    level = np.median(smooth_spectrum(GEOMETRIC[-60:]))
    assert np.ptp(result[~inside]) == 0 and result[-1] == pytest.approx(level, rel=1e-5)


def test_a_spectrum_that_covers_too_little_is_refused():
    valid = np.ones((2, GEOMETRIC.size), bool)
    valid[1, GEOMETRIC > 7000] = False
    with pytest.raises(BookError, match="Spectrum 1 covers 5"):
        resample(np.ones((2, GEOMETRIC.size)), GEOMETRIC, valid)


def test_spectra_of_unknown_level_are_known_as_such(tmp_path):
    rng = np.random.default_rng(0)
    flux = smooth_spectrum(GEOMETRIC) * np.array([[1.0], [3.0]]) + rng.normal(0, 0.1, (2, GEOMETRIC.size))
    arrays = {"wavelength": GEOMETRIC, "redshift": np.array([0.1, 0.2])}
    absolute = read_sky_spectra(save(tmp_path / "a.npz", flux=flux, **arrays))
    centred = flux - np.median(flux, axis=1, keepdims=True)
    relative = read_sky_spectra(save(tmp_path / "b.npz", flux=centred, **arrays))
    assert (absolute.relative, relative.relative) == (False, True)
    np.testing.assert_allclose(np.median(relative.flux, axis=1), 0, atol=1e-6)
    mock = smooth_spectrum(WAVELENGTH)[None] + rng.normal(0, 0.1, (3, WAVELENGTH.size))
    assert abs(np.median(absolute.seen_alike(mock)) - np.median(mock)) < 0.05
    alike = relative.seen_alike(mock)
    np.testing.assert_allclose(np.median(alike, axis=1), 0, atol=1e-6)
    # The detour over the file's coarser red pixels takes noise away, as it did from the real spectra.
    red = WAVELENGTH > 9000
    assert np.diff(alike[:, red]).std() < 0.8 * np.diff(mock[:, red]).std()


def test_pixels_without_weight_are_bridged(tmp_path):
    flux, ivar = np.ones((1, WAVELENGTH.size)), np.ones((1, WAVELENGTH.size))
    flux[0, 100], ivar[0, 100] = 1e5, 0
    path = save(tmp_path / "s.npz", flux=flux, ivar=ivar, wavelength=WAVELENGTH, redshift=np.array([0.1]))
    assert read_sky_spectra(path).flux.max() == 1


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"flux": np.ones((1, 9)), "wavelength": np.arange(9.0)}, "has no redshift"),
        ({"flux": np.ones((2, 9)), "wavelength": np.arange(9.0), "redshift": np.ones(1)}, "must be"),
        ({"flux": np.ones((1, 9)), "wavelength": np.ones(9), "redshift": np.ones(1)}, "must increase"),
    ],
)
def test_wrong_arrays_are_refused(arrays, words, tmp_path):
    with pytest.raises(BookError, match=words):
        read_sky_spectra(save(tmp_path / "s.npz", **arrays))


def test_wrong_files_are_refused(tmp_path):
    with pytest.raises(BookError, match="does not exist"):
        read_sky_spectra(tmp_path / "nothing.npz")
    with pytest.raises(BookError, match="does not exist"):
        read_sky_images(tmp_path / "nothing.h5")
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(BookError, match="cannot be read"):
        read_sky_spectra(tmp_path / "text.npz")
    whole = save(
        tmp_path / "whole.npz", flux=np.ones((1, 9)), wavelength=np.arange(9.0), redshift=np.ones(1)
    ).read_bytes()
    for damaged in (
        whole[:400],
        whole.replace(np.ones(9).tobytes(), np.zeros(9).tobytes()),
    ):  # cut off, and changed on the way
        (tmp_path / "damaged.npz").write_bytes(damaged)
        with pytest.raises(BookError, match="cannot be read"):
            read_sky_spectra(tmp_path / "damaged.npz")
    with pytest.raises(BookError, match="expected"):
        read_sky_images(save(tmp_path / "i.npz", images=np.zeros((2, 64, 64, 3))))


def test_real_files(realdata):
    native = read_sky_spectra(realdata / "desi_spectra.npz")
    relative = read_sky_spectra(realdata / "desi_spectra_relative.npz")
    assert (len(native), native.relative, len(relative), relative.relative) == (7, False, 50, True)
    # One object is in both: the same spectrum up to scale and level.
    both = native.flux[2], relative.flux[np.argmin(np.abs(relative.redshift - native.redshift[2]))]
    assert np.corrcoef(*both)[0, 1] > 0.9
    assert read_sky_images(realdata / "grz_images.npz", 3).shape == (3, 152, 152, 3)
