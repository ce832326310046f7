"""Presets: complete, typed, and refused with a message a person can act on."""

import pytest
import yaml

from astroclip_book.errors import BookError
from astroclip_book.presets import ROOT, load_preset, preset_names
from astroclip_book.sources import load_dataset


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
    ],
)
def test_bad_overrides(override, message):
    with pytest.raises(BookError, match=message):
        load_preset("smoke", **override)


def test_the_real_pairs_are_those_that_are_downloaded():
    preset, files = load_preset("desi"), {key: f"data/{source.file}" for key, source in load_dataset("desi").items()}
    encoders = {"image_encoder": preset.image_encoder.weights_path, "spectrum_encoder": preset.spectrum_encoder.weights_path}
    assert files == {"pairs": preset.data.pairs_path, "catalog": preset.data.catalog_path, **encoders}


def test_unknown_preset_lists_those_there_are():
    with pytest.raises(BookError, match="no preset 'lapdog'. Use one of: .*smoke"):
        load_preset("lapdog")


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
    for text in ("", "- survey"):
        path.write_text(text)
        with pytest.raises(BookError, match="mine.yaml: expected keys with values"):
            load_preset(str(path), k=3)
    path.write_text("survey: [")
    with pytest.raises(BookError, match="mine.yaml is not valid YAML"):
        load_preset(str(path))


def test_presets_have_no_unset_section(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("seed: 0\nsurvey:\n")
    with pytest.raises(BookError, match="missing key"):
        load_preset(str(path))
