"""Runs: what is made again, what is kept, and what is said when something is wrong."""

import dataclasses
import errno
import importlib
import json
import sys
import textwrap
import types

import pytest

from astroclip_book.data.files import lock
from astroclip_book.errors import BookError
from bookmaking.presets import ROOT, load_preset
from bookmaking.run import Run, Step, open_run

TOY = """
    calls = []

    def survey(run, scratch):
        calls.append("survey")
        (scratch / "pairs.h5").write_text("p" * run.preset.survey.n_galaxies)
        (scratch / "catalog.h5").write_text("c")
        return {"counts": {"train": run.preset.survey.n_galaxies}}

    def encoder(run, scratch):
        calls.append("encoder")
        checkpoint = scratch / "checkpoint"
        if not checkpoint.exists():
            checkpoint.write_text("half way")
            raise KeyboardInterrupt
        run.path("pairs.h5")
        (scratch / "image_encoder.pt").write_text(checkpoint.read_text())

    def numbers(run, scratch):
        calls.append("numbers")
        return {"counts": {"test": run.preset.evaluation.pool}}

    def full(run, scratch):
        raise OSError({errno}, "No space left on device")
"""

STEPS = {
    "survey": Step("survey", "toy:survey", ("pairs.h5", "catalog.h5"), ("survey",), (), "01_survey"),
    "encoder": Step(
        "encoder", "toy_encoder:encoder", ("image_encoder.pt",), ("image_encoder",), ("survey",), "02_images"
    ),
    "numbers": Step("numbers", "toy:numbers", (), ("evaluation",), ("survey",), "06_numbers"),
    "full": Step("full", "toy:full", ("full.h5",), (), (), "07_full"),
}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Toy steps, in two modules so that the code of one can change alone."""
    source = textwrap.dedent(TOY).replace("{errno}", str(errno.ENOSPC))
    (tmp_path / "toy.py").write_text(source)
    (tmp_path / "toy_encoder.py").write_text("from toy import encoder\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("toy", "toy_encoder"):
        sys.modules.pop(name, None)
    yield importlib.import_module("toy")
    for name in ("toy", "toy_encoder"):
        sys.modules.pop(name, None)


@pytest.fixture
def open_(toy, tmp_path):
    def run(**overrides):
        return Run(load_preset("smoke", **overrides), tmp_path / "run", steps=STEPS)

    return run


def make_all(run):
    run.make("survey")
    with pytest.raises(KeyboardInterrupt):
        run.make("encoder")
    run.make("encoder")
    run.make("numbers")


def test_fresh_steps_are_not_made_again(toy, open_):
    make_all(open_())
    toy.calls.clear()
    for step in ("survey", "encoder", "numbers"):
        open_().make(step)
    assert toy.calls == []


def test_a_changed_value_changes_its_step_and_what_depends_on_it(open_):
    def changed(**override):
        return {name for name in STEPS if open_().key(name) != open_(**override).key(name)}

    assert changed(n_galaxies=100) == {"survey", "encoder", "numbers"}
    assert changed(image_encoder_epochs=9) == {"encoder"}
    assert changed(pool=3) == {"numbers"}
    assert changed(umap_neighbors=3) == set()
    assert changed(seed=9) == set(STEPS)


def test_keys_follow_code_but_not_its_comments(tmp_path, open_):
    before = {name: open_().key(name) for name in STEPS}
    path = tmp_path / "toy_encoder.py"
    path.write_text('"""A docstring."""\n\n# a comment\nfrom toy import encoder\n')
    assert {name: open_().key(name) for name in STEPS} == before
    path.write_text("from toy import encoder\n\nx = 1\n")
    assert {name for name in STEPS if open_().key(name) != before[name]} == {"encoder"}


def test_killed_step_leaves_nothing_half_written_and_resumes(toy, open_, tmp_path):
    run = open_()
    run.make("survey")
    with pytest.raises(KeyboardInterrupt):
        run.make("encoder")
    assert not (run.directory / "image_encoder.pt").exists()
    with pytest.raises(BookError, match="image_encoder.pt has not been made. Run the chapter 02_images"):
        run.path("image_encoder.pt")
    open_().make("encoder")
    assert open_().path("image_encoder.pt").read_text() == "half way"
    assert not (run.directory / ".partial" / "encoder").exists()


def test_scratch_of_another_configuration_is_wiped(toy, open_):
    open_().make("survey")
    with pytest.raises(KeyboardInterrupt):
        open_().make("encoder")
    with pytest.raises(KeyboardInterrupt):  # begins anew: no checkpoint
        open_(image_encoder_epochs=9).make("encoder")


def test_stale_artefact_names_what_differs(open_):
    make_all(open_())
    with pytest.raises(BookError, match="pairs.h5 is stale: made with survey.n_galaxies = 256, now 100"):
        open_(n_galaxies=100).path("pairs.h5")
    with pytest.raises(BookError, match="input 'survey' changed .made with survey.n_galaxies = 256, now 100"):
        open_(n_galaxies=100).path("image_encoder.pt")


def test_stale_code_is_named(open_, tmp_path):
    make_all(open_())
    (tmp_path / "toy_encoder.py").write_text("from toy import encoder\nx = 1\n")
    with pytest.raises(BookError, match="image_encoder.pt is stale: the code that makes it changed"):
        open_().path("image_encoder.pt")


def test_truncated_and_missing_artefacts(toy, open_):
    run = open_()
    run.make("survey")
    (run.directory / "pairs.h5").write_text("p")
    with pytest.raises(BookError, match="pairs.h5 is damaged: 1 bytes instead of 256"):
        run.path("pairs.h5")
    (run.directory / "pairs.h5").unlink()
    with pytest.raises(BookError, match="pairs.h5 is missing"):
        run.path("pairs.h5")
    run.make("survey")
    assert run.path("pairs.h5").stat().st_size == 256


def test_upstream_must_be_there(toy, open_, tmp_path):
    with pytest.raises(
        BookError,
        match="has not been made. Run the chapter 01_survey with the same values, or `make book PRESET=smoke`",
    ):
        open_().make("encoder")
    with pytest.raises(BookError, match="`make book PRESET=<path of your mine.yaml>`"):
        Run(dataclasses.replace(load_preset("smoke"), name="mine"), tmp_path / "run", steps=STEPS).make("encoder")
    with pytest.raises(BookError, match="No step makes 'nonsense.h5'"):
        open_().path("nonsense.h5")


def test_manifest_and_metrics(open_):
    run = open_()
    make_all(run)
    record = json.loads((run.directory / "manifest.json").read_text())["survey"]
    assert record["configuration"]["survey"]["n_galaxies"] == 256
    assert record["artefacts"] == {"pairs.h5": 256, "catalog.h5": 1}
    assert {"commit", "packages", "python", "device", "finished"} <= record.keys()
    metrics = json.loads((run.directory / "metrics.json").read_text())
    assert metrics == run.metrics
    assert metrics["counts"] == {"train": 256, "test": 50}
    assert metrics["timing"]["survey"]["wall_seconds"] >= 0
    assert metrics["memory"]["survey"]["peak_rss_bytes"] > 2**20


def test_metrics_of_another_configuration_are_left_out(open_):
    make_all(open_())
    open_(pool=3).make("numbers")
    assert open_(pool=3).metrics["counts"] == {"train": 256, "test": 3}
    assert "test" not in open_().metrics["counts"]


def test_unreadable_manifest(open_):
    run = open_()
    run.make("survey")
    (run.directory / "manifest.json").write_text("{")
    with pytest.raises(BookError, match="manifest.json cannot be read"):
        run.path("pairs.h5")
    (run.directory / "manifest.json").write_text("[1]")
    with pytest.raises(BookError, match="manifest.json has no keys with values. Delete it"):
        run.path("pairs.h5")


def test_full_disk_is_explained_and_keeps_what_is_made(open_):
    run = open_()
    run.make("survey")
    with pytest.raises(BookError, match=r"No space left in .*run \(\d+ MiB free\)"):
        run.make("full")
    assert run.path("pairs.h5").is_file()


def test_two_processes_do_not_make_the_same_step(open_):
    run = open_()
    refusal = pytest.raises(BookError, match="Another process is making step 'survey'")
    with lock(run.directory / ".partial" / "survey.lock"), refusal:
        run.make("survey")


def test_real_pairs_replace_the_survey(toy, open_, tmp_path, capsys):
    pairs, catalog = tmp_path / "real.h5", tmp_path / "provabgs.h5"
    pairs.write_text("real")
    mock, real = open_(), open_(pairs_path=str(pairs))
    assert mock.source == "mock survey" and real.source == "real data: real"
    assert mock.key("encoder") != real.key("encoder")
    real.make("survey")
    assert toy.calls == [] and f"read from {pairs}" in capsys.readouterr().out
    assert real.path("pairs.h5") == pairs
    with pytest.raises(BookError, match="no catalogue"):
        real.path("catalog.h5")
    pairs.write_text("changed")
    assert open_(pairs_path=str(pairs)).key("survey") != real.key("survey")
    with pytest.raises(BookError, match="catalog_path: there is no file"):
        open_(pairs_path=str(pairs), catalog_path=str(catalog))
    catalog.write_text("c")
    with pytest.raises(BookError, match="catalog_path is given without pairs_path"):
        open_(catalog_path=str(catalog))


def test_open_run_reads_the_parameters_of_a_notebook(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bookmaking.pipeline", types.SimpleNamespace(STEPS=STEPS))
    notebook = {"preset": "smoke", "run_dir": str(tmp_path), "seed": None, "device": "cpu", "n_galaxies": 99}
    notebook |= {"_": 1, "json": json}  # as IPython and imports leave them
    run = open_run(notebook)
    assert (run.preset.survey.n_galaxies, run.preset.seed, run.directory) == (99, 0, tmp_path)
    notebook["threshold"] = 0.5  # a variable of a later cell, when the first is run again
    assert dataclasses.asdict(open_run(notebook).preset) == dataclasses.asdict(run.preset)


def test_open_run_refuses_what_it_does_not_know(tmp_path):
    with pytest.raises(BookError, match="Unknown parameter 'n_galaxie'. Did you mean 'n_galaxies'"):
        open_run({"preset": "smoke", "n_galaxie": 99})
    with pytest.raises(BookError, match="no preset 'lapdog'"):
        open_run({"preset": "lapdog"})
    with pytest.raises(BookError, match="device must be"):
        open_run({"preset": "smoke", "device": "tpu"})


def test_files_of_a_pattern_make_a_step_stale_when_one_joins_them(toy, tmp_path):
    steps = {"survey": STEPS["survey"], "asked": Step("asked", "toy:numbers", (), ("own",), ("survey",), "12_own")}

    def open_again():
        return Run(load_preset("smoke", spectra_files=str(tmp_path / "*.fits")), tmp_path / "run", steps=steps)

    with pytest.raises(BookError, match=r"own.spectra_files: no file matches .*\*.fits"):
        open_again()
    (tmp_path / "a.fits").write_text("first")
    for step in steps:
        open_again().make(step)
    assert open_again().problem("asked") is None
    (tmp_path / "b.fits").write_text("second")
    assert "stale: made with files.spectra_files" in open_again().problem("asked")


def test_a_given_file_that_changed_makes_its_step_stale(toy, tmp_path):
    steps = {"survey": STEPS["survey"], "asked": Step("asked", "toy:numbers", (), ("sky",), ("survey",), "08_sky")}
    spectra = tmp_path / "spectra.npz"
    spectra.write_text("first")

    def open_again():
        return Run(load_preset("smoke", sky_spectra_path=str(spectra)), tmp_path / "run", steps=steps)

    open_again().make("survey")
    open_again().make("asked")
    assert open_again().problem("asked") is None
    spectra.write_text("another")
    assert "stale: made with files.spectra_path" in open_again().problem("asked")
    assert open_again().problem("survey") is None
    spectra.unlink()
    with pytest.raises(BookError, match="spectra_path: there is no file"):
        open_again()


def test_files_of_a_preset_lie_in_the_repository_and_are_downloaded_where_they_do_not(tmp_path, monkeypatch):
    monkeypatch.setattr("bookmaking.run.ROOT", tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.h5").write_text("pairs")
    run = Run(load_preset("smoke", pairs_path="data/mine.h5"), tmp_path / "run", steps={})
    assert run.preset.data.pairs_path == str(tmp_path / "data" / "mine.h5")
    monkeypatch.setattr("bookmaking.run.ROOT", ROOT)
    with pytest.raises(BookError, match="no file .*/data/nobodys.ckpt.$"):
        Run(load_preset("smoke", image_encoder_weights_path="data/nobodys.ckpt"), tmp_path / "run", steps={})
    release = "data/absent/astroclip_desi.1.1.5.h5"
    with pytest.raises(BookError, match=f"no file .*/{release}. Run `make data DATASET=desi`"):
        Run(load_preset("desi", pairs_path=release), tmp_path / "run", steps={})
