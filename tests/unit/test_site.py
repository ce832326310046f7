"""The site: warnings are errors, an old site outlives a failed build, nothing changed is nothing built."""

import shutil

import nbformat
import pytest

from astroclip_book.errors import BookError
from astroclip_book.execution import executed
from astroclip_book.presets import ROOT, load_preset
from astroclip_book.run import Run
from astroclip_book.site import build_site


@pytest.fixture
def repository(tmp_path):
    """A book of one prose page and one executed chapter, with this book's configuration."""
    (tmp_path / "book" / "static").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/first\nchapters:\n- file: notebooks/01_toy\n")
    (tmp_path / "book" / "first.md").write_text("# First\n\n[The toy](../notebooks/01_toy.md)\n")
    (tmp_path / "book" / "references.bib").write_text("")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copy(ROOT / "book" / "static" / "style.css", tmp_path / "book" / "static")
    (tmp_path / "notebooks" / "01_toy.md").write_text("# Toy\n\n```{code-cell} ipython3\n1\n```\n")
    return tmp_path


@pytest.fixture
def run(repository):
    run = Run(load_preset("smoke"), repository / "run", steps={})
    target = executed(run, repository / "notebooks" / "01_toy.md")
    target.parent.mkdir(parents=True)
    injected = nbformat.v4.new_code_cell("run_dir = '/somewhere'", metadata={"tags": ["injected-parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Toy"), injected]), target)
    return run


def test_pages_are_built_once_and_bear_the_source_of_the_data(run, repository):
    index = build_site(run, repository / "site", repository)
    page = (index.parent / "notebooks" / "01_toy.html").read_text()
    assert "Mock survey – simulated data (preset smoke)" in page
    assert "/somewhere" not in page
    assert 'href="../notebooks/01_toy.html"' in (index.parent / "book" / "first.html").read_text()
    before = index.stat().st_mtime_ns
    assert build_site(run, repository / "site", repository).stat().st_mtime_ns == before


def test_a_warning_fails_the_build_and_the_old_site_stays(run, repository):
    index = build_site(run, repository / "site", repository)
    (repository / "book" / "first.md").write_text("# First\n\n{cite}`nobody1999`\n")
    with pytest.raises(BookError, match="The site was not built"):
        build_site(run, repository / "site", repository)
    assert index.is_file()


def test_chapters_come_first(run, repository):
    executed(run, repository / "notebooks" / "01_toy.md").unlink()
    with pytest.raises(BookError, match="01_toy.ipynb is not there or not a notebook. Execute the chapters first"):
        build_site(run, repository / "site", repository)


def test_real_data_are_named(repository):
    pairs = repository / "desi.h5"
    pairs.write_text("")
    run = Run(load_preset("smoke", pairs_path=str(pairs)), repository / "run", steps={})
    target = executed(run, repository / "notebooks" / "01_toy.md")
    target.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Toy")]), target)
    index = build_site(run, repository / "site", repository)
    assert "Real data: desi. Where the text speaks of a mock" in (index.parent / "book" / "first.html").read_text()
