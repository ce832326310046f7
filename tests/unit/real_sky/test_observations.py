"""Readers of other people's files: what is written comes back, and what is wrong is named."""

import numpy as np
import pytest
from astropy.io import fits

from astroclip_book.data.pairs import IMAGE_SIZE, N_WAVELENGTH, WAVELENGTH
from astroclip_book.errors import BookError
from bookmaking.second import write_coadd, write_cutout
from real_sky import read_images, read_spectra
from real_sky.observations.arrays import images_of_arrays, spectra_of_arrays
from real_sky.observations.desi import read_coadd
from real_sky.observations.grid import rebin

LOGLAM = np.log10(3806) + 1e-4 * np.arange(3830)  # as SDSS has it: 3806 to 9191 Å
IDS = np.array([39_627_000_000_000_001, 39_627_000_000_000_002, 39_627_000_000_000_003])


def some_spectra(n=3):
    rng = np.random.default_rng(0)
    ivar = rng.uniform(0.5, 2, (n, N_WAVELENGTH)).astype(np.float32)
    return (2 + np.sin(WAVELENGTH / 300) + rng.normal(size=(n, N_WAVELENGTH)) / np.sqrt(ivar)).astype(np.float32), ivar


FLUX, IVAR = some_spectra()


@pytest.fixture
def coadd(tmp_path):
    path = tmp_path / "coadd-test-0.fits"
    write_coadd(path, FLUX, IVAR, IDS, np.array([0.1, 0.2, 0.3]))
    return path


def write_spec(path, columns=("flux", "loglam", "ivar"), redshift=0.07, loglam=LOGLAM, **values):
    rng = np.random.default_rng(1)
    arrays = {"flux": 3 + rng.normal(size=loglam.size), "loglam": loglam, "ivar": np.ones(loglam.size)} | values
    columns = [fits.Column(name, "E", array=arrays[name]) for name in columns]
    found = fits.BinTableHDU.from_columns([fits.Column("Z", "E", array=[redshift])], name="SPECOBJ")
    table = fits.BinTableHDU.from_columns(columns, name="COADD")
    fits.HDUList([fits.PrimaryHDU(), table, found]).writeto(path, overwrite=True)
    return path


def some_image(size=IMAGE_SIZE):
    return np.random.default_rng(2).normal(0.1, 0.01, (size, size, 3)).astype(np.float32)


def change(path, extension, rows, values):
    with fits.open(path, mode="update") as file:
        file[extension].data[rows] = values


