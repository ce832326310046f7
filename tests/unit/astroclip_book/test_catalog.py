"""The catalogue is joined by TARGETID, says what it lacks, and refuses files that are not catalogues."""

from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table

from astroclip_book.data.catalog import believed, read_catalog, write_catalog
from astroclip_book.data.pairs import Index
from astroclip_book.errors import BookError
from bookmaking.steps.truth import labels


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "catalog.h5"
    write_catalog(
        path,
        {
            "TARGETID": np.array([30, 10, 20]),
            "LOG_MSTAR": np.array([10.3, 10.1, 10.2]),
            "MORPHOLOGY": np.array([b"spiral", b"elliptical", b"spiral"]),
            "SPIRAL": np.array([True, False, True]),
            "N_NEIGHBOURS": np.array([3, 1, 2]),
        },
    )
    return path


def test_rows_follow_the_targetids_asked_for(path):
    catalog = read_catalog(path, np.array([20, 30, 20, 99]))
    assert np.array_equal(catalog["LOG_MSTAR"], [10.2, 10.3, 10.2, np.nan], equal_nan=True)
    assert list(catalog["MORPHOLOGY"]) == ["spiral", "spiral", "spiral", ""]
    assert list(catalog["SPIRAL"]) == [True, True, True, False]
    assert list(catalog["N_NEIGHBOURS"]) == [2, 3, 2, -1]
    assert list(catalog["TARGETID"]) == [20, 30, 20, 99]


@pytest.mark.parametrize("spelling", ["LOG_MSTAR", "LOGMSTAR", "PROVABGS_LOGMSTAR_BF"])
def test_spellings_of_provabgs(tmp_path, spelling):
    Table({"TARGETID": [1, 2], spelling: [9.5, 11.0], "Z_HP": [0.1, 0.2]}).write(tmp_path / "p.hdf5", path="x")
    catalog = read_catalog(tmp_path / "p.hdf5", np.array([2]))
    assert catalog["LOG_MSTAR"] == 11.0 and catalog["Z"] == 0.2


def test_fits_is_read_too(tmp_path):
    Table({"TARGETID": [1, 2], "LOGMSTAR": np.array([9.5, 11.0])}).write(tmp_path / "p.fits")
    assert read_catalog(tmp_path / "p.fits", np.array([1]))["LOG_MSTAR"] == 9.5


def test_missing_file(tmp_path):
    with pytest.raises(BookError, match="does not exist"):
        read_catalog(tmp_path / "none.h5", np.array([1]))


def test_truncated_file(path):
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(BookError, match="cannot be read"):
        read_catalog(path, np.array([10]))


def test_no_targetid(tmp_path):
    Table({"ID": [1]}).write(tmp_path / "p.hdf5", path="x")
    with pytest.raises(BookError, match="TARGETID"):
        read_catalog(tmp_path / "p.hdf5", np.array([1]))


def test_nothing_in_common(path):
    with pytest.raises(BookError, match="knows none"):
        read_catalog(path, np.array([1, 2]))


def test_chains_of_provabgs_stay_unread(tmp_path):
    columns = {"TARGETID": [1, 2], "LOGMSTAR": [9.5, 11.0], "PROVABGS_MCMC": np.zeros((2, 100, 13))}
    for name in ("p.hdf5", "p.fits"):
        Table(columns).write(tmp_path / name, **({"path": "x"} if name.endswith("hdf5") else {}))
        assert set(read_catalog(tmp_path / name, np.array([1]))) == {"TARGETID", "LOG_MSTAR"}


def test_the_published_cuts_leave_masses_out_and_count():
    mass, magnitude = np.array([10.0, 0.0, np.nan, 9.0]), np.array([18.0, 18.0, 18.0, -1.0])
    columns, counts = believed({"LOG_MSTAR": mass, "MAG_G": magnitude})
    assert np.array_equal(columns["LOG_MSTAR"], [10.0, np.nan, np.nan, np.nan], equal_nan=True)
    assert counts == {"matched": 3, "positive_mass": 2, "positive_magnitudes": 1}
    assert believed({"LOG_MSTAR": mass})[1]["positive_magnitudes"] == 2


def test_a_catalogue_without_masses_is_refused_with_what_to_do():
    with pytest.raises(BookError, match="no stellar mass.*LOGMSTAR.*catalog_path"):
        believed({"Z": np.zeros(3)})


@pytest.mark.parametrize(("known", "names"), [(6, ["redshift", "log_mstar"]), (5, ["redshift"])])
def test_masses_are_labels_where_each_split_has_some(tmp_path, known, names):
    targetid = np.arange(6)
    write_catalog(tmp_path / "catalog.h5", {"TARGETID": targetid[:known], "LOG_MSTAR": np.full(known, 10.0)})
    data = SimpleNamespace(pairs_path="pairs.h5", catalog_path="catalog.h5")
    run = SimpleNamespace(preset=SimpleNamespace(data=data), path=lambda name: tmp_path / name)
    index = Index(targetid, np.full(6, 0.1, np.float32), targetid, targetid, np.repeat([0, 1, 2], 2))
    assert list(labels(run, index)) == names
