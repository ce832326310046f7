"""The site: executed chapters and prose pages rendered by Jupyter Book, warnings taken as errors."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from astroclip_book.data.files import read_json, write_json
from astroclip_book.errors import BookError
from bookmaking.execution import chapters, executed, records
from bookmaking.fingerprint import digest
from bookmaking.presets import ROOT
from bookmaking.run import Run, titled
from bookmaking.site.sphinx_pages import PDF
from bookmaking.site.what_ran import caption_line, what_ran


def build_site(run: Run, output: Path, root: Path = ROOT) -> Path:
    """Render the book of a run, unless it is up to date, and return its index page.

    Parameters
    ----------
    run : Run
        Its chapters are executed.
    output : Path
        The pages go to ``<output>/html``, which keeps its old content when the build fails.
    root : Path
        The repository, with ``_config.yml``, ``_toc.yml`` and the prose pages.

    Raises
    ------
    BookError
        When a chapter has not been executed, or Jupyter Book warns of anything.
    """
    index = output / "html" / "index.html"
    stage = stage_site(run, output / "source", root)
    printed = printed_book(stage, output)
    if printed.is_file():
        shutil.copy(printed, stage / "book" / "static" / PDF)
    key = _fingerprint(stage)
    if not index.is_file() or read_json(output / "site.json").get("source") != key:
        run_jupyter_book(stage, "html")
        shutil.rmtree(index.parent, ignore_errors=True)
        os.replace(stage / "_build" / "html", index.parent)
        write_json(output / "site.json", {"source": key})
    return index


def printed_book(stage: Path, output: Path) -> Path:
    """Where the PDF lies that is made of these sources, if it has been: :mod:`bookmaking.site.pdf` makes it."""
    return output / f"{_fingerprint(stage)}.pdf"


def run_jupyter_book(stage: Path, builder: str) -> None:
    """Render into ``_build/<builder>`` of the stage.

    Raises
    ------
    BookError
        When Jupyter Book warns of anything.
    OSError
        When it finds the disk full.
    """
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", "-W", "-n", "--keep-going", "--quiet", "--builder", builder, stage]
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode and os.strerror(errno.ENOSPC) in result.stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(stage))
    if result.returncode:
        raise BookError(f"The site was not built from {stage}:\n{result.stderr}")


def stage_site(run: Run, stage: Path, root: Path) -> Path:
    """Lay out what Jupyter Book reads: the repository's tree with executed notebooks in their places."""
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(root / "book", stage / "book")
    shutil.copytree(root / "src", stage / "src", ignore=shutil.ignore_patterns("__pycache__"))  # chapters quote it
    (stage / "notebooks").mkdir()
    shutil.copy(root / "_toc.yml", stage)
    config = yaml.safe_load((root / "_config.yml").read_text())
    config["sphinx"]["config"]["html_theme_options"]["announcement"] = _banner(run)
    for script in (artefact for step in run.steps.values() for artefact in step.artefacts if artefact.endswith(".js")):
        shutil.copy(run.path(script), stage / "book" / "static")  # pages load it from there
    (stage / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    made = records(run)
    for chapter in chapters(root):
        place = stage / chapter.relative_to(root)
        place.unlink(missing_ok=True)
        line = caption_line(run.preset, made.get(chapter.stem, {}).get("commit", "unknown"))
        _copy_notebook(run, executed(run, chapter), place.with_suffix(".ipynb"), line)
    (stage / "book" / "what_ran.txt").write_text(what_ran(run, root))  # the page of this name includes it
    _link_to_notebooks(stage, [chapter.stem for chapter in chapters(root)])
    return stage


def _copy_notebook(run: Run, source: Path, target: Path, line: str) -> None:
    """Copy an executed notebook as a page and as what its readers download: with the preset, without traces of this machine.

    Each of its figures gets a last line in its caption.
    """
    import nbformat

    try:
        notebook = nbformat.read(source, as_version=4)
    except (OSError, nbformat.reader.NotJSONError) as error:
        raise BookError(f"{source} is not there or not a notebook. Execute the chapters first.") from error
    notebook.metadata.pop("papermill", None)
    tagged = [(cell, cell.metadata.get("tags", [])) for cell in notebook.cells]
    notebook.cells = [cell for cell, tags in tagged if "injected-parameters" not in tags]  # paths of this machine
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = re.sub('^preset = "[^"]*"', f'preset = "{run.preset.name}"', cell.source, flags=re.MULTILINE)
        if "outputs" in cell:  # progress bars and warnings of libraries, which name their files
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        if figure.get("caption"):
            figure["caption"] += f"\n\n[{line}]{{.run-line}}"
    nbformat.write(notebook, target)


def _link_to_notebooks(stage: Path, stems: list[str]) -> None:
    """Links between sources end in .md, as the sources do; here the chapters are .ipynb."""
    link = re.compile(rf"(\]\([^)\s]*\b(?:{'|'.join(stems)}))\.md\b")
    for page in [*stage.rglob("*.md"), *stage.rglob("*.ipynb")]:
        page.write_text(link.sub(r"\1.ipynb", page.read_text()))


def _banner(run: Run) -> str:
    if run.preset.data.pairs_path:
        return f"{titled(run.source)}. Where the text speaks of a mock, it speaks of the book's default data."
    return f"{titled(run.source)} (preset {run.preset.name})"


def _fingerprint(directory: Path) -> str:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return digest("\n".join(f"{f.relative_to(directory)} {hashlib.sha256(f.read_bytes()).hexdigest()}" for f in files))
