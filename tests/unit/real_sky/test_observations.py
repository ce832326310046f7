"""Readers of other people's files: what is written comes back, and what is wrong is named."""

import gzip

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import MaskedColumn

from astroclip_book.data.pairs import IMAGE_SIZE, N_WAVELENGTH, WAVELENGTH
from astroclip_book.errors import BookError
from bookmaking.second import write_coadd, write_cutout
from real_sky import (
    images_of_arrays,
    read_coadd,
    read_cutout,
    read_images,
    read_spec,
    read_spectra,
    spectra_of_arrays,
)
from real_sky.observations.files import grid_of
from real_sky.observations.grid import rebin

LOGLAM = np.log10(3806) + 1e-4 * np.arange(3830)  # as SDSS has it: 3806 to 9191 Å
IDS = np.array([39_627_000_000_000_001, 39_627_000_000_000_002, 39_627_000_000_000_003])


RNG = np.random.default_rng(0)
IVAR = RNG.uniform(0.5, 2, (3, N_WAVELENGTH)).astype(np.float32)
FLUX = (2 + np.sin(WAVELENGTH / 300) + RNG.normal(size=IVAR.shape) / np.sqrt(IVAR)).astype(np.float32)


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
    packed = coadd.with_name(f"{coadd.name}.gz")
    packed.write_bytes(gzip.compress(coadd.read_bytes()))
    assert read.redshift.tolist() == read_spectra(packed).redshift.tolist() == [0.1, 0.2, 0.3]
    assert (read.observed == 1).all()
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


@pytest.mark.parametrize(
    ("column", "value"), [("OBJTYPE", "SKY"), ("OBJTYPE", "BAD"), ("OBJTYPE", "NON"), ("OBJTYPE", ""), ("TARGETID", -7)]
)
def test_fibres_on_no_object_are_left_out_unless_asked_for(coadd, column, value):
    with fits.open(coadd, mode="update") as file:
        file["FIBERMAP"].data[column][1] = value
    assert read_spectra(coadd).name.tolist() == [str(IDS[0]), str(IDS[2])]
    assert len(read_coadd(str(coadd), [value if column == "TARGETID" else IDS[1]])) == 1


def test_masked_pixels_do_not_count_before_values_are_judged(coadd, caplog):
    spoilt = (0, slice(200, 220))
    for extension, value in (("B_FLUX", np.nan), ("R_IVAR", np.nan), ("Z_IVAR", -1)):
        change(coadd, extension, spoilt, value)
        change(coadd, f"{extension[0]}_MASK", spoilt, 1)
    assert (read_spectra(coadd).ivar[0] == 0).sum() >= 60 and not caplog.text
    change(coadd, "B_MASK", spoilt, 0)
    change(coadd, "Z_MASK", spoilt, 0)
    assert (read_spectra(coadd).ivar[0] == 0).sum() >= 60
    assert "arm B: 20 pixels do not count" in caplog.text and "arm Z: 20" in caplog.text
    assert str(IDS[0]) in caplog.text and str(IDS[1]) not in caplog.text


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


def test_several_files_and_patterns_make_one_set(coadd, tmp_path, caplog):
    assert read_spectra([coadd, write_spec(tmp_path / "spec-1-2-3.fits")]).name[3] == "spec-1-2-3"
    for number in (2, 1):
        np.savez(tmp_path / f"night{number}.npz", flux=FLUX, redshift=np.full(3, number / 10))
    assert read_spectra(tmp_path / "night*.npz").redshift[::3].tolist() == [0.1, 0.2]
    assert len(read_spectra(tmp_path / "*.fits")) == 4 and not caplog.text  # without the redrock file
    with pytest.raises(BookError, match="day.*npz does not exist"):
        read_spectra(tmp_path / "day*.npz")


@pytest.mark.parametrize("directory", ["night [2]", "[a]*"])
def test_brackets_in_the_name_of_a_directory_are_no_pattern(coadd, tmp_path, monkeypatch, directory):
    there = tmp_path / directory
    there.mkdir()
    coadd.rename(there / "coadd-[1].fits")
    monkeypatch.chdir(there)
    for given in (there / "coadd-*.fits", "coadd-*.fits", "coadd-[1].fits"):
        assert len(read_spectra(given)) == 3