def test_a_coadd_comes_back_as_it_was_written(coadd):
    read = read_spectra(coadd)
    np.testing.assert_allclose(read.flux, FLUX, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(read.ivar, IVAR, rtol=1e-5)
    assert read.name.tolist() == [str(one) for one in IDS]
    assert read.redshift.tolist() == [0.1, 0.2, 0.3] and (read.observed == 1).all()
    np.testing.assert_array_equal(read_coadd(coadd, [IDS[2]]).flux[0], read.flux[2])
    coadd.with_name("redrock-test-0.fits").unlink()
    assert np.isnan(read_spectra(coadd).redshift).all()


def test_arms_are_weighted_where_they_overlap_and_masks_count(coadd):
    with fits.open(coadd, mode="update") as file:
        for name in ("R_FLUX", "R_IVAR"):
            file[name].data = 3 * file[name].data
    change(coadd, "B_MASK", (0, slice(100, 120)), 4)
    read, both = read_spectra(coadd), (WAVELENGTH > 5761) & (WAVELENGTH < 5799)
    np.testing.assert_allclose(read.flux[:, both], FLUX[:, both] * 2.5, rtol=1e-4)  # (1 × 1 + 3 × 3) / (1 + 3)
    assert (read.ivar[0, 100:120] == 0).all() and (read.ivar[1, 100:120] > 0).all()
    # The bridge has the noise of its surroundings.
    assert np.isfinite(read.flux).all() and 0.4 < read.flux[0, 100:120].std() < 2


def test_sky_fibres_are_left_out_unless_asked_for(coadd):
    with fits.open(coadd, mode="update") as file:
        file["FIBERMAP"].data["OBJTYPE"][1] = "SKY"
    assert read_spectra(coadd).name.tolist() == [str(IDS[0]), str(IDS[2])]
    assert len(read_coadd(coadd, [IDS[1]])) == 1


def test_rebinning_conserves_light_and_information():
    wavelength = 10**LOGLAM
    flux, ivar = 2 + np.sin(wavelength / 200), np.full(wavelength.size, 4.0)
    result, information = rebin(flux, ivar, wavelength)
    inside, old = (WAVELENGTH > 3900) & (WAVELENGTH < 9100), (wavelength > 3900) & (wavelength < 9100)
    light = np.sum(flux[old] * np.gradient(wavelength)[old])
    assert result[inside].sum() * 0.8 == pytest.approx(light, rel=2e-3)
    assert information[inside].sum() == pytest.approx(ivar[old].sum(), rel=1e-3)
    assert (information[WAVELENGTH < 3804] == 0).all() and (result[WAVELENGTH < 3804] == 0).all()


def test_a_resampled_spectrum_scatters_as_its_pixels_should():
    """White noise on a wide grid is white on the narrow one, with the larger variance of narrow pixels."""
    wavelength = np.arange(3600, 9830, 2.0)
    ivar, rng = np.full(wavelength.size, 1.0), np.random.default_rng(3)
    noise = np.array([rebin(rng.normal(size=wavelength.size), ivar, wavelength)[0] for _ in range(40)])[:, 20:-20]
    assert noise.var() == pytest.approx(2 / 0.8, rel=0.05)
    assert abs(np.mean(noise[:, 1:] * noise[:, :-1])) < 0.1 * noise.var()


def test_an_identical_grid_changes_nothing_and_reading_is_repeatable():
    np.testing.assert_allclose(rebin(FLUX[0], IVAR[0], WAVELENGTH)[0], FLUX[0], atol=1e-5)
    wide = np.arange(3600, 9830, 2.0)
    first, again = (rebin(np.sin(wide), np.ones(wide.size), wide)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_sdss_spectra_are_read_and_their_blue_end_is_filled(tmp_path):
    read, blue = read_spectra(write_spec(tmp_path / "spec-0266-51602-0001.fits")), WAVELENGTH < 3804
    assert read.name == ["spec-0266-51602-0001"] and read.redshift[0] == pytest.approx(0.07)
    assert 0.86 < read.observed[0] < 0.87 and (read.ivar[0, blue] == 0).all()
    assert read.flux[0, blue].mean() == pytest.approx(3, abs=0.5) and read.flux[0, blue].std() > 0.5


def test_several_files_and_patterns_make_one_set(coadd, tmp_path):
    assert read_spectra([coadd, write_spec(tmp_path / "spec-1-2-3.fits")]).name[3] == "spec-1-2-3"
    for number in (2, 1):
        np.savez(tmp_path / f"night{number}.npz", flux=FLUX, redshift=np.full(3, number / 10))
    assert read_spectra(tmp_path / "night*.npz").redshift[::3].tolist() == [0.1, 0.2]
    with pytest.raises(BookError, match="day.*npz does not exist"):
        read_spectra(tmp_path / "day*.npz")


def test_a_cut_out_is_cropped_around_its_centre(tmp_path):
    image = some_image(256)
    write_cutout(tmp_path / "c.fits", image)
    np.testing.assert_array_equal(read_images(tmp_path / "c.fits").images[0], image[52:204, 52:204])
    header = fits.getheader(tmp_path / "c.fits")
    header["BANDS"] = "griz"  # as DR10 has them, in another order
    fits.PrimaryHDU(np.moveaxis(image[..., [0, 1, 0, 2]], -1, 0), header).writeto(tmp_path / "c.fits", overwrite=True)
    np.testing.assert_array_equal(read_images(tmp_path / "c.fits").images[0], image[52:204, 52:204])


def test_a_missing_edge_is_told_and_most_of_an_image_missing_is_refused():
    images = np.stack([some_image(), some_image()])
    images[0, :, :40], images[1, :20] = 0, np.nan
    read = images_of_arrays(images)
    np.testing.assert_allclose(read.observed, [1 - 40 / 152, 1 - 20 / 152])
    assert np.isfinite(read.images).all()
    images[1, :100] = 0
    with pytest.raises(BookError, match="34% of its pixels"):
        images_of_arrays(images)


def test_arrays_on_the_grid_need_nothing_else(tmp_path):
    flux = FLUX.copy()
    flux[1, 500:520], flux[2, :1000] = np.nan, 0  # what is constant was not seen
    read = spectra_of_arrays(flux, name=["<b>one|</b>", "$two$", "three"])
    assert read.name.tolist() == ["_b_one___b_", "_two_", "three"]  # a page must not take a name for more
    np.testing.assert_allclose(read.flux[0], flux[0], atol=1e-5)
    assert (read.ivar[1, 500:520] == 0).all() and np.isfinite(read.flux).all()
    assert np.median(read.ivar[0]) == pytest.approx(1.25, rel=0.3)
    assert read.observed[2] == pytest.approx(1 - 1000 / N_WAVELENGTH, abs=2e-3)
    flux, valid = FLUX.copy(), np.ones(FLUX.shape, bool)
    flux[:, 100:200], valid[:, 100:200] = 1e6, False
    np.savez(tmp_path / "flagged.npz", flux=flux, valid=valid)
    flagged = read_spectra(tmp_path / "flagged.npz")
    assert (flagged.ivar[:, 100:200] == 0).all() and flagged.flux.max() < 100


def test_spectra_that_show_too_little_are_left_out_of_many():
    ivar = IVAR.copy()
    ivar[1, 2000:] = 0
    assert spectra_of_arrays(FLUX, ivar=ivar, name=list("abc")).name.tolist() == ["a", "c"]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"ivar": -np.ones((3, N_WAVELENGTH))}, "negative or not finite.*set pixels that are not to count to 0"),
        ({"ivar": np.full((3, N_WAVELENGTH), np.nan)}, "negative or not finite"),
        ({"ivar": np.ones((3, N_WAVELENGTH)), "flux": np.full((3, N_WAVELENGTH), np.nan)}, "fluxes are not finite"),
        ({"ivar": np.ones((2, N_WAVELENGTH))}, "must be"),
        ({"valid": np.ones((2, N_WAVELENGTH))}, "must have the shape of flux"),
        ({"flux": np.ones(N_WAVELENGTH)}, "must be"),
        ({"flux": np.ones((3, 50))}, "must be"),
        ({"flux": np.ones((2, 0)), "wavelength": np.ones(0)}, "must be"),
        ({"wavelength": WAVELENGTH[::-1]}, "must increase"),
        ({"wavelength": WAVELENGTH / 10}, "at no wavelength"),  # nanometres
        ({"wavelength": WAVELENGTH + 3000}, "52% of the pixels from 3600 to 9824 Å.*between 6600 and 9824 Å"),
        ({"redshift": np.ones(2)}, "redshift has shape"),
        ({"name": ["one of them"]}, "name has shape"),
    ],
)
def test_spectra_that_make_no_sense_are_refused(arrays, words):
    with pytest.raises(BookError, match=f"mine.npz.*{words}"):
        spectra_of_arrays(**({"flux": FLUX} | arrays), where="mine.npz")


