"""Pairs in Parquet files and in tables of the Multimodal Universe, brought into the layout of the release."""

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arrow import assert_same_pairs, framed, images, nested, read_all, release, spectra, write_release
from small import Killed, killing, write_pairs

from astroclip_book.data.pairs import WAVELENGTH, index_pairs
from astroclip_book.errors import BookError
from real_sky import parquet, universe
from real_sky.parquet import convert_parquet
from real_sky.universe import chosen, convert_universe

SIZES = {"train-00000-of-00002": 24, "train-00001-of-00002": 24, "test-00000-of-00001": 12}  # 80 to 20


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> dict[str, np.ndarray]:
    return read_all(write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.h5", per_group=6))


@pytest.fixture(scope="module")
def files(pairs, tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("release"), pairs, SIZES)


def test_parquet_keeps_every_number_and_the_test_set(files, pairs, tmp_path):
    output = convert_parquet([files], tmp_path / "pairs.h5")
    assert_same_pairs(output, pairs)
    index, dropped = index_pairs(output, 0.2, 0)
    assert set(index.targetid[index.where("test")]) >= set(pairs["targetids"][48:])
    assert set(index.targetid[index.where("train", "validation")]) <= set(pairs["targetids"][:48])
    assert not any(dropped.values()) and [path.name for path in tmp_path.iterdir()] == ["pairs.h5"]


def test_a_split_of_70_15_15_keeps_its_test_pairs_in_the_test_set(pairs, tmp_path, caplog):
    sizes = {"train-00000-of-00001": 40, "val-00000-of-00001": 11, "test-00000-of-00001": 9}
    output = convert_parquet([write_release(tmp_path / "data", pairs, sizes)], tmp_path / "pairs.h5")
    index, _ = index_pairs(output, 0.2, 0)
    tested = set(index.targetid[index.where("test")])
    assert set(pairs["targetids"][51:]) < tested and not tested & set(pairs["targetids"][:40])
    assert "{'train': 40, 'val': 11, 'test': 9}" in caplog.text


def test_a_directory_may_name_the_split(pairs, tmp_path):
    sources = [tmp_path / "partial-test", tmp_path / "partial-train"]
    for source, part in zip(sources, (slice(0, 12), slice(12, 60)), strict=True):
        write_release(source, {key: values[part] for key, values in pairs.items()}, {"0000": 60})
    index, _ = index_pairs(convert_parquet(sources, tmp_path / "pairs.h5"), 0.2, 0)
    assert set(index.targetid[index.where("test")]) >= set(pairs["targetids"][:12])


@pytest.fixture
def killed(files, tmp_path, monkeypatch):
    """A conversion that was killed after both training files."""
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(parquet, "write_json", killing(parquet.write_json, 2))
        convert_parquet([files], tmp_path / "pairs.h5")
    assert not (tmp_path / "pairs.h5").exists()
    return tmp_path / "pairs.h5"


def test_a_killed_conversion_goes_on(killed, files, pairs, monkeypatch):
    read, pairs_of = [], parquet._pairs
    monkeypatch.setattr(parquet, "_pairs", lambda batch, where: read.append(len(batch)) or pairs_of(batch, where))
    assert_same_pairs(convert_parquet([files], killed), pairs)
    assert sum(read) == 12  # the test pairs


def test_what_was_written_of_another_source_is_not_kept(killed, pairs, tmp_path):
    changed = pairs | {"redshifts": pairs["redshifts"] + 1}
    assert_same_pairs(convert_parquet([write_release(tmp_path / "data", changed, SIZES)], killed), changed)


def test_a_file_that_is_there_is_left_alone(files, tmp_path):
    (tmp_path / "pairs.h5").write_text("mine")
    with pytest.raises(BookError, match="exists already"):
        convert_parquet([files], tmp_path / "pairs.h5")
    assert (tmp_path / "pairs.h5").read_text() == "mine"


def ragged(pairs):
    rows = nested(pairs["spectra"]).to_pylist()
    return pa.array([rows[0][:-1], *rows[1:]], pa.list_(pa.float32()))


@pytest.mark.parametrize(("column", "values", "message"), [
    ("redshift", None, "no column redshift; it has image, spectrum"),
    ("image", lambda p: nested(np.moveaxis(p["images"], -1, 1)), r"image has shape \(3, 152, 152\), expected is \(152, 152, 3\)"),
    ("spectrum", lambda p: nested(p["spectra"][:, :100]), r"spectrum has shape \(100,\)"),
    ("spectrum", ragged, "lists have different lengths"),
    ("redshift", lambda p: pa.array(["far"] * 6), "column redshift: holds string"),
    ("targetid", lambda p: pa.array([None] * 6, pa.int64()), "6 values are missing"),
])  # fmt: skip
def test_tables_of_another_kind_are_refused(pairs, tmp_path, column, values, message, monkeypatch):
    monkeypatch.setattr(parquet, "SMALLEST", 1)
    few = {name: values[:6] for name, values in pairs.items()}
    table = release(few).drop_columns([column])
    table = table.append_column(column, values(few)) if values else table
    pq.write_table(table, tmp_path / "train.parquet")
    with pytest.raises(BookError, match=message):
        convert_parquet([tmp_path / "train.parquet"], tmp_path / "pairs.h5")
    assert not (tmp_path / "pairs.h5").exists()


def test_files_that_are_not_there_or_not_whole_are_named(files, tmp_path):
    with pytest.raises(BookError, match=r"No \*.parquet lies in"):
        convert_parquet([tmp_path], tmp_path / "pairs.h5")
    whole = (files / "test-00000-of-00001.parquet").read_bytes()
    (tmp_path / "test.parquet").write_bytes(whole[:-100])
    with pytest.raises(BookError, match="test.parquet cannot be read as Parquet"):
        convert_parquet([tmp_path], tmp_path / "pairs.h5")
    with pytest.raises(BookError, match="12 pairs are too few"):
        convert_parquet([files / "test-00000-of-00001.parquet"], tmp_path / "pairs.h5")


def matched(pairs, n: int = 4, **columns) -> pd.DataFrame:
    """Matched rows of the Multimodal Universe, as LSDB returns them."""
    rows = {
        "image_image": images(framed(pairs["images"][:n])),
        "spectrum_spectrum": spectra(pairs["spectra"][:n]),
        "Z_spectrum": pa.array(pairs["redshifts"][:n]),
        "object_id_spectrum": pa.array([f"b'{one}'" for one in pairs["targetids"][:n]]),
        **columns,
    }
    return pd.DataFrame({name: pd.Series(column, dtype=pd.ArrowDtype(column.type)) for name, column in rows.items()})


def as_lists(struct: pa.Array) -> pa.Array:
    """Structs of lists as lists of structs, as nested-pandas has them."""
    lists = struct.flatten()
    values = pa.StructArray.from_arrays([one.flatten() for one in lists], [field.name for field in struct.type])
    return pa.ListArray.from_arrays(lists[0].offsets, values)


@pytest.mark.parametrize("nesting", [lambda column: column, as_lists])
def test_matched_rows_become_the_pairs_they_are(pairs, nesting):
    zrg = np.ascontiguousarray(framed(pairs["images"][:4])[:, ::-1])  # bands go by their names
    image = images(zrg, ("des-z", "des-i", "des-r", "des-g"))
    columns = {"image_image": nesting(image), "spectrum_spectrum": nesting(spectra(pairs["spectra"][:4]))}
    found = universe.pairs_of(matched(pairs, **columns), "here")
    for name in pairs:
        np.testing.assert_array_equal(found[name], pairs[name][:4])
    assert (found["ivar"] == 1).all()


def test_what_was_not_seen_is_filled_and_has_no_weight(pairs):
    flux = pairs["spectra"][:3].copy()
    mask, ivar = np.zeros(flux.shape, bool), np.full_like(flux, 11)
    mask[0, 500:520], flux[0, 510], flux[1, 30] = True, 1e6, np.nan
    ivar[2, 1000:] = 0  # most of it
    found = universe.pairs_of(matched(pairs, 3, spectrum_spectrum=spectra(flux, ivar, mask=mask)), "here")
    filled, weight = found["spectra"], found["ivar"]
    assert np.isfinite(filled).all() and abs(filled[0, 510]) < 10 and (filled[2] == 0).all()
    assert (weight[0, 500:520] == 0).all() and weight[1, 30] == 0
    np.testing.assert_array_equal(filled[0][~mask[0]], flux[0][~mask[0]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (lambda p: {"image_image": images(framed(p["images"])[:, :3], ("DES-G", "DES-R", "DES-I"))}, "of g, r and z; there are DES-G, DES-R"),
        (lambda p: {"image_image": images(framed(p["images"])[..., 10:, :])}, "150 × 160 pixels, 152 × 152 are needed"),
        (lambda p: {"image_image": images(framed(p["images"]), scale=0.168)}, "pixels of 0.168 arcsec, 0.262 are needed"),
        (lambda p: {"spectrum_spectrum": spectra(p["spectra"][:, 200:], wavelength=WAVELENGTH[200:])}, "lambda is not 3600"),
        (lambda p: {"spectrum_spectrum": spectra(p["spectra"], wavelength=WAVELENGTH[::-1])}, "lambda is not 3600"),
        (lambda p: {"object_id_spectrum": pa.array(["0421p022-7410"] * 2)}, "no TARGETIDs of DESI.*'0421p022-7410'"),
    ],
)  # fmt: skip
def test_catalogues_of_another_kind_are_refused(pairs, columns, message):
    few = {name: values[:2] for name, values in pairs.items()}
    with pytest.raises(BookError, match=message):
        universe.pairs_of(matched(few, 2, **columns(few)), "here")


def matches(targetid, distance, warning) -> list[pd.DataFrame]:
    columns = {"object_id_spectrum": np.array(targetid, int), "_dist_arcsec": distance, "ZWARN_spectrum": warning}
    return [pd.DataFrame(columns)[:2], pd.DataFrame(columns)[2:]]


def test_each_object_is_paired_with_its_nearest_image_where_its_redshift_is_good():
    taken = chosen(matches([7, 5, 7, 3, 5], [0.3, 0.2, 0.1, 0.0, 0.2], [0, 0, 0, 4, 0]), "here", 1.0)
    assert [one.tolist() for one in taken] == [[1], [0]]


def test_matches_that_cannot_be_are_refused():
    with pytest.raises(BookError, match="no image lies within 1.0 arcsec"):
        chosen(matches([], [], []), "here", 1.0)
    with pytest.raises(BookError, match="inverted"):
        chosen(matches([1, 2, 3], [0, 0, 0], [1, 1, 0]), "here", 1.0)


def test_without_lsdb_the_way_to_install_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lsdb", None)
    with pytest.raises(BookError, match=r"pip install .*universe"):
        convert_universe("images", "spectra", tmp_path / "pairs.h5")