def test_a_poor_file_is_named_and_left_out(coadd, tmp_path, caplog):
    (tmp_path / "page.fits").write_text("<html>")
    write_spec(tmp_path / "spec-blue.fits", loglam=LOGLAM[:2000])
    np.savez(tmp_path / "wrong.npz", flux=FLUX, redshift=np.ones(2))
    assert len(read_spectra([*tmp_path.glob("*.*"), tmp_path / "nothing.fits"])) == 3
    assert "Left out 4 of 5 files" in caplog.text and len(caplog.records) == 1
    assert all(name in caplog.text for name in ("page.fits", "spec-blue.fits", "wrong.npz", "nothing.fits"))
    for name, planes in (("good", slice(3)), ("without_z", slice(2))):
        image = some_image()
        image[..., planes.stop :] = 0
        write_cutout(tmp_path / f"cutout-{name}.fits", image)
    assert read_images(tmp_path / "cutout-*.fits").name.tolist() == ["cutout-good"]
    assert "cutout-without_z" in caplog.text


def test_a_cut_out_is_cropped_around_its_centre(tmp_path):
    image = some_image(256)
    write_cutout(tmp_path / "c.fits", image)
    np.testing.assert_array_equal(read_images(tmp_path / "c.fits").images[0], image[52:204, 52:204])
    header = fits.getheader(tmp_path / "c.fits")
    header["BANDS"] = "griz"  # as DR10 has them, in another order
    fits.PrimaryHDU(np.moveaxis(image[..., [0, 1, 0, 2]], -1, 0), header).writeto(tmp_path / "c.fits", overwrite=True)
    np.testing.assert_array_equal(read_images(tmp_path / "c.fits").images[0], image[52:204, 52:204])


def test_a_missing_edge_is_told_and_what_lacks_its_middle_is_left_out(caplog):
    images = np.repeat(some_image()[None], 5, axis=0)
    images[0, :, :40], images[1, :20] = 0, np.nan
    read = images_of_arrays(images)
    np.testing.assert_allclose(read.observed[:2], [1 - 40 / 152, 1 - 20 / 152])
    assert np.isfinite(read.images).all() and not caplog.text
    y, x = np.mgrid[:152, :152] - 75.5
    images[2, np.hypot(y, x) < 20] = np.nan  # no centre
    images[3, 44:108, 44:108, 1] = 0  # nothing where encoders look, in one band
    mask = np.zeros(images.shape[:3], bool)
    mask[4, 60:] = True
    assert images_of_arrays(images, name=list("abcde"), mask=mask).name.tolist() == ["a", "b"]
    assert "Left out 3 of 5 images" in caplog.text and "c, d, e" in caplog.text
    assert images_of_arrays(np.ma.masked_array(images, np.zeros(images.shape)))[:2].name.tolist() == ["0", "1"]
    with pytest.raises(BookError, match="c: in all of g, r, z.*0% of the central 16 × 16"):
        images_of_arrays(images[2:3], name=["c"])


def test_arrays_on_the_grid_need_nothing_else():
    flux = FLUX.copy()
    flux[1, 500:520], flux[2, :1000] = np.nan, 0  # what is constant was not seen
    read = spectra_of_arrays(flux, name=["<b>one|</b>", "$two$", "three"])
    assert read.name.tolist() == ["_b_one___b_", "_two_", "three"]  # a page must not take a name for more
    np.testing.assert_allclose(read.flux[0], flux[0], atol=1e-5)
    assert (read.ivar[1, 500:520] == 0).all() and np.isfinite(read.flux).all()
    assert np.median(read.ivar[0]) == pytest.approx(1.25, rel=0.3)
    assert read.observed[2] == pytest.approx(1 - 1000 / N_WAVELENGTH, abs=2e-3)


def test_spectra_that_show_too_little_are_left_out_of_many(caplog):
    flux, ivar = FLUX.copy(), IVAR.copy()
    ivar[1, 2000:] = 0
    assert spectra_of_arrays(flux, ivar=ivar, name=list("abc")).name.tolist() == ["a", "c"]
    flux[2] = 0
    assert spectra_of_arrays(flux, ivar=ivar, name=list("abc")).name.tolist() == ["a"]
    assert "left out 2 of 3 spectra" in caplog.text and "b, c" in caplog.text


