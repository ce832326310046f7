"""The site: warnings are errors, an old site outlives a failed build, nothing changed is nothing built."""

import asyncio
import io
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import jupytext
import nbformat
import pikepdf
import pytest
import yaml

from astroclip_book.errors import BookError
from bookmaking.execution import executed
from bookmaking.presets import ROOT, load_preset
from bookmaking.site.build import BROWSERS, build_site, stage_site
from bookmaking.store.run import Run

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="  # one pixel
RECORD = {"key": "of another text", "parameters": {}, "steps": [], "wall_seconds": 12.0, "peak_rss_bytes": 2**28,
          "finished": "2024-05-01T12:00:00Z", "commit": "3c9e7f7c0ffee"}  # fmt: skip

CHAPTER = """# Toy

It draws.

```{code-cell} ipython3
:tags: [parameters]
preset = "smoke"  # or another
```

## Exercises

:::{admonition} Exercise 1: why? ★★
Say it.
:::

## More

```{tab} One
```

First.

```{tab} Two
```

Second.

```{end}
```

In sight.

```{fold} An aside
```

Beside.

### Beneath

Open again.

```{fold} Why *so*
```

```{code-cell} ipython3
---
mystnb: {figure: {name: fig-toy, caption: What it shows.}}
---
draw()
```
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A book of one prose page and one executed chapter, with this book's configuration, and its site."""
    place = tmp_path_factory.mktemp("book")
    (place / "book" / "static").mkdir(parents=True)
    (place / "notebooks").mkdir()
    toc = "format: jb-book\nroot: book/first\nchapters:\n- file: notebooks/01_toy\n- file: book/what_ran\n"
    (place / "_toc.yml").write_text(toc)
    (place / "book" / "first.md").write_text(
        "# First\n\n{numref}`fig-toy`, and [the toy](../notebooks/01_toy.md)\n\n"
        "```{figure} static/drawn.svg\n:width: 100%\n\nA diagram, which on the page is a link to its file.\n```\n"
    )
    drawn = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>'
    (place / "book" / "static" / "drawn.svg").write_text(drawn)
    (place / "book" / "references.bib").write_text("")
    shutil.copy(ROOT / "_config.yml", place)
    shutil.copy(ROOT / "book" / "what_ran.md", place / "book")
    for name in ("style.css", "pages.js"):
        shutil.copy(ROOT / "book" / "static" / name, place / "book" / "static")
    toy = place / "notebooks" / "01_toy.md"
    toy.write_text(CHAPTER)
    notebook, target = jupytext.read(toy), executed(opened(place), toy)
    notebook.metadata |= {"papermill": {"output_path": "/somewhere/toy.ipynb"}}
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    shown = nbformat.v4.new_output("display_data", {"image/png": PNG, "text/plain": "<Figure>"})
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", name="stderr", text="/somewhere/lib.py: odd"), shown]
    given = nbformat.v4.new_code_cell("run_dir = '/somewhere'", metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(2, given)
    target.parent.mkdir(parents=True)
    nbformat.write(notebook, target)
    (place / "run" / "chapters.json").write_text(json.dumps({"01_toy": RECORD}))
    toy.write_text(CHAPTER.replace("# Toy", "# Another title"))  # prose counts as it is now
    with ThreadPoolExecutor() as thread:  # this one may have a browser's loop already
        thread.submit(asyncio.run, within_a_loop(build, place)).result()
    return place


async def within_a_loop(function, *arguments):
    """As in a process that has a browser open, or in a notebook."""
    return function(*arguments)


@pytest.fixture
def repository(built, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(built, tmp_path / "book")


def opened(repository, **values) -> Run:
    return Run(load_preset("laptop", **values), repository / "run", steps={})


def build(repository):
    return build_site(opened(repository), repository / "site", repository)


def test_pages_are_built_once_and_bear_the_source_of_the_data(built):
    html = built / "site" / "html"
    page = (html / "notebooks" / "01_toy.html").read_text()
    assert "Mock survey – simulated data (preset laptop)" in page and "Another title" in page
    downloaded = (html / "_sources" / "notebooks" / "01_toy.ipynb").read_text()
    assert nbformat.reads(downloaded, as_version=4).cells[1].source == 'preset = "laptop"  # or another'
    assert not nbformat.reads(downloaded, as_version=4).cells[-1].outputs  # it is to be executed
    assert "/somewhere" not in page + downloaded
    assert re.search(r'<img class="dark-light" loading="lazy" [^>]*\.webp"[^>]* width="1" height="1"', page)
    assert {path.suffix for path in (html / "_images").iterdir()} == {".webp", ".svg"}
    assert '<meta name="description" content="It draws.' in page
    assert "What it shows." in page.partition("<figcaption>")[2].partition("</figcaption>")[0]
    line = page.partition('class="run-line"')[2].partition("</p>")[0]
    assert "Run laptop · seed 1 · configuration" in line and "commit 3c9e7f7" in line
    assert page.count('class="run-line"') == 1
    record = (html / "book" / "what_ran.html").read_text()
    assert "12.0" in record and "out of date" in record and "n_galaxies" in record
    assert 'href="../notebooks/01_toy.html"' in (html / "book" / "first.html").read_text()
    before = (html / "index.html").stat().st_mtime_ns
    assert build(built).stat().st_mtime_ns == before


def test_what_follows_a_mark_lies_behind_its_tab_or_fold(built):
    page = (built / "site" / "html" / "notebooks" / "01_toy.html").read_text()
    tabs = re.findall(r'<label[^>]*>\s*(\w+)</label>\s*<div class="sd-tab-content[^>]*>\s*<p[^>]*>(\w+)', page)
    assert tabs == [("One", "First"), ("Two", "Second")]
    assert re.search(r"<label[^>]*>\s*Exercise 1 ★★</label>", page)
    before, aside, folded = page.split("<details")
    assert "In sight." in before and "Open again." in aside.partition("</details>")[2]
    assert "Why <em>so</em>" in folded.partition("</summary>")[0]
    assert "What it shows." in folded.partition("</details>")[0]


def test_the_book_is_printed_and_offered_where_there_is_a_browser(built):
    if not any(map(shutil.which, BROWSERS)):
        pytest.skip("no Chromium here: apt-get install chromium")
    content = (built / "site" / "html" / "_static" / "astroclip-book.pdf").read_bytes()
    with pikepdf.open(io.BytesIO(content)) as pdf, pdf.open_outline() as outline:
        assert [one.title for one in outline.root] == ["First"]
        links = [str(link.get("/A", {}).get("/URI", "")) for page in pdf.pages for link in page.get("/Annots", [])]
    assert links and not any(link.startswith("file:") for link in links)
    assert 'href="../_static/astroclip-book.pdf"' in (built / "site" / "html" / "book" / "first.html").read_text()


def test_a_warning_fails_the_build_and_the_old_site_stays(repository):
    (repository / "book" / "first.md").write_text("# First\n\n{cite}`nobody1999`\n")
    with pytest.raises(BookError, match="The site was not built"):
        build(repository)
    assert (repository / "site" / "html" / "index.html").is_file()


def test_chapters_come_first(repository):
    toy = repository / "notebooks" / "01_toy.md"
    toy.write_text(CHAPTER.replace("draw()", "draw(2)"))
    with pytest.raises(BookError, match="made by other code than 01_toy.md has now. Execute the chapters first"):
        build(repository)
    executed(opened(repository), toy).unlink()
    with pytest.raises(BookError, match="01_toy.ipynb is not there or not a notebook. Execute the chapters first"):
        build(repository)


@pytest.mark.parametrize("left", [["text/plain"], []])
def test_a_figure_without_a_picture_is_no_page(repository, left):
    """As where the environment chose another backend for matplotlib than the notebooks', or a cell shows nothing."""
    chapter = executed(opened(repository), repository / "notebooks" / "01_toy.md")
    notebook = nbformat.read(chapter, as_version=4)
    del notebook.cells[-1].outputs[-1]["data"]["image/png"]
    notebook.cells[-1].outputs = notebook.cells[-1].outputs[: 1 + len(left)]
    nbformat.write(notebook, chapter)
    with pytest.raises(BookError, match="01_toy.ipynb has no picture for fig-toy: run the chapter 01_toy again"):
        build(repository)


def test_real_data_are_named(repository):
    (repository / "desi.h5").touch()
    real = opened(repository, pairs_path=str(repository / "desi.h5"))
    config = yaml.safe_load((stage_site(real, repository / "source", repository) / "_config.yml").read_text())
    banner = config["sphinx"]["config"]["html_theme_options"]["announcement"]
    assert banner.startswith("Real data: desi. Where the text speaks of a mock")