@pytest.mark.parametrize(
    ("images", "more", "words"),
    [
        (np.ones((152, 152, 3)), {}, "expected"),
        (np.ones((2, 3, 152, 152)), {}, "expected"),
        (np.ones((1, 96, 152, 3)), {}, "96 × 152 pixels.*size=152"),
        (np.ones((1, 152, 152, 3)), {"pixel_scale": 0.396}, "0.396 arcsec"),
        (np.ones((2, 152, 152, 3)), {"name": ["one of them"]}, "name has shape"),
    ],
)
def test_images_that_make_no_sense_are_refused(images, more, words):
    with pytest.raises(BookError, match=words):
        images_of_arrays(images, **more)


@pytest.mark.parametrize("read", [read_spectra, read_images])
def test_files_that_are_no_fits_or_not_whole_are_refused(read, coadd, tmp_path):
    for name in ("page.fits", "page.npz"):
        (tmp_path / name).write_text("<!DOCTYPE html><title>404</title>" + "x" * 3000)
    np.savez(tmp_path / "cut.npz", flux=np.ones(3), images=np.ones(3))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:-50])
    np.savez(tmp_path / "other.npz", something=np.ones(3))
    objects = np.array([print, print], dtype=object)
    np.savez(tmp_path / "objects.npz", flux=objects, images=objects)  # cannot run code
    coadd.write_bytes(coadd.read_bytes()[:100_000])
    for name, words in {
        "nothing.fits": "does not exist", "page.fits": "page.fits cannot be read as FITS.*web page", "page.npz": "as .npz",
        "cut.npz": "cannot be read", "other.npz": "has no array", "objects.npz": "cannot be read", coadd.name: coadd.name,
    }.items():  # fmt: skip
        with pytest.raises(BookError, match=words):
            read(tmp_path / name)
    with pytest.raises(BookError, match="No file"):
        read([])