BAD = np.random.default_rng(3).random(FLUX.shape) < 0.03


@pytest.mark.parametrize(
    "arrays",
    [
        {"valid": ~BAD}, {"valid": (~BAD).astype(np.uint8)}, {"mask": BAD}, {"mask": 4 * BAD}, {"ivar": np.where(BAD, 0, IVAR)},
        {"error": np.where(BAD, np.inf, IVAR**-0.5)}, {"flux": np.ma.masked_array(FLUX, BAD)},
        {"flux": list(np.ma.masked_array(FLUX, BAD))}, {"ivar": np.ma.masked_array(IVAR, BAD)},
        {"flux": MaskedColumn(FLUX, mask=BAD, unit="mJy")}, {"flux": np.where(BAD, np.nan, FLUX), "ivar": IVAR},
    ],
    ids=str,
)  # fmt: skip
def test_pixels_that_somebody_marked_as_bad_do_not_count(arrays):
    read = spectra_of_arrays(**({"flux": np.where(BAD, 1e5, FLUX)} | arrays))
    assert (read.ivar[BAD] == 0).all() and (read.ivar[~BAD] > 0).mean() > 0.99 and read.flux.max() < 100


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("flux", "wave", "ivar", "z", "targetid"), None), (("FLUX", "LOGLAM", "IVAR", "Z", "TARGETID"), None),
        (("flux", "lam", "weights", "redshift", "name"), "not used: weights"),
    ],
)  # fmt: skip
def test_arrays_of_a_file_go_by_several_names_and_unknown_ones_are_named(tmp_path, caplog, names, words):
    wavelength = WAVELENGTH + 300  # as many pixels as DESI has, on another grid
    grid = np.log10(wavelength) if "LOGLAM" in names else wavelength
    np.savez(tmp_path / "some.npz", **dict(zip(names, (FLUX, grid, IVAR, [0.1, 0.2, 0.3], list("abc")), strict=True)))
    read = read_spectra(tmp_path / "some.npz")
    assert (read.ivar[:, WAVELENGTH < 3899] == 0).all() and read.name.tolist() == list("abc")
    np.testing.assert_allclose(read.redshift, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(grid_of(tmp_path / "some.npz"), wavelength)
    assert words in caplog.text if words else "not used" not in caplog.text


@pytest.mark.parametrize(
    ("wavelength", "word"),
    [
        (WAVELENGTH / 10, "nm"), (WAVELENGTH / 1e4, "µm"), (WAVELENGTH / 1e10, "taken for m"), (np.log10(WAVELENGTH), "log10"),
        (np.log(WAVELENGTH), "ln"), (WAVELENGTH / 10 * u.nm, None), (WAVELENGTH / 1e4 * u.um, None),
    ],
)  # fmt: skip
def test_wavelengths_in_other_units_are_recognised(wavelength, word, caplog):
    np.testing.assert_allclose(spectra_of_arrays(FLUX, wavelength, IVAR).flux, FLUX, rtol=1e-3, atol=1e-3)
    assert word in caplog.text if word else not caplog.text


def test_units_of_flux_are_converted():
    unit = u.Unit("1e-17 erg / (s cm2 AA)")
    read = spectra_of_arrays(FLUX * unit, ivar=IVAR * unit**-2)
    np.testing.assert_allclose(read.flux, FLUX * 1e-17, rtol=1e-4, atol=1e-20)
    of_frequency = (FLUX * unit).to(u.mJy, u.spectral_density(WAVELENGTH * u.AA))
    np.testing.assert_allclose(spectra_of_arrays(of_frequency).flux, read.flux, rtol=1e-4, atol=1e-20)
    tiny = spectra_of_arrays(FLUX * 1e-20, ivar=IVAR.astype(float) * 1e40)
    assert np.isfinite(read.ivar).all() and np.isfinite(tiny.ivar).all()


@pytest.mark.parametrize("kind", ["z-scored", "less its median", "on another grid", "with gaps"])
def test_spectra_without_their_level_are_read_with_a_warning(kind, caplog):
    flux, arrays = FLUX + WAVELENGTH / 3000, {}
    if kind == "on another grid":
        arrays["wavelength"] = np.geomspace(3600, 9824, 7081)
        flux = np.array([np.interp(arrays["wavelength"], WAVELENGTH, one) for one in flux])
    if kind == "with gaps":
        arrays["valid"] = BAD < 0.5
    assert len(spectra_of_arrays(flux, **arrays)) == 3 and not caplog.text
    level = np.median(flux, axis=1, keepdims=True) if "median" in kind else flux.mean(axis=1, keepdims=True)
    assert len(spectra_of_arrays((flux - level) / flux.std(), **arrays)) == 3
    assert "3 of 3 came without their level" in caplog.text
    caplog.clear()
    noise = np.random.default_rng(4).normal(size=FLUX.shape)  # has no level either, but nothing was subtracted
    assert len(spectra_of_arrays(noise)) == 3 and not caplog.text


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"ivar": -np.ones((3, N_WAVELENGTH))}, "at most 0%"),
        ({"ivar": np.ones((3, N_WAVELENGTH)), "flux": np.full((3, N_WAVELENGTH), np.nan)}, "at most 0%"),
        ({"ivar": np.ones((2, N_WAVELENGTH))}, "must have the shape of flux"),
        ({"valid": np.ones((2, N_WAVELENGTH))}, "valid.*must have the shape of flux"),
        ({"flux": np.ones(N_WAVELENGTH)}, r"flux \(7781,\) must be \(n, p\).*flux\[None\]"),
        ({"flux": np.ones((3, 50))}, "must be.*wavelength.*DESI's grid where none is given"),
        ({"flux": np.ones((2, 0)), "wavelength": np.ones(0)}, "must be"),
        ({"flux": [["a"]]}, "flux must be an array of numbers"),
        ({"wavelength": WAVELENGTH[::-1]}, "must increase"),
        ({"wavelength": 4 * WAVELENGTH}, "another unit than Å, or none lies between 3000 and 11000"),
        ({"wavelength": WAVELENGTH * u.s}, "wavelength cannot be used in its unit"),
        ({"wavelength": np.ma.masked_less(WAVELENGTH, 3700)}, "wavelength has 125 masked values"),
        ({"flux": FLUX * u.adu}, "flux cannot be used in its unit.*adu"),
        ({"flux": FLUX * u.ABmag}, "flux cannot be used in its unit.*mag"),
        ({"flux": MaskedColumn(FLUX, unit=u.Unit("flurbs", parse_strict="silent"))}, "flux cannot be used in its unit"),
        ({"ivar": IVAR * u.Jy**-2}, "ivar cannot be used in its unit"),
        ({"wavelength": WAVELENGTH + 3000}, "52% of the pixels from 3600 to 9824 Å.*between 6600 and 9824 Å"),
        ({"redshift": np.ones(2)}, "redshift has shape"),
        ({"redshift": ["n/a", "1", "2"]}, "redshift must be an array of numbers"),
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
        (np.ones((2, 152, 152, 3), np.uint8), {}, "and bytes, as a picture: expected"),
        (np.ones((2, 152, 152, 3)) * u.Jy, {}, "images cannot be used in its unit"),
        (np.ones((2, 152, 152, 3)), {"mask": np.zeros((2, 9, 9))}, "mask.*must have the shape"),
    ],
)
def test_images_that_make_no_sense_are_refused(images, more, words):
    with pytest.raises(BookError, match=words):
        images_of_arrays(images, **more)


