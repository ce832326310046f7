"""The catalogue is joined by TARGETID, says what it lacks, and refuses files that are not catalogues."""

import numpy as np
import pytest
from astropy.table import Table

from astroclip_book.catalog import read_catalog, write_catalog
from astroclip_book.errors import BookError


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "catalog.h5"
    write_catalog(path, {
        "TARGETID": np.array([30, 10, 20]), "LOG_MSTAR": np.array([10.3, 10.1, 10.2]),
        "MORPHOLOGY": np.array([b"spiral", b"elliptical", b"spiral"]), "SPIRAL": np.array([True, False, True]),
        "N_NEIGHBOURS": np.array([3, 1, 2]),
    })
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
