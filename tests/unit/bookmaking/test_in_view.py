"""What each chapter shows of its code: `tests/book/in_view.yaml` lists it, and the source shown is the source that runs."""

import ast
import functools
import importlib
import re
from pathlib import Path

import jupytext
import pytest
import yaml

from bookmaking.presets import ROOT

QUOTED = re.compile(r"^```{literalinclude} (\S+)\n((?::.*\n)*)", re.MULTILINE)
HIDDEN = {"remove-cell", "remove-input", "hide-cell", "hide-input", "parameters", "solution"}
LISTED = yaml.safe_load((ROOT / "tests" / "book" / "in_view.yaml").read_text(encoding="utf-8"))


def in_view(chapter: Path) -> set[str]:
    """Functions and classes that a reader sees: those of visible cells by name, those quoted as ``module.name``."""
    cells, shown = jupytext.read(chapter).cells, set()
    for cell in cells:
        if cell.cell_type == "code" and not HIDDEN & set(cell.metadata.get("tags", [])):
            tree = ast.walk(ast.parse(cell.source))
            shown |= {node.name for node in tree if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for file, options in QUOTED.findall(chapter.read_text(encoding="utf-8")):
        name = re.search(r":pyobject: (\S+)", options)
        shown.add(f"{Path(file).stem}.{name[1] if name else 'loop'}")
    return shown


@pytest.mark.parametrize("stem", LISTED)
def test_a_chapter_shows_what_is_listed(stem):
    shown = in_view(ROOT / "notebooks" / f"{stem}.md")
    assert set(LISTED[stem]) <= shown, f"{stem} shows {sorted(shown)}"
    assert len(shown) >= (3 if stem[:2] in ("01", "11", "12") else 5)


def test_every_chapter_but_the_explorer_is_listed():
    assert set(LISTED) == {path.stem for path in (ROOT / "notebooks").glob("*.md")} - {"10_explorer"}


@pytest.mark.parametrize("chapter", sorted((ROOT / "notebooks").glob("*.md")), ids=lambda path: path.stem)
def test_quoted_source_is_of_the_module_that_runs(chapter):
    for file, options in QUOTED.findall(chapter.read_text(encoding="utf-8")):
        path = (chapter.parent / file).resolve()
        module = importlib.import_module(".".join(path.relative_to(ROOT / "src").with_suffix("").parts))
        assert Path(module.__file__).samefile(path)
        if name := re.search(r":pyobject: (\S+)", options):
            functools.reduce(getattr, name[1].split("."), module)
        else:
            start, end = (re.search(rf':{at}: "(.*)"', options)[1] for at in ("start-at", "end-before"))
            assert 0 < path.read_text(encoding="utf-8").partition(start)[2].find(end)
