"""HATS catalogues of the mock survey, made by hats-import, cross-matched by LSDB."""

import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from arrow import assert_same_pairs, catalogues, read_all
from small import Killed, killing, small_survey

from astroclip_book.data.pairs import index_pairs
from astroclip_book.errors import BookError
from mock_survey.survey import simulate
from real_sky import parquet
from real_sky.universe import convert_universe

pytest.importorskip("lsdb", reason="LSDB is an extra: pip install -e '.[universe]'")
hats_import = pytest.importorskip(
    "hats_import", reason="hats-import makes the catalogues of this test: pip install hats-import"
)


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    """A mock survey, its pairs, and catalogues of its images and spectra; ten of the galaxies have a bad redshift."""
    from distributed import Client
    from hats_import.pipeline import pipeline_with_client

    directory = tmp_path_factory.mktemp("sky")
    simulate(small_survey(100), 0, directory)
    pairs = read_all(directory / "pairs.h5")
    image, spectrum = catalogues(pairs)
    bad = np.isin(np.array(spectrum["object_id"]).astype(np.int64), pairs["targetids"][:10])
    spectrum = spectrum.set_column(spectrum.column_names.index("ZWARN"), "ZWARN", [bad])
    with Client(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as client:
        for name, table in (("images", image), ("spectra", spectrum)):
            pq.write_table(table, directory / f"{name}.parquet")
            collection = hats_import.CollectionArguments(
                output_artifact_name=name, output_path=directory / "hats", progress_bar=False
            )
            tiles = {"lowest_healpix_order": 1, "highest_healpix_order": 3, "pixel_threshold": 40}
            files, place = [directory / f"{name}.parquet"], {"ra_column": "ra", "dec_column": "dec"}
            collection = collection.catalog(input_file_list=files, file_reader="parquet", **place, **tiles)
            pipeline_with_client(collection.add_margin(margin_threshold=10.0, is_default=True), client)
    return directory / "hats", {name: values[10:] for name, values in pairs.items()}


def test_catalogues_become_the_pairs_they_were_made_of(sky, tmp_path):
    hats, pairs = sky
    output = convert_universe(str(hats / "images"), str(hats / "spectra"), tmp_path / "pairs.h5")
    assert_same_pairs(output, pairs)
    index, _ = index_pairs(tmp_path / "pairs.h5", 0.2, 0)
    assert len(index) == 90 and [path.name for path in tmp_path.iterdir()] == ["pairs.h5"]


def test_a_killed_conversion_goes_on(sky, tmp_path, monkeypatch):
    hats, pairs = sky
    arguments = (str(hats / "images"), str(hats / "spectra"), tmp_path / "pairs.h5")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(parquet, "write_json", killing(parquet.write_json, 2))
        convert_universe(*arguments)
    assert not arguments[2].exists()
    convert_universe(*arguments)
    assert_same_pairs(arguments[2], pairs)


def test_what_cannot_be_matched_is_said(sky, tmp_path):
    hats, _ = sky
    images, spectra, output = str(hats / "images"), str(hats / "spectra"), tmp_path / "pairs.h5"
    for other, radius, match in (
        (str(tmp_path), 1, "cannot be matched as HATS catalogues"),
        (images, 1, "cannot be matched"),
        (spectra, 1e-5, "no image lies within 1e-05 arcsec"),
        (spectra, 60, "margin"),
    ):
        with pytest.raises(BookError, match=match):
            convert_universe(images, other, output, radius)
    assert not os.listdir(tmp_path)
