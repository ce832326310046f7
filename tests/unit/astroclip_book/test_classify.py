"""Kinds told from embeddings, on cases whose answer is known."""

from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from astroclip_book.data.embeddings import Embeddings
from astroclip_book.evaluate.classify import METHODS, artefacts, morphology, recalls

N, D = 600, 6
CONFIG = SimpleNamespace(bootstrap=50)
CLASSES = np.array(["elliptical", "spiral", "irregular"])


def embedded(kinds: np.ndarray | None = None) -> Embeddings:
    """Embeddings of noise, and where kinds (N,) are given far apart for each."""
    rng = np.random.default_rng(0)
    image, spectrum = rng.normal(size=(2, N, D)).astype(np.float32)
    if kinds is not None:
        image[np.arange(N), kinds] += 50
        spectrum[np.arange(N), kinds] += 50
    return Embeddings(image, spectrum, np.arange(N), np.zeros(N), rng.choice(3, N, p=[0.6, 0.15, 0.25]))


@pytest.fixture
def kinds():
    return np.random.default_rng(1).integers(3, size=N)


def catalogue(kinds):
    return {"MORPHOLOGY": CLASSES[kinds], "SPIRAL": kinds == 1}


def test_classes_far_apart_are_told_without_an_error(kinds):
    metrics, arrays = morphology(embedded(kinds), catalogue(kinds), CONFIG, 0)
    assert metrics["classes"] == sorted(CLASSES) and metrics["left_out"] == {}
    for way in ("image", "spectrum", "cross"):
        for method in ("neighbours", "logistic"):
            score = metrics[way][method]
            assert score["balanced_accuracy"] == 1 and score["balanced_accuracy_ci95"] == [1, 1]
            assert set(score["recall"].values()) == {1.0}
            matrix = arrays[f"confusion/{way}/{method}"]
            assert matrix.sum() == score["n"] == matrix.diagonal().sum()
        assert metrics["spiral"][way]["neighbours"]["auc"] == 1
    assert metrics["majority"]["balanced_accuracy"] == pytest.approx(1 / 3)


def test_labels_without_a_meaning_are_told_by_chance(kinds):
    metrics, _ = morphology(embedded(), catalogue(kinds), CONFIG, 0)
    for way in ("image", "spectrum", "cross"):
        assert metrics[way]["logistic"]["balanced_accuracy"] == pytest.approx(1 / 3, abs=0.12)
        low, high = metrics["spiral"][way]["logistic"]["auc_ci95"]
        assert low < 0.5 < high or metrics["spiral"][way]["logistic"]["auc"] == pytest.approx(0.5, abs=0.12)


def test_a_class_with_few_members_is_left_out_and_unknown_ones_are_counted(kinds):
    catalog = catalogue(kinds)
    catalog["MORPHOLOGY"] = catalog["MORPHOLOGY"].astype("U20")
    catalog["MORPHOLOGY"][:3], catalog["MORPHOLOGY"][3:20] = "lenticular", ""
    metrics, _ = morphology(embedded(kinds), catalog, CONFIG, 0)
    assert metrics["left_out"] == {"lenticular": 3} and metrics["n_unknown"] == 17
    assert metrics["classes"] == sorted(CLASSES)


def test_without_labels_there_are_no_numbers(tmp_path):
    assert morphology(embedded(), {}, CONFIG, 0) == ({}, {})
    assert morphology(embedded(), {"MORPHOLOGY": np.full(N, "spiral")}, CONFIG, 0) == ({}, {})
    assert artefacts(embedded(), tmp_path / "features.h5", {}, CONFIG, 0) == ({}, {})


@pytest.fixture
def spoilt(tmp_path):
    """Every tenth image has a defect, which the frozen features show and the embeddings do not."""
    rng = np.random.default_rng(2)
    names = np.where(rng.random(N) < 0.1, "chip_edge", "none").astype("U20")
    split = embedded()
    names[np.flatnonzero(split.split == 2)[0]] = "cosmic_ray"
    frozen = rng.normal(size=(N, D))
    frozen[:, 0] += 50 * (names != "none")
    with h5py.File(tmp_path / "features.h5", "w") as file:
        file["image/clean"] = frozen.astype(np.float16)
    return split, tmp_path / "features.h5", {"ARTEFACT": names}


def test_defects_that_alignment_forgot_are_found_before_it(spoilt):
    metrics, arrays = artefacts(*spoilt, CONFIG, 0)
    assert metrics["unaligned"]["logistic"]["auc"] == metrics["unaligned"]["logistic"]["average_precision"] == 1
    assert metrics["aligned"]["logistic"]["auc"] == pytest.approx(0.5, abs=0.2)
    assert metrics["best_space"] == "unaligned"
    assert set(metrics["unaligned"]) == set(METHODS)
    assert metrics["kinds"]["unaligned"]["chip_edge"]["auc"] == 1
    assert metrics["left_out"] == {"cosmic_ray": 1} and "cosmic_ray" not in metrics["kinds"]["unaligned"]
    false, true = (arrays[f"roc/unaligned/logistic/{name}"] for name in ("false", "true"))
    assert np.trapezoid(true, false) == 1


def test_too_few_defects_are_only_counted(spoilt):
    split, features, _ = spoilt
    names = np.full(N, "none", "U20")
    names[:4] = "chip_edge"
    metrics, arrays = artefacts(split, features, {"ARTEFACT": names}, CONFIG, 0)
    assert list(metrics) == ["count"] and sum(metrics["count"].values()) == 4 and arrays == {}


def test_recalls_are_those_of_scikit_learn():
    rng = np.random.default_rng(4)
    truth, told = rng.integers(3, size=(2, 200))
    found = recalls(truth, told, 4)  # the fourth class has no members
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, told))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, told))
