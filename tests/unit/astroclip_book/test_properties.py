"""Properties read off neighbours in small embeddings that know some of them."""

import dataclasses

import h5py
import numpy as np
import pytest

from astroclip_book.config import Evaluation
from astroclip_book.data.embeddings import Embeddings, other_seeds
from astroclip_book.evaluate.properties import DIRECTIONS, known_properties, predict_properties

N = 600
CONFIG = Evaluation(k=None, pool=20, bootstrap=30)


def on_circle(angle):
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


@pytest.fixture(scope="module")
def embeddings():
    """The redshift is the angle, seen sharply in spectra and with scatter in images."""
    rng = np.random.default_rng(0)
    redshift = rng.uniform(0.02, 0.5, N).astype(np.float32)
    split = rng.permutation(np.repeat([0, 1, 2], [400, 80, 120])).astype(np.uint8)
    return Embeddings(on_circle(redshift + rng.normal(0, 0.05, N)), on_circle(redshift), np.arange(N), redshift, split)


@pytest.fixture(scope="module")
def catalog(embeddings):
    mass = 9 + 3 * embeddings.redshift
    mass[:60] = np.nan
    mass[60:70] = -999
    return {"LOG_MSTAR": mass, "TAGE_MW": 5 + embeddings.redshift, "Z_MW": np.full(N, np.nan), "LOG_SSFR": -mass}


@pytest.fixture(scope="module")
def found(embeddings, catalog):
    """Scores by two seeds, and predictions."""
    known = known_properties(embeddings, catalog)
    rng = np.random.default_rng(1)
    blind = dataclasses.replace(
        embeddings, image=on_circle(rng.uniform(0, 6, N)), spectrum=on_circle(rng.uniform(0, 6, N))
    )
    return predict_properties([embeddings, blind], known, CONFIG, 0)


def test_what_a_catalogue_knows_in_its_units(embeddings, catalog):
    known = known_properties(embeddings, catalog)
    assert list(known) == ["redshift", "log_mstar", "log_ssfr", "log_tage_mw"]  # metallicity is known of none
    assert np.isnan(known["log_mstar"][:70]).all() and np.isfinite(known["log_mstar"][70:]).all()
    solar = known_properties(embeddings, {"Z_MW": np.full(N, 0.02)})
    assert solar["log_z_mw"][0] == pytest.approx(np.log10(0.02))
    assert list(known_properties(embeddings, {})) == ["redshift"]


def test_scores_of_every_direction(found, embeddings):
    scores, _ = found
    assert set(scores) == {"redshift", "log_mstar", "log_ssfr", "log_tage_mw"}
    for ways in scores.values():
        assert list(ways) == list(DIRECTIONS)
    redshift = scores["redshift"]
    assert redshift["spectrum"]["r2"] > 0.999 and redshift["spectrum"]["k"] <= 8
    assert 0.5 < redshift["image"]["r2"] < 0.95 and redshift["image"]["k"] >= 8
    for score in redshift.values():
        assert score["n"] == 120 and score["n_gallery"] == 480 and score["n_unknown"] == {"test": 0, "gallery": 0}
        assert score["r2_ci95"][0] < score["r2"] < score["r2_ci95"][1]
        assert score["weighting"] in ("distance", "uniform")
    # Spectra that ask images find sharper answers than images that ask spectra: their own place is known.
    assert redshift["cross_spectrum"]["r2"] > redshift["cross"]["r2"]


def test_unknown_labels_are_left_out_and_counted(found, embeddings):
    scores, predictions = found
    score = scores["log_mstar"]["image"]
    assert sum(score["n_unknown"].values()) == 70
    assert score["n"] == 120 - score["n_unknown"]["test"] and score["n_gallery"] == 480 - score["n_unknown"]["gallery"]
    test = embeddings.where("test")
    for name in ("truth", "image"):
        np.testing.assert_array_equal(np.isfinite(predictions["log_mstar"][name]), test >= 70)
    np.testing.assert_array_equal(predictions["redshift"]["truth"], embeddings.redshift[test])


def test_seeds_keep_the_k_of_the_first(found):
    scores, _ = found
    first, other = scores["redshift"]["spectrum"]["r2_seeds"]
    assert first == scores["redshift"]["spectrum"]["r2"] and other < 0.3
    assert len(scores["log_mstar"]["cross"]["r2_seeds"]) == 2
    assert "r2_seeds" not in scores["log_tage_mw"]["image"]


def test_redshifts_have_statistics_and_distributions(found):
    scores, predictions = found
    image, spectrum = (scores["redshift"][way] for way in ("image", "spectrum"))
    assert spectrum["nmad"] < 0.01 < image["nmad"] and spectrum["outliers_005"] == 0
    assert spectrum["crps"] < image["crps"] < image["crps_prior"]
    assert image["crps_ci95"][0] < image["crps"] < image["crps_ci95"][1]
    assert image["pz_k"] >= 8 and image["pit_ks"] < 0.2
    place = predictions["redshift"]["pit"]["image"]
    assert place.shape == (120,) and (place >= 0).all() and (place <= 1).all()
    assert "nmad" not in scores["log_mstar"]["image"]


def test_sixteen_neighbours_by_distance_as_an_earlier_work(embeddings):
    known = {"redshift": embeddings.redshift}
    fixed = dataclasses.replace(CONFIG, k=16)
    score = predict_properties([embeddings], known, fixed, 0)[0]["redshift"]["image"]
    assert score["k"] == score["pz_k"] == 16 and score["weighting"] == "distance" and score["r2_k16"] == score["r2"]
    few = np.full(N, np.nan)
    for split in ("train", "validation", "test"):
        rows = embeddings.where(split)[:4]
        few[rows] = embeddings.redshift[rows]
    score = predict_properties([embeddings], {"log_tage_mw": few}, CONFIG, 0)[0]["log_tage_mw"]["image"]
    assert score["r2_k16"] is None and score["n"] == 4


def test_embeddings_of_other_seeds(embeddings, tmp_path):
    path = tmp_path / "embeddings.h5"
    with h5py.File(path, "w") as file:
        for name, values in vars(embeddings).items():
            file[name] = values
    assert other_seeds(path) == []
    with h5py.File(path, "a") as file:
        for name in ("image", "spectrum"):
            file[f"others/{name}"] = np.stack([getattr(embeddings, name)[::-1]] * 2)
    others = other_seeds(path)
    assert len(others) == 2
    np.testing.assert_array_equal(others[1].image, embeddings.image[::-1])
    np.testing.assert_array_equal(others[1].split, embeddings.split)
    with h5py.File(path, "a") as file:
        del file["others"]
        for name in ("image", "spectrum"):
            file[f"others/{name}"] = np.empty((0, N, 2), np.float32)
    assert other_seeds(path) == []