OTHERS = {
    "cutout.jpg": (b"\xff\xd8\xff\xe0", "JPEG.*no nanomaggies.*fits-cutout"), "cutout.png": (b"\x89PNG", "PNG.*fits-cutout"),
    "flux.npy": (b"\x93NUMPY", "numpy.savez"), "table.csv": (b"Wavelength,Flux\n3600,1", "is text.*numpy.savez"),
    "pairs.h5": (b"\x89HDF\r\n", "HDF5"), "page.fits": (b"<!DOCTYPE html>", "web page"), "page.npz": (b" <html>", "web page"),
    "some.pkl": (b"\x80\x04", "not opened"), "empty.fits": (b"", "is empty"), "raw.dat": (b"\x00\x01", "neither FITS nor .npz"),
    "cut.fits.gz": (gzip.compress(b"SIMPLE  =" * 999)[:40], "cannot be read as FITS"),
}  # fmt: skip


@pytest.mark.parametrize("read", [read_spectra, read_images, read_coadd, read_spec, read_cutout])
def test_files_of_other_kinds_are_named_as_what_they_are(read, tmp_path):
    for name, (content, words) in OTHERS.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BookError, match=words):
            read(str(tmp_path / name))
    for name, words in {"": "is a directory.*pattern", "nothing.fits": "does not exist"}.items():
        with pytest.raises(BookError, match=words):
            read(str(tmp_path / name))


