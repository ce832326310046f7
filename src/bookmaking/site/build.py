"""The site: executed chapters and prose pages rendered by Jupyter Book, warnings taken as errors."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
import yaml

from astroclip_book.data.files import read_json, sha256, write_json
from astroclip_book.errors import BookError
from bookmaking.execution import chapters, executed, records
from bookmaking.presets import ROOT
from bookmaking.site.modules import add_module_pages
from bookmaking.site.pdf import print_pages
from bookmaking.site.sphinx_pages import PDF
from bookmaking.site.what_ran import caption_line, what_ran
from bookmaking.store.run import Run, titled

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PICTURES = {"image/png", "image/svg+xml", "text/markdown"}  # what a figure's cell shows, or says in its place


def build_site(run: Run, output: Path, root: Path = ROOT) -> Path:
    """Render the book of a run into ``<output>/html``, unless it is up to date, and return its index page.

    Where there is Chromium, it also prints the book as one PDF, which the pages offer, except for ``smoke``, whose numbers mean nothing.
    When a chapter is not executed or lacks a figure, or Jupyter Book warns of anything, that is a BookError and the old pages stay.
    """
    index = output / "html" / "index.html"
    stage = stage_site(run, output / "source", root)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None) if run.preset.name != "smoke" else None
    state = {"source": _fingerprint(stage), "printed": browser is not None}
    if not index.is_file() or read_json(output / "site.json") != state:
        offered = stage / "book" / "static" / PDF
        if browser:
            _run_jupyter_book(stage, "singlehtml")
            offered.touch()  # for the pages; what is printed meanwhile replaces it
        with ThreadPoolExecutor(1) as beside:  # playwright works in no thread that already runs an event loop
            printing = beside.submit(print_pages, browser, stage) if browser else None
            _run_jupyter_book(stage, "html")
        if printing and not (printed := printing.result()):
            offered.unlink()
            _run_jupyter_book(stage, "html")
        elif printing:
            (stage / "_build" / "html" / "_static" / PDF).write_bytes(printed)
        shutil.rmtree(index.parent, ignore_errors=True)
        os.replace(stage / "_build" / "html", index.parent)
        write_json(output / "site.json", state)
    return index


def _run_jupyter_book(stage: Path, builder: str) -> None:
    """Render into ``_build/<builder>`` of the stage; BookError when Jupyter Book warns of anything."""
    command = [Path(sys.executable).with_name("jupyter-book"), "build", "-W", "-n", "--keep-going", "--quiet", stage]
    result = subprocess.run([*command, "--builder", builder], check=False, capture_output=True)
    if result.returncode:
        raise BookError(f"The site was not built from {stage}:\n{result.stderr.decode(errors='replace')}")


def stage_site(run: Run, stage: Path, root: Path) -> Path:
    """Lay out what Jupyter Book reads: the repository's tree with executed notebooks in their places."""
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(root / "book", stage / "book")
    # The packages, whose docstrings are pages and whose functions chapters quote.
    no_caches = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(Path(__file__).parents[2], stage / "src", ignore=no_caches)
    (stage / "notebooks").mkdir()
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    add_module_pages(stage / "book", stage / "src", toc)
    (stage / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False), encoding="utf-8")
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    banner = f"{titled(run.source)} (preset {run.preset.name})"
    if run.preset.data.pairs_path:
        banner = f"{titled(run.source)}. Where the text speaks of a mock, it speaks of the book's default data."
    config["sphinx"]["config"]["html_theme_options"]["announcement"] = banner
    (stage / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    for artefact in (artefact for step in run.steps.values() for artefact in step.artefacts):
        if artefact.endswith(".js"):
            shutil.copy(run.path(artefact), stage / "book" / "static")  # pages load it from there
    for chapter in chapters(root):
        place = stage / chapter.relative_to(root).with_suffix(".ipynb")
        place.with_suffix(".md").unlink(missing_ok=True)
        nbformat.write(_notebook(run, chapter), place)
    (stage / "book" / "what_ran.txt").write_text(what_ran(run, root), encoding="utf-8")  # the page includes it
    # Links between sources end in .md, as the sources do; here the chapters are .ipynb.
    link = re.compile(rf"(\]\([^)\s]*\b(?:{'|'.join(chapter.stem for chapter in chapters(root))}))\.md\b")
    for page in [*stage.glob("book/**/*.md"), *stage.glob("*/*.ipynb")]:
        page.write_text(link.sub(r"\1.ipynb", page.read_text(encoding="utf-8")), encoding="utf-8")
    return stage


def _notebook(run: Run, chapter: Path) -> nbformat.NotebookNode:
    """A chapter as readers download it: the text that it has now, the outputs of its cells, the preset, and what run it is of."""
    path, notebook = executed(run, chapter), jupytext.read(chapter)
    try:
        old = nbformat.read(path, as_version=4)
    except (OSError, nbformat.reader.NotJSONError) as error:
        raise BookError(f"{path} is not there or not a notebook. Execute the chapters first.") from error
    given = "injected-parameters"  # a cell of papermill's, with this machine's paths
    ran = [cell for cell in old.cells if cell.cell_type == "code" and given not in cell.metadata.get("tags", [])]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.source for cell in ran] != [cell.source for cell in code]:
        raise BookError(f"{path} was made by other code than {chapter.name} has now. Execute the chapters first.")
    line = caption_line(run.preset, records(run).get(chapter.stem, {}).get("commit", "unknown"))
    notebook.metadata["language_info"] = old.metadata["language_info"]
    for number, cell in enumerate(notebook.cells):
        cell.id = str(number)  # otherwise jupytext draws one, and the page would be another each time
    for cell, before in zip(code, ran, strict=True):
        cell.execution_count = before.execution_count
        # Without progress bars and warnings of libraries, which name their files.
        cell.outputs = [output for output in before.outputs if output.get("name") != "stderr"]
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = re.sub('^preset = "[^"]*"', f'preset = "{run.preset.name}"', cell.source, flags=re.MULTILINE)
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if figure.get("name") and not any(PICTURES & output.get("data", {}).keys() for output in cell.outputs):
            raise BookError(f"{path} has no picture for {figure['name']}: run the chapter {chapter.stem} again.")
    title = next(cell for cell in notebook.cells if cell.cell_type == "markdown" and cell.source.startswith("# "))
    title.source = re.sub(r"\A(# .*)", rf"\1\n\n[{line}]{{.run-line}}", title.source)
    return notebook


def _fingerprint(directory: Path) -> str:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    lines = (f"{path.relative_to(directory)} {sha256(path)}" for path in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
