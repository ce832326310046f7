"""Real DESI spectra and Legacy Survey images, in the release's layout, through chapters; and real files looked up in a run."""

import json

import numpy as np
import pytest
import yaml
from together import execute_together, texts

from astroclip_book import AstroCLIP
from astroclip_book.data.pairs import GROUPS, Index, Pairs, create_pairs, open_rows
from bookmaking.presets import ROOT, load_preset
from bookmaking.store.recipes import chain
from bookmaking.store.run import Run
from real_sky import read_images, read_spectra

PER_GROUP = 30


@pytest.fixture(scope="module")
def real_pairs(realdata, tmp_path_factory):
    """Seven spectra, each with one of five images of other galaxies, repeated to fill a file: only the way counts."""
    spectra, images = np.load(realdata / "desi_spectra.npz"), np.load(realdata / "grz_images.npz")
    path = tmp_path_factory.mktemp("real") / "release.h5"
    create_pairs(path, [PER_GROUP] * len(GROUPS))
    for number, group in enumerate(GROUPS):
        rows = number * PER_GROUP + np.arange(PER_GROUP)
        own = (
            rows % len(spectra["flux"]) % len(images["images"])
        )  # the same for a spectrum everywhere, or rows would not match
        open_rows(path, group, "images")[:] = images["images"][own]
        open_rows(path, group, "spectra")[:] = spectra["flux"][rows % len(spectra["flux"])]
        open_rows(path, group, "redshifts")[:] = spectra["redshift"][rows % len(spectra["flux"])]
        open_rows(path, group, "targetids")[:] = 39_600_000_000_000_000 + rows
    return path


def test_a_release_file_without_a_catalogue_goes_through_chapters(real_pairs, realdata, tmp_path):
    run, preset = tmp_path / "run", yaml.safe_load((ROOT / "presets" / "smoke.yaml").read_text(encoding="utf-8"))
    preset["data"]["pairs_path"] = str(real_pairs)
    for section in ("image_encoder", "spectrum_encoder"):
        preset[section] |= {"width": 4, "epochs": 1}
    (tmp_path / "real.yaml").write_text(yaml.safe_dump(preset), encoding="utf-8")
    opened = Run(load_preset(tmp_path / "real.yaml"), run)
    for recipe in chain("heads.pt"):
        opened.make(recipe)
    both = [ROOT / "notebooks" / f"{chapter}.md" for chapter in ("01_mock_survey", "11_mock_and_sky")]
    places = {"preset": str(tmp_path / "real.yaml"), "run_dir": str(run), "device": "cpu"}
    cells = execute_together(both, tmp_path / "executed.ipynb", **places)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    far = np.load(realdata / "desi_spectra.npz")["redshift"] > 0.8
    dropped = metrics["counts"]["dropped"]
    assert dropped.pop("redshift_out_of_range") == far[np.arange(PER_GROUP * len(GROUPS)) % len(far)].sum()
    assert not any(dropped.values()) and metrics["counts"]["catalog"] == {}
    assert metrics["sky"]["colour"] == {"g_r": {}, "r_z": {}} and 0 < metrics["sky"]["spectra_std_within_30"] < 1
    assert "The catalogue has no columns for this." in " ".join(texts(cells["11_mock_and_sky"]))
    pairs = Pairs(real_pairs, Index.load(run / "index.h5"))
    model = AstroCLIP.from_run(run)
    for embedded in (model.embed_images(pairs.images(np.arange(7))), model.embed_spectra(pairs.spectra(np.arange(7)))):
        assert embedded.shape == (7, 128)
        np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, rtol=1e-5)


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
        cosine = found.embedding @ found.embedding.T
        np.testing.assert_allclose(cosine.diagonal(), 1, rtol=1e-5)
        assert np.median(np.sort(cosine)[:, -2]) < 0.9999  # two of each kind are of one galaxy