@pytest.mark.parametrize("read", [read_spectra, read_images])
def test_files_that_are_not_whole_or_lack_arrays_are_refused(read, coadd, tmp_path, monkeypatch):
    np.savez(tmp_path / "cut.npz", flux=np.ones(3), images=np.ones(3))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:-50])
    np.savez(tmp_path / "other.npz", something=np.ones(3), more=np.ones(3))
    objects = np.array([print, print], dtype=object)
    np.savez(tmp_path / "objects.npz", flux=objects, images=objects)  # cannot run code
    coadd.write_bytes(coadd.read_bytes()[:100_000])
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, words in {
        "cut.npz": "damaged", "other.npz": "has no array.*it has something, more", "objects.npz": "not opened",
        coadd.name: coadd.name,
    }.items():  # fmt: skip
        with pytest.raises(BookError, match=words) as raised:
            read(f"~/{name}")
        assert "pickle" not in str(raised.value)
    for nothing, words in (([], "No file"), (FLUX, "arrays are for"), (None, "arrays are for")):
        with pytest.raises(BookError, match=words):
            read(nothing)


def test_capitals_in_the_name_of_a_file_do_not_matter(tmp_path):
    for name, read, arrays in (
        ("A.NPZ", read_spectra, {"flux": FLUX}),
        ("B.NPZ", read_images, {"images": [some_image()]}),
    ):
        with open(tmp_path / name, "wb") as file:
            np.savez(file, **arrays)
        assert len(read(tmp_path / name)) > 0


def test_fits_files_of_another_kind_are_refused(coadd, tmp_path, caplog):
    write_cutout(tmp_path / "image.fits", some_image())
    with pytest.raises(BookError, match="neither a DESI coadd.*nor an SDSS spectrum.*it has PRIMARY"):
        read_spectra(tmp_path / "image.fits")
    with pytest.raises(BookError, match="no image with three axes"):
        read_images(write_spec(tmp_path / "spec.fits"))
    with pytest.raises(BookError, match="neither"):
        read_spectra(write_spec(tmp_path / "spec.fits", columns=("flux", "loglam")))
    write_spec(coadd.with_name("redrock-test-0.fits"))
    assert np.isnan(read_spectra(coadd).redshift).all() and "is read without redshifts" in caplog.text
    with fits.open(coadd, mode="update") as file:
        file["R_MASK"].data = np.zeros((2, 2326), np.int32)
    with pytest.raises(BookError, match="arm R: tables and images.*FIBERMAP 3, FLUX 3, IVAR 3, MASK 2"):
        read_spectra(coadd)
    with fits.open(coadd, mode="update") as file:
        del file["R_IVAR"]
    with pytest.raises(BookError, match="is no DESI coadd.*expected are FIBERMAP"):
        read_spectra(coadd)


def test_a_coadd_without_an_arm_or_the_target_is_refused(coadd):
    with pytest.raises(BookError, match="has no TARGETID"):
        read_coadd(coadd, [7])
    with fits.open(coadd, mode="update") as file:
        for what in ("WAVELENGTH", "FLUX", "IVAR", "MASK"):
            del file[f"B_{what}"]
    with pytest.raises(BookError, match="65% of the pixels.*between 5760 and 9824 Å"):
        read_spectra(coadd)


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
