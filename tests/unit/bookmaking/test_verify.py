"""A run agrees with its reference, or the numbers that do not are named."""

import copy
import json
import sys
import types

import pytest

from astroclip_book.errors import BookError
from bookmaking import __main__ as command_line
from bookmaking import verify as module
from bookmaking.presets import preset_names
from bookmaking.verify import Family, compare, family_of, load_families, report, verify, write_reference

FAMILIES = [
    Family("counts", ["counts.*"], "made of the seed", {"laptop": 0}),
    Family("scores", ["*.r2"], "trained", {"laptop": 0.02}),
    Family("rest", ["*"], "follows from others"),
]
METRICS = {"counts": {"train": 7200}, "property": {"image": {"r2": 0.8123456789, "r2_ci95": [0.7, 0.9], "k": 32}}}


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(module, "load_families", lambda: FAMILIES)
    preset = types.SimpleNamespace(name="laptop", seed=1)
    return types.SimpleNamespace(preset=preset, metrics=copy.deepcopy(METRICS))


@pytest.fixture
def reference(run, tmp_path):
    write_reference(run, tmp_path)
    return tmp_path


def test_a_run_agrees_with_itself_and_the_reference_holds_what_is_compared(run, reference):
    assert json.loads((reference / "laptop.json").read_text())["metrics"] == {
        "counts.train": 7200,
        "property.image.r2": 0.8123457,
    }
    assert "All 2 numbers agree" in verify(run, reference)


def test_a_run_with_another_seed_is_kept_apart(run, reference):
    run.preset.seed = 7
    assert write_reference(run, reference) == reference / "another_seed" / "laptop.json"
    assert json.loads((reference / "laptop.json").read_text())["seed"] == 1


def test_within_the_tolerance_it_agrees_and_just_beyond_it_does_not(run, reference):
    run.metrics["property"]["image"]["r2"] -= 0.0199
    assert "All 2 numbers agree" in verify(run, reference)
    run.metrics["property"]["image"]["r2"] -= 0.0002
    with pytest.raises(
        BookError, match=r"1 of 2 numbers do not agree(.|\n)*property.image.r2 +0.812346 +0.792246 +0.02"
    ):
        verify(run, reference)


@pytest.mark.parametrize("train", [7201, None, float("nan")])
def test_a_count_that_is_another_or_missing_or_not_a_number_fails(run, reference, train):
    run.metrics["counts"]["train"] = train
    with pytest.raises(BookError, match=r"1 of 2 numbers do not agree(.|\n)*counts.train"):
        verify(run, reference)


def test_what_is_not_compared_may_change_and_new_numbers_may_come(run, reference):
    run.metrics["property"]["image"]["k"] = 64
    run.metrics["counts"]["test"] = 5
    assert "All 2 numbers agree" in verify(run, reference)


def test_another_seed_and_a_preset_without_reference_are_said(run, reference, tmp_path):
    run.preset.seed = 2
    with pytest.raises(BookError, match="seed 2 and the reference seed 1"):
        verify(run, reference)
    run.preset.name = "gpu"
    with pytest.raises(BookError, match="There is no reference .*gpu.json: `make reference PRESET=gpu`"):
        verify(run, reference)
    with pytest.raises(BookError, match="has no tolerances for the preset 'gpu'"):
        write_reference(run, reference)


def test_the_report_names_the_furthest_number_of_each_family():
    rows = compare({"a.r2": 0.5, "b.r2": 0.5}, {"a": {"r2": 0.51}, "b": {"r2": 0.495}}, FAMILIES, "laptop")
    line = next(line for line in report(rows, FAMILIES, "laptop").splitlines() if line.startswith("scores"))
    assert line.split() == ["scores", "2", "0.02", "0.01", "a.r2"]


@pytest.mark.parametrize("command", [[], ["--run-dir", "mine"]])
def test_the_command_fails_with_the_report_and_begins_anew_unless_it_is_given_a_run(monkeypatch, tmp_path, command):
    def disagree(run):
        assert run.directory.name == (command[1] if command else "verify-smoke")
        raise BookError("1 of 2 numbers do not agree")

    monkeypatch.setattr(command_line, "execute", lambda *_: None)
    monkeypatch.setattr(command_line, "verify", disagree)
    monkeypatch.setattr(command_line, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["astroclip_book", "verify", "smoke", *command])
    old = [tmp_path / "runs" / "verify-smoke" / "old", tmp_path / "mine" / "old"]
    for file in old:
        file.parent.mkdir(parents=True)
        file.touch()
    with pytest.raises(SystemExit, match="Error: 1 of 2 numbers do not agree"):
        command_line.main()
    assert [file.is_file() for file in old] == [bool(command), True]


@pytest.mark.parametrize("path", sorted(module.REFERENCES.glob("*.json")), ids=lambda path: path.stem)
def test_every_number_of_a_committed_reference_has_a_tolerance_with_its_reason(path):
    families, names = load_families(), json.loads(path.read_text())["metrics"]
    assert path.stem in preset_names() and len(names) > 100
    for name in names:
        family = family_of(name, families)
        assert family.reason and path.stem in family.absolute


def test_one_altered_number_of_the_reference_fails():
    families, path = load_families(), module.REFERENCES / "laptop.json"
    reference = json.loads(path.read_text())["metrics"]
    rows = compare(reference, nested(reference), families, "laptop")
    assert len(rows) == len(reference) and all(row.holds for row in rows)
    name = "property.redshift.cross.r2"
    altered = {**reference, name: reference[name] + 1.01 * family_of(name, families).absolute["laptop"]}
    assert [row.metric for row in compare(reference, nested(altered), families, "laptop") if not row.holds] == [name]


def nested(flat: dict[str, float]) -> dict:
    """A tree whose numbers have these names; dots within a key make no difference to names."""
    tree: dict = {}
    for name, value in flat.items():
        *path, last = name.split(".")
        branch = tree
        for key in path:
            branch = branch.setdefault(key, {})
        branch[last] = value
    return tree
