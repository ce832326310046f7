"""Chapters are executed when something changed, and a failing one says why in a line."""

import textwrap

import pytest

from astroclip_book.errors import BookError
from bookmaking import execution
from bookmaking.execution import chapters, execute, executed, outdated, records
from bookmaking.presets import load_preset
from bookmaking.store import Run

CHAPTER = """
    ---
    kernelspec: {{display_name: Python 3, language: python, name: python3}}
    ---
    # A chapter

    ```{{code-cell}} ipython3
    :tags: [parameters]
    preset = "laptop"
    ```

    ```{{code-cell}} ipython3
    {code}
    ```
"""


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "prose.md").write_text("# Prose only\n")
    return tmp_path


@pytest.fixture
def run_chapters(repository):
    run = Run(load_preset("smoke"), repository / "run", steps={})

    def go(code, preset="smoke"):
        (repository / "notebooks" / "01_toy.md").write_text(textwrap.dedent(CHAPTER).format(code=code).lstrip())
        return execute(run, {"preset": preset}, {}, repository)

    go.run = run
    return go


def test_a_chapter_is_executed_once_until_it_changes(run_chapters, repository):
    assert run_chapters("print(preset)") == ["01_toy"]
    assert "smoke" in executed(run_chapters.run, chapters(repository)[0]).read_text()
    assert run_chapters("print(preset)") == []
    record = records(run_chapters.run)["01_toy"]
    assert (
        0 < record["wall_seconds"] < 60
        and record["peak_rss_bytes"] > 2**24
        and record["parameters"] == {"preset": "smoke"}
    )
    assert not outdated(run_chapters.run, chapters(repository)[0], record)
    assert run_chapters("print(preset + preset)") == ["01_toy"]
    assert run_chapters("print(preset + preset)", preset="laptop") == ["01_toy"]


def test_a_chapter_is_out_of_date_when_the_reference_that_it_comments_on_is_renewed(
    run_chapters, repository, monkeypatch
):
    run_chapters("print(preset)")
    record, chapter = records(run_chapters.run)["01_toy"], chapters(repository)[0]
    (repository / "other.json").write_text("{}")
    monkeypatch.setattr(execution, "COMMENTED", [repository / "other.json"])
    assert outdated(run_chapters.run, chapter, record)


def test_a_failing_chapter_keeps_the_old_and_says_why(run_chapters, repository):
    run_chapters("print(preset)")
    target = executed(run_chapters.run, chapters(repository)[0])
    before = target.read_bytes()
    with pytest.raises(BookError, match="01_toy.md stopped: pairs.h5 is gone\nIts cells .*failed.ipynb"):
        run_chapters("from astroclip_book.errors import BookError; raise BookError('pairs.h5 is gone')")
    with pytest.raises(BookError, match="stopped: ZeroDivisionError: division by zero"):
        run_chapters("1 / 0")
    assert target.read_bytes() == before
    assert target.with_suffix(".failed.ipynb").is_file()


def test_a_killed_chapter_is_explained(run_chapters):
    with pytest.raises(BookError, match="01_toy.md stopped: its process was killed, .* GiB free"):
        run_chapters("import os; os.kill(os.getpid(), 9)")
