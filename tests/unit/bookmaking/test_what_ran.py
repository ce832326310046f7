"""The record of a run as a page: what it says, and how it marks what is out of date."""

import json

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
    "first": Step("01_toy", ("pairs.h5",), ("survey", "sky"), (), first),
    "second": Step("01_toy", (), (), ("first",), second),
}
CHAPTER = "---\nkernelspec: {display_name: Python 3, language: python, name: python3}\n---\n# A\n\n```{code-cell} ipython3\n1\n```\n"
FINISHED = "2024-05-01T12:00:00Z"
COST = {"wall_seconds": 61.04, "peak_rss_bytes": 3 * 2**28, "finished": FINISHED, "commit": "3c9e7f7c0ffee"}


@pytest.fixture
def told(tmp_path):
    """Tells of a run with these values, made as far as ``make`` says, or as it lies there: cells of a table by the first of each line."""
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks").mkdir()
    chapter = tmp_path / "notebooks" / "01_toy.md"
    chapter.write_text(CHAPTER)

    def rows(title: str, make=(), record: bool = False, **values) -> dict[str, list[str]]:
        run = Run(load_preset("smoke", **values), tmp_path / "run", steps=STEPS)
        for name in make:
            run.make(name)
        if record:  # as if the chapter had been executed now
            (run.directory / "chapters").mkdir(exist_ok=True)
            (run.directory / "chapters" / "01_toy.ipynb").touch()
            made = {"key": _key(run, chapter, {}), "parameters": {}, **COST}
            (run.directory / "chapters.json").write_text(json.dumps({"01_toy": made}))
        rows.run, rows.page = run, what_ran(run, tmp_path)
        assert str(tmp_path) not in rows.page
        section = rows.page.partition(f"## {title}\n")[2].partition("\n## ")[0]
        lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
        return {line[0]: line[1:] for line in lines}

    rows.chapter = chapter
    return rows


def test_a_run_is_told_with_its_hashes_machine_and_values(told):
    the_run = told("The run", make=STEPS, record=True)
    assert the_run["seed"] == ["0"] and the_run["configuration"] == [f"`{configuration(told.run.preset)}`"]
    assert f"```text\n{digest('pairs')}  pairs.h5\n```" in told.page  # as sha256sum reads it
    assert as_yaml(told.run.preset) in told.page
    assert told("Artefacts")["`pairs.h5`"] == ["`first`", "5", f"`{digest('pairs')[:16]}`"]
    assert [told("Steps")[f"`{name}`"][-1] for name in STEPS] == ["up to date"] * 2
    assert told("Notebooks")["{doc}`/notebooks/01_toy`"] == ["61.0", "768", FINISHED, "3c9e7f7", "up to date"]
    hardware, machine = told.run.manifest["first"]["hardware"], told("Machine and versions")
    assert machine["processor"] == [hardware["cpu"]] and hardware["memory_bytes"] > 2**29
    assert machine["cores"] == [str(hardware["cores"])] and machine["GPU"] == ["–"]


def test_what_is_out_of_date_or_missing_is_marked(told):
    assert told("Notebooks", make=["first"])["{doc}`/notebooks/01_toy`"][-1] == "**not recorded**"
    assert told("Steps", record=True)["`second`"][-1] == "**not made**"
    told.chapter.write_text(CHAPTER.replace("\n1\n", "\n2\n"))
    assert told("Notebooks")["{doc}`/notebooks/01_toy`"][-1] == "**out of date**"
    assert told("Steps", n_galaxies=300)["`first`"][-1] == "**out of date**"


def test_files_of_a_reader_are_named_with_their_size(told, tmp_path):
    (tmp_path / "mine.npz").write_text("x" * 2048)
    given = told("The run", make=["first"], sky_spectra_path=str(tmp_path / "mine.npz"))
    assert given["given as `spectra_path`"] == ["2,048 bytes"] and "spectra_path: mine.npz" in told.page


def test_a_step_made_from_an_earlier_file_is_marked(told):
    told("Steps", make=STEPS)
    manifest = told.run.manifest
    manifest["first"]["sha256"]["pairs.h5"] = digest("others")  # made again, with the same key and other bytes
    (told.run.directory / "manifest.json").write_text(json.dumps(manifest))
    assert told("Steps")["`second`"][-1] == "**made from an earlier pairs.h5**"


def test_a_line_names_values_and_commit():
    preset = load_preset("smoke")
    name = configuration(preset)
    assert caption_line(preset, "3c9e7f7aa+dirty").endswith(f" · configuration {name} · commit 3c9e7f7, with changes")
    assert configuration(load_preset("smoke", alignment_epochs=3)) != name


def test_the_printed_values_are_a_preset_without_this_machines_paths(tmp_path):
    (tmp_path / "again.yaml").write_text(as_yaml(load_preset("smoke", pairs_path=str(tmp_path / "desi.h5"))))
    again = load_preset(tmp_path / "again.yaml")
    assert again.data.pairs_path == "desi.h5" and again.survey == load_preset("smoke").survey
