"""What the alignment is held against, where it is known who wins."""

import h5py
import numpy as np
import pytest
from sklearn.metrics import r2_score

from astroclip_book.config import Evaluation
from astroclip_book.data.embeddings import Embeddings
from astroclip_book.evaluate.yardsticks import photometry, progress_share, standing, yardsticks

N = 600
CONFIG = Evaluation(k=None, pool=20, bootstrap=30)


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """Redshift is g - r; a large constant scale in r and one useless feature must not drown it."""
    rng = np.random.default_rng(0)
    redshift = rng.uniform(0.02, 0.5, N).astype(np.float32)
    split = rng.permutation(np.repeat([0, 1, 2], [400, 80, 120])).astype(np.uint8)
    nothing = np.zeros((N, 2), np.float32)
    embeddings = Embeddings(nothing, nothing, np.arange(N), redshift, split)
    r = rng.uniform(15, 19, N)
    catalog = {"MAG_R": r, "MAG_G": r + redshift, "MAG_Z": r - 0.3, "HALF_LIGHT_RADIUS": rng.uniform(1, 5, N)}
    features = tmp_path_factory.mktemp("yardsticks") / "features.h5"
    with h5py.File(features, "w") as file:
        file["image/clean"] = np.stack([redshift, rng.normal(size=N)], 1).astype(np.float16)
        file["spectrum/clean"] = np.stack([redshift, 0 * redshift], 1).astype(np.float16)
    return embeddings, features, catalog


def test_photometry_is_a_magnitude_two_colours_and_a_size(setting):
    catalog = {"MAG_G": np.array([19.0]), "MAG_R": np.array([18.0]), "MAG_Z": np.array([17.5])}
    np.testing.assert_allclose(photometry(catalog), [[18, 1, 0.5]])
    np.testing.assert_allclose(photometry(catalog | {"HALF_LIGHT_RADIUS": np.array([10.0])}), [[18, 1, 0.5, 1]])
    assert np.isnan(photometry(catalog | {"MAG_G": np.array([-99.0])})[0, 1])
    assert photometry({"MAG_G": np.zeros(1)}) is None


def test_each_yardstick_on_the_same_split(setting):
    embeddings, features, catalog = setting
    known = {"redshift": embeddings.redshift, "log_mstar": np.where(np.arange(N) < 500, embeddings.redshift, np.nan)}
    scores, predictions = yardsticks(embeddings, features, catalog, known, CONFIG, 0)
    assert set(scores) == {"unaligned", "photometry", "photometry_boosted"}
    for name, values in known.items():
        truth = values[embeddings.where("test")]
        there = np.isfinite(truth)
        for modality, predicted in predictions[name].items():
            np.testing.assert_array_equal(np.isfinite(predicted), there)
            assert r2_score(truth[there], predicted[there]) == pytest.approx(
                scores["unaligned"][name][modality]["r2"], abs=1e-6
            )
    assert scores["unaligned"]["redshift"]["spectrum"]["nmad"] < 1e-3 < scores["unaligned"]["redshift"]["image"]["nmad"]
    assert "nmad" not in scores["unaligned"]["log_mstar"]["spectrum"]
    assert scores["unaligned"]["redshift"]["spectrum"]["r2"] > 0.999 > scores["unaligned"]["redshift"]["image"]["r2"]
    # Trees leave aside what says nothing, neighbours cannot.
    found, boosted = (scores[name]["redshift"]["image"] for name in ("photometry", "photometry_boosted"))
    assert boosted["r2"] > 0.99 > found["r2"] > 0.5
    assert {"r2", "r2_ci95", "n"} <= set(boosted) and found["k"] and found["n"] == boosted["n"] == 120
    assert scores["photometry"]["log_mstar"]["image"]["n"] == (embeddings.where("test") < 500).sum()
    assert set(scores["photometry"]["redshift"]) == {"image"}


def test_galaxies_without_photometry_are_not_asked(setting):
    embeddings, features, catalog = setting
    known, half = {"redshift": embeddings.redshift}, np.where(np.arange(N) % 2, catalog["MAG_R"], np.nan)
    scores, _ = yardsticks(embeddings, features, catalog | {"MAG_R": half}, known, CONFIG, 0)
    assert scores["photometry"]["redshift"]["image"]["n"] == (embeddings.where("test") % 2).sum()
    assert scores["unaligned"]["redshift"]["image"]["n"] == 120
    nowhere, _ = yardsticks(embeddings, features, catalog | {"MAG_R": np.full(N, np.nan)}, known, CONFIG, 0)
    assert set(nowhere) == set(yardsticks(embeddings, features, {}, known, CONFIG, 0)[0]) == {"unaligned"}


def test_share_of_the_way():
    assert progress_share(0.7, 0.6, 0.8) == pytest.approx(0.5)
    assert progress_share(0.5, 0.6, 0.8) == pytest.approx(-0.5)
    assert progress_share(0.7, 0.8, 0.8) is None and progress_share(0.7, None, 0.8) is None
    assert progress_share(0.7, 0.6, None) is None


def test_standing_reads_the_yardsticks_of_the_modality_that_is_asked():
    score = {"r2": 0.7, "r2_ci95": [0.6, 0.8], "n": 9}
    ways = {way: dict(score) for way in ("image", "spectrum", "cross", "cross_spectrum")}
    metrics = {
        "property": {"redshift": ways, "log_tage_mw": ways},
        "baseline": {
            "unaligned": {"redshift": {"image": {"r2": 0.3}, "spectrum": {"r2": 0.6}}},
            "photometry_boosted": {"redshift": {"image": {"r2": 0.6}}},
            "supervised": {"redshift": {"image": {"r2": 0.8}, "spectrum": {"r2": 0.9}}},
        },
        "oracle": {"redshift": {"image": {"r2": 0.85}}},
    }
    rows = standing(metrics)
    assert list(rows) == ["redshift"]
    cross, asked = rows["redshift"]["cross"], rows["redshift"]["cross_spectrum"]
    assert cross["unaligned"] == 0.3 and asked["unaligned"] == 0.6 and cross["r2_ci95"] == [0.6, 0.8]
    assert cross["share_of_way"] == pytest.approx(0.5) and cross["of_supervised"] == pytest.approx(0.7 / 0.8)
    assert asked["share_of_way"] is None and asked["of_supervised"] == pytest.approx(0.7 / 0.9)
    assert cross["oracle"] == 0.85 and asked["oracle"] is None and cross["random"] is None


def test_a_floor_above_the_ceiling_leaves_no_way():
    way = {"r2": 0.7, "r2_ci95": [0.6, 0.8], "n": 9}
    metrics = {
        "property": {"redshift": dict.fromkeys(("image", "spectrum", "cross", "cross_spectrum"), way)},
        "baseline": {
            "photometry_boosted": {"redshift": {"image": {"r2": 0.9}}},
            "supervised": {"redshift": {"image": {"r2": 0.8}}},
        },
    }
    row = standing(metrics)["redshift"]["image"]
    assert row["photometry_boosted"] == 0.9 and row["share_of_way"] is None
    assert standing({"property": metrics["property"]})["redshift"]["image"]["supervised"] is None
