"""Presets: complete, typed, and refused with a message a person can act on."""

import numpy as np
import pytest
import yaml

from astroclip_book.errors import BookError
from bookmaking.presets import ROOT, load_preset, preset_names
from real_sky.download import load_dataset


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads(name):
    assert load_preset(name).name == name


def test_overrides_by_key_and_by_section():
    preset = load_preset("smoke", n_galaxies=199, image_encoder_epochs=7, seed=3, k=None)
    assert (preset.survey.n_galaxies, preset.image_encoder.epochs, preset.seed) == (199, 7, 3)
    assert preset.evaluation.k == load_preset("smoke").evaluation.k


def test_a_whole_number_serves_where_a_fraction_is_expected():
    assert load_preset("smoke", logit_scale=10).alignment.logit_scale == 10.0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"n_galaxie": 1}, "Unknown parameter 'n_galaxie'. Did you mean 'n_galaxies'"),
        ({"epochs": 1}, "'epochs' could mean any of image_encoder_epochs, spectrum_encoder_epochs, alignment_epochs"),
        ({"n_galaxies": "many"}, "survey: n_galaxies: .*integer, not 'many'"),
        ({"n_galaxies": True}, "n_galaxies: .*integer, not True"),
        ({"n_galaxies": 99}, "n_galaxies: .*greater than or equal to 100, not 99"),
        ({"pairs_path": 3}, "pairs_path: .*string, not 3"),
        ({"artefacts": "cosmic_ray"}, "survey: artefacts: .*list, not 'cosmic_ray'"),
        ({"artefacts": [3]}, "artefacts.0: .*'cosmic_ray', not 3"),
        ({"artefacts": []}, "artefacts: .*at least 1 item"),
        ({"artefact_fraction": 1.5}, "artefact_fraction: .*1, not 1.5"),
        ({"magnitude_limit": 5.0}, "magnitude_limit: .*16, not 5.0"),
        ({"image_depth": -1.0}, "image_depth: .*greater than 0, not -1.0"),
        ({"input": "RGB"}, "input: .*'colours', 'rgb', 'rgb_stein' or 'nanomaggies', not 'RGB'"),
        ({"depth": 20}, "depth: .*18, 34 or 50, not 20"),
        ({"k": [16, 32]}, "k: .*integer, not .16, 32."),
        ({"image_encoder": {"epochs": 1}}, "Unknown parameter 'image_encoder'"),
        ({"temperature": "3e-3"}, "temperature: .*not '3e-3'. YAML takes this for text: write 1.0e-3 with a point"),
        ({"seed": -1}, "seed: .*0, not -1"),
        ({"k": 0}, "evaluation: k: .*greater than 0, not 0"),
        ({"image_encoder_epochs": -1}, "image_encoder: epochs: .*0, not -1"),
        ({"alignment_epochs": 0}, "alignment: epochs: .*greater than 0, not 0"),
        ({"temperature": 0}, "temperature: .*greater than 0, not 0"),
        ({"logit_scale": float("nan")}, "logit_scale: .*finite number, not nan"),
        ({"alignment_learning_rate": float("inf")}, "learning_rate: .*finite number, not inf"),
        ({"dropout": 1.0}, "alignment: dropout: .*less than 1, not 1.0"),
        ({"umap_min_dist": 5.0}, "analysis: umap_min_dist: .*1, not 5.0"),
        ({"validation_fraction": 1.0}, "data: validation_fraction: .*less than 1"),
    ],
)
def test_bad_overrides(override, message):
    with pytest.raises(BookError, match=message):
        load_preset("smoke", **override)


def test_values_of_notebooks_are_taken_as_what_they_are(tmp_path):
    given = {"n_galaxies": np.int64(500), "artefacts": ("chip_edge",), "pairs_path": tmp_path / "x.h5"}
    preset = load_preset("smoke", **given, temperature=np.float32(0.5))
    assert preset.survey.n_galaxies == 500 and preset.survey.artefacts == ["chip_edge"]
    assert preset.data.pairs_path == str(tmp_path / "x.h5") and preset.image_encoder.temperature == 0.5


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
    with pytest.raises(BookError, match=f"There is no file {tmp_path / 'mine.yaml'}. Use one of: .*laptop, smoke"):
        load_preset("mine.yaml")


@pytest.mark.parametrize("text", ["", "just words", "- a list"])
def test_a_file_without_keys(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(BookError, match="mine.yaml has no keys with values: copy a file of .*presets"):
        load_preset(str(path), k=3)


def test_a_file_of_ones_own(tmp_path):
    values = yaml.safe_load((ROOT / "presets" / "smoke.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    assert load_preset(str(path)).name == "mine"
    path.write_text(yaml.safe_dump(values | {"evaluation": 3}))
    with pytest.raises(BookError, match="mine.yaml: evaluation: expected keys with values, found 3"):
        load_preset(str(path), k=3)
    values["survey"]["galaxies"] = values["survey"].pop("n_galaxies")
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(BookError, match="mine.yaml: survey: missing key n_galaxies; unknown key galaxies"):
        load_preset(str(path))
    path.write_text("survey: [")
    with pytest.raises(BookError, match="mine.yaml is not valid YAML"):
        load_preset(str(path))


def test_presets_have_no_unset_section(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("seed: 0\nsurvey:\n")
    with pytest.raises(BookError, match="survey: expected keys with values, found None"):
        load_preset(str(path))
