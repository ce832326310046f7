"""A run agrees with its reference, or the numbers and names that do not are named."""

import copy
import json
import sys
import types

import pytest
import yaml

from astroclip_book.errors import BookError
from bookmaking import __main__ as command_line
from bookmaking import verify as module
from bookmaking.presets import preset_names
from bookmaking.verify import compare, renamed, tolerances, verify, write_reference

FAMILIES = [
    {"name": "counts", "metrics": ["counts.*"], "reason": "made of the seed", "absolute": {"laptop": 0}},
    {"name": "scores", "metrics": ["*.r2"], "reason": "trained", "absolute": {"laptop": 0.02}},
    {"name": "rest", "metrics": ["*"], "reason": "follows from others"},
]
METRICS = {
    "counts": {"train": 7200},
    "property": {"image": {"r2": 0.8123456789, "r2_ci95": [0.7, 0.9], "k": 32}},
    "gain": {"image": {"r2_ci95": [-0.01, 0.03]}},
}
LISTED = "counts.train\ngain.*\nproperty.*\nproperty.image.r2\n"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """A run of two numbers that are compared, with tolerances and names of its own."""
    (tmp_path / "tolerances.yaml").write_text(yaml.safe_dump(FAMILIES))
    for name, text in (("laptop", LISTED), ("retired", "# Why.\nold.* # never read\n")):
        (tmp_path / f"{name}.txt").write_text(text)
    monkeypatch.setattr(module, "REFERENCES", tmp_path)
    monkeypatch.setattr(module, "NAMES", tmp_path)
    preset = types.SimpleNamespace(name="laptop", seed=1)
    return types.SimpleNamespace(preset=preset, metrics=copy.deepcopy(METRICS))


@pytest.fixture
def reference(run, tmp_path):
    write_reference(run, tmp_path)
    return tmp_path


def test_a_run_agrees_with_itself_and_the_reference_holds_what_is_compared(run, reference):
    kept = json.loads((reference / "laptop.json").read_text())
    assert kept["metrics"] == {"counts.train": 7200, "property.image.r2": 0.8123457}
    assert kept["not_compared"] == {"property.image.k": 32, "gain.image.r2_ci95": [-0.01, 0.03]}
    run.metrics["property"]["image"]["k"] = 64  # what is not compared may change
    assert "All 2 numbers agree" in verify(run, reference)


@pytest.mark.parametrize(
    ("r2", "train", "far"),
    [
        (0.793, 7200, ""),
        (0.792, 7200, "property.image.r2 .*0.812346 +0.792"),
        (0.8, 7201, "counts.train"),
        (0.8, None, "counts.train"),
        (0.8, float("nan"), "counts.train"),
    ],
)
def test_within_the_tolerance_it_agrees_and_just_beyond_it_does_not(run, reference, r2, train, far):
    run.metrics["property"]["image"]["r2"], run.metrics["counts"]["train"] = r2, train
    if far:
        with pytest.raises(BookError, match=rf"1 of 2 numbers do not agree(.|\n)*{far}"):
            verify(run, reference)
    else:
        assert "All 2 numbers agree" in verify(run, reference)


def test_a_lost_name_fails_unless_it_is_retired_and_a_new_one_asks_to_be_listed(run, reference):
    (reference / "laptop.txt").write_text(f"{LISTED}old.r2\nsearch.n\n")
    run.metrics["new"] = {"ones": [1]}
    assert renamed(run.metrics, "laptop") == (["search.n"], ["new.ones"])
    with pytest.raises(BookError, match=r"0 of 2 numbers(.|\n)*lost: search.n"):
        verify(run, reference)
    (reference / "laptop.txt").write_text(f"{LISTED}old.r2\n")
    assert "does not list yet: new.ones" in verify(run, reference)


def test_another_seed_and_a_preset_without_reference_are_said(run, reference):
    run.preset.seed = 2
    with pytest.raises(BookError, match="seed 2, the reference seed 1"):
        verify(run, reference)
    assert write_reference(run, reference) == reference / "another_seed" / "laptop.json"
    assert json.loads((reference / "laptop.json").read_text())["seed"] == 1
    run.preset.name = "gpu"
    with pytest.raises(BookError, match="There is no reference .*gpu.json: `make reference PRESET=gpu`"):
        verify(run, reference)
    with pytest.raises(BookError, match="has no tolerances for the preset 'gpu'"):
        write_reference(run, reference)


def test_the_table_names_the_furthest_number_of_each_family(run, reference):
    kept = {"seed": 1, "commit": "3c9e7f7", "metrics": {"a.r2": 0.5, "property.image.r2": 0.82}}
    (reference / "laptop.json").write_text(json.dumps(kept))
    run.metrics["a"] = {"r2": 0.515}
    (reference / "laptop.txt").write_text(f"{LISTED}a.r2\n")
    line = next(line for line in verify(run, reference).splitlines() if line.startswith("scores"))
    assert line.split() == ["scores", "2", "0.02", "0.015", "a.r2"]


@pytest.mark.parametrize("command", [[], ["--run-dir", "mine"]])
def test_the_command_fails_with_the_report_and_begins_anew_unless_it_is_given_a_run(monkeypatch, tmp_path, command):
    def disagree(run):
        assert run.directory.name == (command[1] if command else "verify-smoke")
        raise BookError("1 of 2 numbers do not agree")

    for name, value in {"execute": lambda *_: None, "verify": disagree, "ROOT": tmp_path}.items():
        monkeypatch.setattr(command_line, name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bookmaking", "verify", "smoke", *command])
    old = [tmp_path / "runs" / "verify-smoke" / "old", tmp_path / "mine" / "old"]
    for file in old:
        file.parent.mkdir(parents=True)
        file.touch()
    with pytest.raises(SystemExit, match="Error: 1 of 2 numbers do not agree"):
        command_line.main()
    assert [file.is_file() for file in old] == [bool(command), True]


@pytest.mark.parametrize("name", ["laptop", "smoke"])
def test_every_number_of_a_committed_reference_has_a_tolerance_and_one_altered_number_fails(name):
    reference = json.loads((module.REFERENCES / f"{name}.json").read_text())["metrics"]
    table = compare(reference, reference, name)  # dots within keys make no difference to names
    assert name in preset_names() and len(table) == len(reference) > 90 and table["holds"].all()
    altered = "property.redshift.image.n"
    assert not compare(reference, {**reference, altered: reference[altered] + 1}, name).loc[altered, "holds"]
    assert tolerances(["timing.survey.wall_seconds"], name).empty
