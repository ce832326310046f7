"""Presets: complete, typed, and refused with a message a person can act on."""

import dataclasses
import typing

import pytest
import yaml

from astroclip_book import config
from astroclip_book.errors import BookError
from bookmaking.presets import ROOT, Preset, load_preset, preset_names
from real_sky.download import load_dataset


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads(name):
    assert load_preset(name).name == name


def test_overrides_by_key_and_by_section():
    preset = load_preset("smoke", n_galaxies=99, image_encoder_epochs=7, seed=3, k=None)
    assert (preset.survey.n_galaxies, preset.image_encoder.epochs, preset.seed) == (99, 7, 3)
    assert preset.evaluation.k == load_preset("smoke").evaluation.k


def test_a_whole_number_serves_where_a_fraction_is_expected():
    assert load_preset("smoke", logit_scale=10).alignment.logit_scale == 10.0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"n_galaxie": 1}, "Unknown parameter 'n_galaxie'. Did you mean 'n_galaxies'"),
        ({"epochs": 1}, "'epochs' could mean any of image_encoder_epochs, spectrum_encoder_epochs, alignment_epochs"),
        ({"n_galaxies": "many"}, "survey: n_galaxies must be int, not 'many'"),
        ({"n_galaxies": True}, "n_galaxies must be int, not True"),
        ({"pairs_path": 3}, "pairs_path must be str or null, not 3"),
        ({"artefacts": "cosmic_ray"}, "survey: artefacts must be a list, not 'cosmic_ray'"),
        ({"input": "RGB"}, "input must be one of colours, rgb, rgb_stein, nanomaggies, not 'RGB'"),
        ({"size_keeps": "size"}, "size_keeps must be one of surface_brightness, flux, not 'size'"),
        ({"normalisation": "z-score"}, "normalisation must be one of weighted, zscore, median, not 'z-score'"),
        ({"depth": 20}, "depth must be one of 18, 34, 50, not 20"),
        ({"artefacts": [3]}, "artefacts: an item must be str, not 3"),
        (
            {"temperature": "3e-3"},
            "temperature must be float, not '3e-3'. YAML takes this for text: write 1.0e-3 with a point",
        ),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"k": 0}, "evaluation: k must be at least 1, not 0"),
        ({"image_encoder_batch_size": 0}, "image_encoder: batch_size must be at least 1, not 0"),
        ({"image_encoder_epochs": -1}, "image_encoder: epochs must be at least 0, not -1"),
        ({"alignment_epochs": 0}, "alignment: epochs must be at least 1, not 0"),
        ({"temperature": 0}, "temperature must be above 0, not 0.0"),
        ({"logit_scale": float("nan")}, "logit_scale must be above 0, not nan"),
        ({"alignment_learning_rate": float("inf")}, "learning_rate must be above 0, not inf"),
        ({"dropout": 1.0}, "alignment: dropout must be at least 0 and below 1, not 1.0"),
    ],
)
def test_bad_overrides(override, message):
    with pytest.raises(BookError, match=message):
        load_preset("smoke", **override)


def test_every_number_has_bounds_or_a_step_that_checks_it():
    hints = typing.get_type_hints(Preset)
    numbers = {
        f"{kind.__name__}.{key}"
        for kind in [Preset, *filter(dataclasses.is_dataclass, hints.values())]
        for key, of in typing.get_type_hints(kind).items()
        if {int, float} & {of, *typing.get_args(of)}
    }
    literal = {"ImageEncoder.depth"}
    elsewhere = {name for name in numbers if name.startswith("Survey.")} | {"Data.validation_fraction"}
    bounded = {name for name in numbers if name in config._RULES or name.split(".")[1] in config._RULES}
    assert numbers - literal - elsewhere == bounded
    assert {key.rpartition(".")[2] for key in config._RULES} <= {name.split(".")[1] for name in numbers}


def test_the_real_pairs_are_those_that_are_downloaded():
    preset, files = load_preset("desi"), {key: f"data/{source.file}" for key, source in load_dataset("desi").items()}
    encoders = {
        "image_encoder": preset.image_encoder.weights_path,
        "spectrum_encoder": preset.spectrum_encoder.weights_path,
    }
    assert files == {"pairs": preset.data.pairs_path, "catalog": preset.data.catalog_path, **encoders}


def test_unknown_preset_lists_those_there_are():
    with pytest.raises(BookError, match="no preset 'lapdog'. Use one of: .*smoke"):
        load_preset("lapdog")


def test_a_file_that_is_not_there_is_named_with_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BookError, match=f"There is no file {tmp_path / 'mine.yaml'}: .*laptop, smoke"):
        load_preset("mine.yaml")


@pytest.mark.parametrize("text", ["", "just words", "- a list"])
def test_a_file_without_keys(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(BookError, match="mine.yaml has no keys with values: copy a file of .*presets"):
        load_preset(str(path), k=3)


def test_a_file_of_ones_own(tmp_path):
    values = yaml.safe_load((ROOT / "presets" / "smoke.yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    assert load_preset(str(path)).name == "mine"
    path.write_text(yaml.safe_dump(values | {"evaluation": 3}))
    with pytest.raises(BookError, match="mine.yaml: evaluation: expected keys with values, found 3"):
        load_preset(str(path), k=3)
    values["survey"]["galaxies"] = values["survey"].pop("n_galaxies")
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(BookError, match="mine.yaml: survey: unknown key galaxies; missing key n_galaxies"):
        load_preset(str(path))
    path.write_text("survey: [")
    with pytest.raises(BookError, match="mine.yaml is not valid YAML"):
        load_preset(str(path))


def test_presets_have_no_unset_section(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("seed: 0\nsurvey:\n")
    with pytest.raises(BookError, match="missing key"):
        load_preset(str(path))