def test_fits_files_of_another_kind_are_refused(coadd, tmp_path):
    write_cutout(tmp_path / "image.fits", some_image())
    with pytest.raises(BookError, match="neither a DESI coadd.*nor an SDSS spectrum.*it has PRIMARY"):
        read_spectra(tmp_path / "image.fits")
    with pytest.raises(BookError, match="no image with three axes"):
        read_images(write_spec(tmp_path / "spec.fits"))
    with pytest.raises(BookError, match="neither"):
        read_spectra(write_spec(tmp_path / "spec.fits", columns=("flux", "loglam")))
    write_spec(coadd.with_name("redrock-test-0.fits"))
    with pytest.raises(BookError, match="has no extension REDSHIFTS"):
        read_spectra(coadd)
    with fits.open(coadd, mode="update") as file:
        del file["R_IVAR"]
    with pytest.raises(BookError, match="is no DESI coadd.*expected are FIBERMAP"):
        read_spectra(coadd)


def test_a_coadd_with_wrong_numbers_or_without_an_arm_is_refused(coadd):
    with pytest.raises(BookError, match="has no TARGETID"):
        read_coadd(coadd, [7])
    change(coadd, "Z_IVAR", (1, 5), -1)
    with pytest.raises(BookError, match="arm Z: 1 inverse variances are negative"):
        read_spectra(coadd)
    with fits.open(coadd, mode="update") as file:
        for what in ("WAVELENGTH", "FLUX", "IVAR", "MASK"):
            del file[f"B_{what}"]
        file["Z_IVAR"].data[1, 5] = 1
    with pytest.raises(BookError, match="65% of the pixels.*between 5760 and 9824 Å"):
        read_spectra(coadd)


def test_sdss_spectra_with_wrong_numbers_are_refused(tmp_path):
    for words, values in {
        "negative": {"ivar": np.full(LOGLAM.size, -1.0)}, "not finite": {"flux": np.full(LOGLAM.size, np.nan)},
        "between 3806": {"loglam": LOGLAM[:2000]},
    }.items():  # fmt: skip
        with pytest.raises(BookError, match=words):
            read_spectra(write_spec(tmp_path / "spec.fits", **values))


def test_cut_outs_of_another_scale_size_or_bands_are_refused(tmp_path):
    path = tmp_path / "c.fits"
    for words, image, scale in (
        (r"0.5 × 0.5 arcsec, 0.262 are needed.*pixscale=0.262", some_image(), 0.5),
        ("64 × 64 pixels", some_image(64), 0.262), ("2 planes", some_image()[..., :2], 0.262),
    ):  # fmt: skip
        write_cutout(path, image, pixel_scale=scale)
        with pytest.raises(BookError, match=words):
            read_images(path)
    fits.PrimaryHDU(np.moveaxis(some_image(), -1, 0)).writeto(path, overwrite=True)
    with pytest.raises(BookError, match="does not say how large"):
        read_images(path)


def test_real_files(realdata):
    native = np.load(realdata / "desi_spectra.npz")
    read = read_spectra(realdata / "fits" / "coadd-special-dark-27247.fits")
    row = np.argmin(np.abs(native["redshift"] - read.redshift[0]))  # the same object, joined by others
    np.testing.assert_allclose(read.flux[0], native["flux"][row], atol=1e-5)
    np.testing.assert_allclose(read.ivar[0], native["ivar"][row], rtol=1e-5)
    sdss = read_spectra(realdata / "fits" / "spec-0266-51602-0001.fits")
    assert sdss.redshift[0] == pytest.approx(0.02128, abs=1e-4) and 0.86 < sdss.observed[0] < 0.87
    assert len(read_spectra(realdata / "desi_spectra.npz")) == 7
    assert len(read_spectra(realdata / "desi_spectra_relative.npz")) == 50
    cut_out, arrays = (read_images(realdata / name) for name in ("fits/legacysurvey_cutout_grz.fits", "grz_images.npz"))
    np.testing.assert_array_equal(cut_out.images[0], arrays.images[0])
    np.testing.assert_allclose(arrays.observed, [1, 1, 1, 1, 0.625], atol=0.001)
