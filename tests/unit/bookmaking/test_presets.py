"""Presets: complete, typed, and refused with a message a person can act on."""

import h5py
import pytest
from small import write_pairs

from astroclip_book.errors import BookError
from bookmaking import open_run
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
        ({"pairs_path": 3}, "pairs_path: .*string, not 3"),
        ({"artefacts": "cosmic_ray"}, "survey: artefacts: .*list, not 'cosmic_ray'"),
        ({"artefacts": [3]}, "artefacts: 0: .*'cosmic_ray', not 3"),
        ({"artefact_fraction": 1.5}, "artefact_fraction: .*1, not 1.5"),
        ({"magnitude_limit": 5.0}, "magnitude_limit: .*16, not 5.0"),
        ({"input": "RGB"}, "input: .*'colours', 'rgb', 'rgb_stein' or 'nanomaggies', not 'RGB'"),
        ({"k": [16, 32]}, "k: .*integer, not .16, 32."),
        ({"image_encoder": {"epochs": 1}}, "Unknown parameter 'image_encoder'"),
        ({"temperature": "3e-3"}, "temperature: .*not '3e-3'. YAML takes this for text: write 1.0e-3 with a point"),
        ({"seed": -1}, "seed: .*0, not -1"),
        ({"temperature": 0}, "temperature: .*greater than 0, not 0"),
        ({"logit_scale": float("nan")}, "logit_scale: .*finite number, not nan"),
        ({"components": 100000}, "comparison: components: .*1000, not 100000"),
        ({"umap_min_dist": 5.0}, "analysis: umap_min_dist: .*1, not 5.0"),
        ({"validation_fraction": 1.0}, "data: validation_fraction: .*less than 1"),
    ],
)
def test_bad_overrides(override, message):
    with pytest.raises(BookError, match=message):
        load_preset("smoke", **override)


def test_the_real_pairs_are_those_that_are_downloaded():
    preset, files = load_preset("desi"), {key: f"data/{source.file}" for key, source in load_dataset("desi").items()}
    weights = preset.image_encoder.weights_path, preset.spectrum_encoder.weights_path
    encoders = dict(zip(("image_encoder", "spectrum_encoder"), weights))
    assert files == {"pairs": preset.data.pairs_path, "catalog": preset.data.catalog_path, **encoders}


def test_a_preset_or_file_that_is_not_there_is_named_with_those_there_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BookError, match="no preset 'lapdog'. Use one of: .*smoke"):
        load_preset("lapdog")
    there = f"There is no file {tmp_path / 'mine.yaml'}. Use one of: .*laptop, overnight, smoke"
    with pytest.raises(BookError, match=there):
        load_preset("mine.yaml")


def test_a_file_of_ones_own(tmp_path):
    (tmp_path / "mine.yaml").write_text(SMOKE, encoding="utf-8")
    assert load_preset(tmp_path / "mine.yaml").name == "mine"


SMOKE = (ROOT / "presets" / "smoke.yaml").read_text(encoding="utf-8")
NO_KEYS = "mine.yaml has no keys with values: copy a file of .*presets"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", NO_KEYS),
        ("just words", NO_KEYS),
        ("- a list", NO_KEYS),
        ("survey: [", "mine.yaml is not valid YAML"),
        ("seed: 0\nsurvey:\n", "survey: it should be keys with values, not None"),
        ("evaluation: 3", "mine.yaml: .*evaluation: it should be keys with values, not 3"),
        (SMOKE.replace("n_galaxies", "galaxies"), "survey: missing key n_galaxies; survey: unknown key galaxies"),
    ],
)
def test_a_file_that_is_no_preset(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(BookError, match=message):
        load_preset(tmp_path / "mine.yaml", k=3)


FEW = {
    "image_encoder_epochs": 1, "image_encoder_batch_size": 16, "queue_size": 64, "spectrum_encoder_epochs": 1,
    "spectrum_encoder_batch_size": 8, "views": 1, "features_batch_size": 16, "alignment_epochs": 1, "alignment_batch_size": 16,
    "validation_fraction": 0.2, "leading": 8,
}  # fmt: skip


def test_the_gpu_preset_trains_the_published_networks_on_any_processor(tmp_path):
    """At its full width, with few galaxies."""
    run = open_run(preset="gpu", run_dir=tmp_path, pairs_path=write_pairs(tmp_path / "real.h5", per_group=5), **FEW)
    for step in ("index", "image_encoder", "spectrum_encoder", "features", "alignment"):
        run.make(step)
        assert run.problem(step) is None
    with h5py.File(run.path("features.h5")) as file:
        assert file["image"]["clean"].shape == (50, 8 + 27)
        assert file["spectrum"]["clean"].shape == (50, 256 + 1)
    assert run.preset.image_encoder.field // run.preset.image_encoder.binning == 96
