"""The reader of the release layout."""

import h5py
import numpy as np
import pytest
from small import write_pairs

from astroclip_book.data.files import write_hdf5
from astroclip_book.data.pairs import SPLITS, Index, Pairs, index_pairs, open_rows
from astroclip_book.errors import BookError


@pytest.fixture
def path(tmp_path):
    return write_pairs(tmp_path / "pairs.h5")


def test_test_set_is_the_last_fifth_of_each_group_and_splits_are_disjoint(path):
    index, dropped = index_pairs(path, 0.25, seed=0)
    assert len(index) == 100
    assert not any(dropped.values())
    assert [len(index.where(split)) for split in SPLITS] == [60, 20, 20]
    assert set(index.row[index.where("test")]) == {8, 9}
    assert len(np.unique(index.targetid)) == 100


def test_unusable_rows_are_dropped_with_their_reason_and_leave_other_splits_alone(path, caplog):
    whole, _ = index_pairs(path, 0.25, seed=0)
    open_rows(path, "3", "spectra")[0] = 0
    open_rows(path, "3", "spectra")[1, 77] = np.nan
    open_rows(path, "4", "images")[2, 5, 5, 0] = np.inf
    open_rows(path, "4", "images")[3] = 0
    open_rows(path, "5", "redshifts")[4] = np.nan
    open_rows(path, "6", "redshifts")[0] = 0.9
    open_rows(path, "6", "redshifts")[1] = -0.001
    index, dropped = index_pairs(path, 0.25, seed=0)
    assert dropped == {
        "spectrum_zero": 1, "spectrum_not_finite": 1, "image_zero": 1, "image_not_finite": 1, "redshift_not_finite": 1,
        "redshift_out_of_range": 2, "duplicate": 0,
    }  # fmt: skip
    assert "left out 1 objects (spectrum zero)" in caplog.text
    kept = np.isin(whole.targetid, index.targetid)
    assert kept.sum() == 93
    np.testing.assert_array_equal(whole.split[kept], index.split)


def test_an_object_that_is_there_twice_stays_on_one_side(path):
    twice = open_rows(path, "2", "targetids")[0]
    open_rows(path, "7", "targetids")[9] = twice  # of training in group 2, of the test in group 7
    index, dropped = index_pairs(path, 0.25, seed=0)
    assert dropped["duplicate"] == 1 and len(index) == 99 and (index.targetid == twice).sum() == 1
    assert index.group[index.targetid == twice] == 2


@pytest.mark.parametrize("storage", ["contiguous", "chunked", "double"])
def test_reads_what_the_file_holds_in_the_order_asked(storage, path, tmp_path):
    with h5py.File(path, "r+") as file:
        for name in [f"{group}/{kind}" for group in file for kind in ("spectra", "images") if storage != "contiguous"]:
            values = file.pop(name)[:]
            options = {"chunks": True, "compression": "gzip"} if storage == "chunked" else {"dtype": np.float64}
            file.create_dataset(name, data=values, **options)
    index, _ = index_pairs(path, 0.1, seed=0)
    write_hdf5(tmp_path / "index.h5", vars(index))
    pairs = Pairs(path, Index.load(tmp_path / "index.h5"))
    positions = np.array([57, 3, 4, 5, 99])
    with h5py.File(path) as file:
        spectra = np.stack([file[str(p // 10)]["spectra"][p % 10] for p in positions])
        images = np.stack([file[str(p // 10)]["images"][p % 10] for p in positions])
    np.testing.assert_array_equal(pairs.spectra(positions), spectra)
    np.testing.assert_array_equal(pairs.images(positions), images)
    assert pairs.images(positions).dtype == pairs.spectra(positions).dtype == np.float32
    assert pairs.ivar(positions) is None


def test_inverse_variances_are_read_where_the_file_has_them(path):
    with h5py.File(path, "r+") as file:
        for group in file:
            file[group]["ivar"] = np.full(file[group]["spectra"].shape, float(group), np.float32)
    pairs = Pairs(path, index_pairs(path, 0.1, seed=0)[0])
    np.testing.assert_array_equal(pairs.ivar(np.array([57, 3]))[:, 0], [5, 0])


def test_bad_files_are_named_with_what_is_wrong(path, tmp_path):
    truncated, page = tmp_path / "truncated.h5", tmp_path / "page.h5"
    truncated.write_bytes(path.read_bytes()[:100_000])
    page.write_text("<html>404</html>", encoding="utf-8")
    with h5py.File(path, "r+") as file:
        del file["7"]["spectra"], file["9"]["spectra"]
        file["9"]["spectra"] = np.zeros((10, 7780), np.float32)
    few = write_pairs(tmp_path / "tiny.h5", per_group=2)
    messages = {tmp_path / "missing.h5": "missing.h5 does not exist", page: "another kind of file"}
    messages |= {truncated: "truncated.h5 cannot be read as HDF5.*truncated", few: "no usable objects for validation"}
    messages |= {path: r"no dataset '7/spectra'; '9/spectra' has shape \(10, 7780\)"}
    for bad, message in messages.items():
        with pytest.raises(BookError, match=message):
            index_pairs(bad, 0.1, 0)
