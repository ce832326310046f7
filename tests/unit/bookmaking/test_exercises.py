"""The exercises at the ends of the chapters, and a copy of the chapters without their solutions."""

import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
import yaml

from bookmaking.presets import ROOT, load_preset

CHAPTERS = sorted((ROOT / "notebooks").glob("*.md"))


def section(chapter):
    """Cells of the section "Exercises", the last of a chapter."""
    before, heading, after = chapter.read_text().rpartition("\n## Exercises\n")
    assert heading and "\n## " not in after
    return jupytext.reads(before[: before.index("\n---\n") + 5] + after, "md:myst").cells


def is_solution(cell) -> bool:
    return "solution" in cell.metadata.get("tags", [])


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_each_exercise_has_a_folded_solution_and_one_is_executed(chapter):
    cells = section(chapter)
    asked = [i for i, cell in enumerate(cells) if not is_solution(cell)]
    assert len(asked) >= 3
    for number, i in enumerate(asked, start=1):
        assert cells[i].source.startswith(f":::{{admonition}} Exercise {number}: ")
        assert is_solution(cells[i + 1]), f"exercise {number} has no solution"
    code = [cell for cell in cells if is_solution(cell) and cell.cell_type == "code"]
    assert any("assert" in cell.source for cell in code)
    for cell in filter(is_solution, cells):
        if cell in code:
            assert "hide-cell" in cell.metadata["tags"] and "Solution" in cell.metadata["mystnb"]["code_prompt_show"]
        else:
            assert cell.source.startswith(":::{dropdown} Solution\n") and cell.source.endswith("\n:::")


def test_parameters_to_turn_are_those_of_a_preset():
    commands = re.findall(r"papermill - executed.ipynb (-p run_dir .*)", "\n".join(map(Path.read_text, CHAPTERS)))
    assert len(commands) > 5
    for command in commands:
        given = dict(re.findall(r"-p (\w+) (\S+)", command))
        assert given.pop("run_dir") != "runs/laptop", "a reader keeps the run of the book"
        load_preset("laptop", **{name: yaml.safe_load(value) for name, value in given.items()})


def test_a_teacher_gets_chapters_without_solutions(tmp_path):
    text = (ROOT / "book" / "teaching.md").read_text()
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    for chapter in CHAPTERS:
        left = jupytext.read(tmp_path / "runs" / "exercises" / f"{chapter.stem}.ipynb").cells
        assert not any(map(is_solution, left)) and "Solution" not in left[-1].source
        assert len(left) == sum(not is_solution(cell) for cell in jupytext.read(chapter).cells)
