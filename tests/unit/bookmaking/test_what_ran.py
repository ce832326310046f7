"""The record of a run as a page: what it says, and how it marks what is out of date."""

import json
from pathlib import Path

import pytest

from bookmaking.execution import _key
from bookmaking.presets import as_yaml, load_preset
from bookmaking.site.what_ran import caption_line, configuration, what_ran
from bookmaking.store.keys import digest
from bookmaking.store.recipes import Step
from bookmaking.store.run import Run


def first(run, scratch):
    (scratch / "pairs.h5").write_text("pairs")


def second(run, scratch):
    run.path("pairs.h5")
    return {"n": 1}


STEPS = {
    "first": Step("01_toy", ("pairs.h5",), ("survey",), (), first),
    "second": Step("01_toy", (), (), ("first",), second),
}
CHAPTER = "---\nkernelspec: {display_name: Python 3, language: python, name: python3}\n---\n# A chapter\n\n```{code-cell} ipython3\n1\n```\n"
FINISHED = "2024-05-01T12:00:00Z"
COST = {"wall_seconds": 61.04, "peak_rss_bytes": 3 * 2**28, "finished": FINISHED, "commit": "3c9e7f7c0ffee"}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_toy.md").write_text(CHAPTER)
    return tmp_path


def record_chapter(run: Run, root: Path) -> None:
    """As if the chapter had been executed now."""
    key = _key(run, root / "notebooks" / "01_toy.md", {})
    (run.directory / "chapters").mkdir(exist_ok=True)
    (run.directory / "chapters" / "01_toy.ipynb").touch()
    (run.directory / "chapters.json").write_text(json.dumps({"01_toy": {"key": key, "parameters": {}, **COST}}))


def rows(page: str, title: str) -> dict[str, list[str]]:
    """Cells of a section's table by the first of each line."""
    section = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return {line[0]: line[1:] for line in lines}


def test_a_run_is_told_with_its_hashes_machine_and_values(root):
    run = Run(load_preset("smoke"), root / "run", steps=STEPS)
    for name in STEPS:
        run.make(name)
    record_chapter(run, root)
    page = what_ran(run, root)
    assert rows(page, "The run")["seed"] == ["0"]
    assert rows(page, "The run")["configuration"] == [f"`{configuration(run.preset)}`"]
    assert rows(page, "Artefacts")["`pairs.h5`"] == ["`first`", "5", f"`{digest('pairs')[:16]}`"]
    assert f"```text\n{digest('pairs')}  pairs.h5\n```" in page  # as sha256sum reads it
    assert run.manifest["second"]["inputs"] == {"pairs.h5": digest("pairs")}
    assert [rows(page, "Steps")[f"`{name}`"][-1] for name in STEPS] == ["up to date"] * 2
    notebook = ["61.0", "768", FINISHED, "3c9e7f7", "up to date"]
    assert rows(page, "Notebooks")["{doc}`/notebooks/01_toy`"] == notebook
    hardware, machine = run.manifest["first"]["hardware"], rows(page, "Machine and versions")
    assert machine["processor"] == [hardware["cpu"]] and hardware["memory_bytes"] > 2**29
    assert machine["cores"] == [str(hardware["cores"])] and machine["GPU"] == ["–"]
    assert as_yaml(run.preset) in page
    assert str(root) not in page


def test_what_is_out_of_date_or_missing_is_marked(root):
    run = Run(load_preset("smoke"), root / "run", steps=STEPS)
    run.make("first")
    assert rows(what_ran(run, root), "Notebooks")["{doc}`/notebooks/01_toy`"][-1] == "**not recorded**"
    assert rows(what_ran(run, root), "Steps")["`second`"][-1] == "**not made**"
    record_chapter(run, root)
    (root / "notebooks" / "01_toy.md").write_text(CHAPTER.replace("\n1\n", "\n2\n"))
    assert rows(what_ran(run, root), "Notebooks")["{doc}`/notebooks/01_toy`"][-1] == "**out of date**"
    other = Run(load_preset("smoke", n_galaxies=300), root / "run", steps=STEPS)
    assert rows(what_ran(other, root), "Steps")["`first`"][-1] == "**out of date**"


def test_files_of_a_reader_are_named_with_their_size(root):
    (root / "mine.h5").write_text("x" * 2048)
    steps = {"first": Step("01_toy", ("pairs.h5",), ("data",), (), first)}
    run = Run(load_preset("smoke", pairs_path=str(root / "mine.h5")), root / "run", steps=steps)
    run.make("first")
    page = what_ran(run, root)
    assert rows(page, "The run")["given as `pairs_path`"] == ["2,048 bytes"]
    assert "pairs_path: mine.h5" in page and str(root) not in page


def test_a_step_made_from_an_earlier_file_is_marked(root):
    run = Run(load_preset("smoke"), root / "run", steps=STEPS)
    for name in STEPS:
        run.make(name)
    path = run.directory / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["first"]["sha256"]["pairs.h5"] = digest("others")  # made again, with the same key and other bytes
    path.write_text(json.dumps(manifest))
    assert rows(what_ran(run, root), "Steps")["`second`"][-1] == "**made from an earlier pairs.h5**"


def test_a_line_names_values_and_commit():
    preset, other = load_preset("smoke"), load_preset("smoke", alignment_epochs=3)
    name = configuration(preset)
    assert caption_line(preset, "3c9e7f7aa") == f"Run smoke · seed 0 · configuration {name} · commit 3c9e7f7"
    assert caption_line(preset, "3c9e7f7aa+dirty").endswith("commit 3c9e7f7, with changes")
    assert configuration(other) != name
    assert caption_line(preset, "unknown").endswith("commit unknown")


def test_the_printed_values_are_a_preset_without_this_machines_paths(tmp_path):
    pairs = tmp_path / "desi.h5"
    pairs.write_text("")
    (tmp_path / "again.yaml").write_text(as_yaml(load_preset("smoke", pairs_path=str(pairs))))
    again = load_preset(str(tmp_path / "again.yaml"))
    assert again.data.pairs_path == "desi.h5" and again.survey == load_preset("smoke").survey
