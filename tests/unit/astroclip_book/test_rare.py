"""Searches with rare objects where it is known what they find."""

import numpy as np
import pytest

from astroclip_book.evaluate.rare import ACTIVE, SEEN_IN, found_by, rare_examples, rare_kinds, rare_precision
from mock_survey.spectra.lines import KINDS

DIRECTIONS = {f"{a}_to_{b}" for a in ("image", "spectrum") for b in ("image", "spectrum")}


def unit(rng, n, d=16):
    x = rng.normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def marked(n, count):
    members = np.zeros(n, bool)
    members[:count] = True
    return members


def test_kinds_are_those_the_catalogue_labels():
    catalog = {
        "ARTEFACT": np.array(["none", "chip_edge", "", "cosmic_ray"]),
        "MERGER": np.array([True, True, True, False]),
        "IONISATION": np.array(["seyfert", "liner", "composite", "seyfert"]),
    }
    kinds = {name: members.tolist() for name, members in rare_kinds(catalog).items()}
    assert kinds == {
        "artefact": [False, True, False, True],
        "merger": [True, True, True, False],
        "agn": [True, False, False, True],
    }


def test_no_labels_no_kinds():
    assert rare_kinds({}) == {}
    assert rare_kinds({"MERGER": np.array([True, False])}) == {}
    assert rare_kinds({"MERGER": np.array([1, np.nan, np.nan])}) == {}
    assert rare_precision({"image": np.eye(3), "spectrum": np.eye(3)}, {}, 10, 0) == {}


def test_names_of_active_nuclei_are_those_of_the_mock():
    assert set(ACTIVE) < set(KINDS)


def test_a_kind_with_a_corner_of_its_own_finds_itself_alone():
    rng = np.random.default_rng(0)
    members = marked(400, 20)
    vectors = {}
    for name in ("image", "spectrum"):
        x = unit(rng, 400)
        x[members] = 0.1 * x[members] + np.eye(16)[0]
        vectors[name] = x / np.linalg.norm(x, axis=1, keepdims=True)
    scores = rare_precision(vectors, {"merger": members}, 50, 0)["merger"]
    assert scores.keys() == DIRECTIONS
    for score in scores.values():
        assert score["precision"] == 1 and score["precision_ci95"] == [1, 1]
        assert score["n"] == 20 and score["k"] == 10 and score["base_rate"] == 19 / 399


def test_a_scattered_kind_finds_itself_at_the_base_rate():
    rng = np.random.default_rng(0)
    vectors = {name: unit(rng, 2000) for name in ("image", "spectrum")}
    scores = rare_precision(vectors, {"merger": marked(2000, 400)}, 200, 0)["merger"]
    for score in scores.values():
        assert score["precision"] == pytest.approx(score["base_rate"], abs=0.03)
        assert score["precision_ci95"][0] < score["base_rate"] < score["precision_ci95"][1]


def test_the_query_is_left_out_across_modalities_too():
    x = unit(np.random.default_rng(0), 30)
    found = found_by({"image": x, "spectrum": x}, np.array([4, 9]), 5)
    assert len(found) == 4
    for rows in found.values():
        assert rows.shape == (2, 5) and 4 not in rows[0] and 9 not in rows[1]


def test_few_objects_have_fewer_neighbours():
    x = unit(np.random.default_rng(0), 6)
    scores = rare_precision({"image": x}, {"agn": marked(6, 2)}, 10, 0)["agn"]["image_to_image"]
    assert scores["k"] == 5 and scores["precision"] == 0.2 == scores["base_rate"]


def test_examples_are_drawn_from_the_kind_and_searched_where_one_sees_it():
    rng = np.random.default_rng(0)
    vectors = {name: unit(rng, 50) for name in ("image", "spectrum")}
    kinds = dict.fromkeys(SEEN_IN, marked(50, 5))
    found = rare_examples(vectors, kinds, 4, 1)
    assert found.keys() == kinds.keys()
    for name, (modality, query, members) in found.items():
        x = vectors[modality]
        assert modality == SEEN_IN[name] and query < 5
        assert members.tolist() == np.argsort(-x @ x[query])[1:5].tolist()
    assert found["merger"][1] == rare_examples(vectors, kinds, 4, 1)["merger"][1]
