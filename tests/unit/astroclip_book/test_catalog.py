"""The catalogue is joined by TARGETID, says what it lacks, and refuses files that are not catalogues."""

import numpy as np
import pytest
from astropy.table import Table

from astroclip_book.data.catalog import believed, labels, read_catalog, write_catalog
from astroclip_book.data.pairs import Index
from astroclip_book.errors import BookError


def test_rows_follow_the_targetids_asked_for(tmp_path):
    written = {"TARGETID": np.array([30, 10, 20]), "LOG_MSTAR": np.array([10.3, 10.1, 10.2])}
    written |= {"MORPHOLOGY": np.array([b"spiral", b"elliptical", b"spiral"]), "SPIRAL": np.array([True, False, True])}
    write_catalog(tmp_path / "catalog.h5", written | {"N_NEIGHBOURS": np.array([3, 1, 2])})
    catalog = read_catalog(tmp_path / "catalog.h5", np.array([20, 30, 20, 99]))
    assert np.array_equal(catalog["LOG_MSTAR"], [10.2, 10.3, 10.2, np.nan], equal_nan=True)
    assert list(catalog["MORPHOLOGY"]) == ["spiral", "spiral", "spiral", ""]
    assert list(catalog["SPIRAL"]) == [True, True, True, False]
    assert list(catalog["N_NEIGHBOURS"]) == [2, 3, 2, -1]
    assert list(catalog["TARGETID"]) == [20, 30, 20, 99]


@pytest.mark.parametrize("spelling", ["LOG_MSTAR", "LOGMSTAR", "PROVABGS_LOGMSTAR_BF"])
@pytest.mark.parametrize("file", ["p.hdf5", "p.fits"])
def test_provabgs_is_read_under_each_spelling_and_its_chains_are_not(tmp_path, spelling, file):
    columns = {"TARGETID": [1, 2], spelling: np.array([9.5, 11.0]), "Z_HP": [0.1, 0.2], "MCMC": np.zeros((2, 100, 13))}
    Table(columns).write(tmp_path / file, **({"path": "x"} if file.endswith("hdf5") else {}))
    catalog = read_catalog(tmp_path / file, np.array([2]))
    assert set(catalog) == {"TARGETID", "LOG_MSTAR", "Z"} and catalog["LOG_MSTAR"] == 11.0 and catalog["Z"] == 0.2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"x" * 500, "cannot be read"),
        ({"ID": [1]}, "TARGETID"),
        ({"TARGETID": [9]}, "knows none"),
    ],
)
def test_what_is_no_catalogue_of_these_objects_is_refused(tmp_path, content, message):
    path = tmp_path / "p.hdf5"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        Table(content).write(path, path="x")
    with pytest.raises(BookError, match=message):
        read_catalog(path, np.array([1]))


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
def test_masses_are_labels_where_each_split_has_some(known, names):
    mass = np.where(np.arange(6) < known, 10.0, np.nan)
    index = Index(np.arange(6), np.full(6, 0.1, np.float32), np.arange(6), np.arange(6), np.repeat([0, 1, 2], 2))
    assert list(labels(index, {"LOG_MSTAR": mass})) == names
