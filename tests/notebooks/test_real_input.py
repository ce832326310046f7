"""Real DESI spectra and Legacy Survey images, in the release's layout, through the chapters' own steps."""

import numpy as np
import pytest

from astroclip_book import AstroCLIP
from astroclip_book.data.pairs import GROUPS, Index, Pairs, create_pairs, open_rows
from bookmaking import open_run
from bookmaking.explorer.page import explorer
from real_sky.observations import read_images, read_spectra

PER_GROUP = 30
ENCODING = (
    "survey",
    "index",
    "image_encoder",
    "spectrum_encoder",
    "image_comparison",
    "spectrum_comparison",
    "features",
    "alignment",
)


@pytest.fixture(scope="module")
def real_pairs(realdata, tmp_path_factory):
    """Seven spectra and five images, repeated to fill a file: they are of different galaxies, so only the way counts."""
    spectra, images = np.load(realdata / "desi_spectra.npz"), np.load(realdata / "grz_images.npz")
    path = tmp_path_factory.mktemp("real") / "release.h5"
    create_pairs(path, [PER_GROUP] * len(GROUPS))
    for number, group in enumerate(GROUPS):
        rows = number * PER_GROUP + np.arange(PER_GROUP)
        open_rows(path, group, "images")[:] = images["images"][rows % len(images["images"])]
        open_rows(path, group, "spectra")[:] = spectra["flux"][rows % len(spectra["flux"])]
        open_rows(path, group, "redshifts")[:] = spectra["redshift"][rows % len(spectra["flux"])]
        open_rows(path, group, "targetids")[:] = 39_600_000_000_000_000 + rows
    return path


def test_a_release_file_goes_through_every_step(real_pairs, realdata, tmp_path):
    run = open_run({"preset": "smoke", "run_dir": str(tmp_path), "pairs_path": str(real_pairs), "device": "cpu"})
    assert run.source == "real data: release"
    for step in (*ENCODING, "similarity", "properties", "analysis", "explorer", "realism"):
        run.make(step)
    far = np.load(realdata / "desi_spectra.npz")["redshift"] > 0.8
    dropped = run.metrics["counts"]["dropped"]
    assert dropped.pop("redshift_out_of_range") == far[np.arange(PER_GROUP * len(GROUPS)) % len(far)].sum()
    assert not any(dropped.values()) and run.metrics["counts"]["catalog"] == {}
    assert np.isfinite(run.metrics["property"]["redshift"]["cross"]["r2"])
    assert "log_mstar" not in run.metrics["property"]  # no catalogue was given
    assert run.metrics["sky"]["colour"] == {"g_r": {}, "r_z": {}}
    assert "Real data: release;" in explorer(run).data
    assert 0 < run.metrics["sky"]["spectra_std_within_30"] < 1
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    model = AstroCLIP.from_run(tmp_path)
    positions = np.arange(7)
    for embedded in (model.embed_images(pairs.images(positions)), model.embed_spectra(pairs.spectra(positions))):
        assert embedded.shape == (7, 128)
        np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, rtol=1e-5)


def test_a_mock_trained_model_embeds_the_sky(book, realdata):
    model = AstroCLIP.from_run(book.run)
    spectra, images = np.load(realdata / "desi_spectra.npz"), np.load(realdata / "grz_images.npz")
    for embedded, n in ((model.embed_spectra(spectra["flux"]), 7), (model.embed_images(images["images"]), 5)):
        assert embedded.shape == (n, 128)
        assert embedded.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, rtol=1e-5)
        assert (embedded @ embedded.T)[~np.eye(n, dtype=bool)].max() < 0.9999


def test_real_files_are_looked_up_in_a_run(book, realdata):
    model, files = AstroCLIP.from_run(book.run), realdata / "fits"
    native = files / "coadd-special-dark-27247.fits", files / "spec-0266-51602-0001.fits"
    spectra = read_spectra([*native, realdata / "desi_spectra.npz"])
    images = read_images([files / "legacysurvey_cutout_grz.fits", realdata / "grz_images.npz"])
    for objects, n in ((spectra, 9), (images, 6)):
        found = model.look_up(objects, k=3)
        assert found.row.shape == found.targetid.shape == found.cosine.shape == (n, 3)
        assert (found.low < found.high).all() and np.isfinite(found.redshift).all()
        assert all(((0 < p) & (p <= 1)).all() for p in found.novelty.values())
