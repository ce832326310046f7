"""Ablations on features whose structure is known."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from small import ALIGNMENT, Killed, killing

from astroclip_book.config import Ablations, Alignment
from astroclip_book.evaluate import ablations
from astroclip_book.evaluate.ablation_grid import QUESTIONS, Variant
from astroclip_book.evaluate.ablations import ablate, scaling_law
from astroclip_book.train.cached_features import CachedFeatures
from astroclip_book.train.loop import make_fabric

CONFIG = dataclasses.replace(ALIGNMENT, batch_size=256, dropout=0.0)
ABLATIONS = Ablations(grid="short", seeds=1, epochs=6, learning_rate=5e-3)


@pytest.fixture(scope="module")
def cached():
    """Both modalities see the same four numbers, each through its own mixture; the first of them is the redshift."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(1500, 4))
    clean = {name: torch.from_numpy(truth @ rng.normal(size=(4, 12))).half() for name in ("image", "spectrum")}
    split = np.repeat([0, 1, 2], [1100, 200, 200]).astype(np.uint8)
    views = {name: torch.stack([x[:1100], x[:1100] + 0.01], 1) for name, x in clean.items()}
    return CachedFeatures(clean, views, split), {"redshift": truth[:, 0]}


@pytest.fixture(scope="module")
def result(cached, tmp_path_factory):
    return run(cached, tmp_path_factory.mktemp("scores"))


def run(cached, directory, config=ABLATIONS):
    features, known = cached
    return ablate(features, lambda name: features, known, CONFIG, config, 100, make_fabric("cpu"), 0, directory)


def test_every_variant_that_is_possible_is_scored_and_the_reference_has_a_spread(result):
    assert result["reference"]["seeds"] == 3 and result["reference"]["sd"]["redshift_image"] > 0
    assert result["questions"].keys() == QUESTIONS.keys()
    assert {"2.74", "learned"} == result["questions"]["scale"].keys()
    assert "128" in result["questions"]["batch"] and "1024" in result["questions"]["batch"]
    assert result["questions"]["dimension"]["2"]["recall_at_10"] < result["reference"]["recall_at_10"]
    assert result["questions"]["dimension"]["32"]["redshift_image"] > 0.5
    json.dumps(result)  # it goes into metrics.json


def test_a_small_scale_cannot_lower_the_loss_as_far(result):
    floor = np.log(1 + 199 * np.exp(-2.74 * 200 / 199))  # of the 200 validation objects
    assert result["questions"]["scale"]["2.74"]["validation_loss"] > floor > result["reference"]["validation_loss"]


def test_fixed_scales_stay_and_learned_ones_move(result):
    assert result["reference"]["logit_scale"] == pytest.approx(15.5, rel=1e-5)
    assert result["questions"]["scale"]["learned"]["logit_scale"] != pytest.approx(15.5, rel=1e-4)


def test_shares_of_the_pairs_are_seen_in_as_many_steps(result):
    pairs = result["questions"]["pairs"]
    assert [one["n_train"] for one in pairs.values()] == [275, 550, 1100]  # a sixteenth would not fill a batch


def test_views_that_there_are_none_of_are_not_asked_for(cached, monkeypatch, tmp_path):
    monkeypatch.setattr(ablations, "QUESTIONS", {name: QUESTIONS[name] for name in ("views", "pairs")})
    clean = cached[0].with_views(slice(1)), cached[1]  # as of a preset with features.views: 0
    assert run(clean, tmp_path, dataclasses.replace(ABLATIONS, epochs=1))["questions"]["views"].keys() == {
        "clean alone"
    }


def test_killed_in_the_middle_it_goes_on_and_ends_alike(cached, tmp_path, monkeypatch):
    short = dataclasses.replace(ABLATIONS, epochs=1)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(ablations, "_train_and_score", killing(ablations._train_and_score, 6))
        run(cached, killed, short)
    trained = []
    real = ablations._train_and_score
    monkeypatch.setattr(ablations, "_train_and_score", lambda *args: trained.append(args[-1]) or real(*args))
    resumed = run(cached, killed, short)
    assert "all/reference" not in trained and len(trained) > 10
    assert resumed == run(cached, whole, short)


def test_a_law_is_found_again_and_none_from_too_few_numbers():
    n = [100, 200, 400, 800, 1600]
    found = scaling_law(n, [2 + 30 * x**-0.5 for x in n])
    assert (found["floor"], found["amplitude"], found["exponent"]) == pytest.approx((2, 30, 0.5), rel=1e-3)
    assert scaling_law(n[:3], [3, 2, 1])["exponent"] is None


def test_variants_name_values_that_the_alignment_has():
    fields = {field.name for field in dataclasses.fields(Alignment)}
    for question in QUESTIONS.values():
        labels = [variant.label for variant in question.variants + question.longer]
        assert len(labels) == len(set(labels))
        for variant in question.variants + question.longer:
            assert isinstance(variant, Variant) and variant.changes.keys() <= fields
