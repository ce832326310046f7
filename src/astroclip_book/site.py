"""The site: executed chapters and prose pages rendered by Jupyter Book, warnings taken as errors."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from astroclip_book.errors import BookError
from astroclip_book.execution import chapters, executed
from astroclip_book.fingerprint import digest
from astroclip_book.presets import ROOT
from astroclip_book.run import Run
from astroclip_book.storage import read_json, write_json


def build_site(run: Run, output: Path, root: Path = ROOT) -> Path:
    """Render the book of a run, unless it is up to date, and return its index page.

    Parameters
    ----------
    run : Run
        Its chapters are executed.
    output : Path
        The pages go to ``<output>/html``, which keeps its old content when the build fails.

    Raises
    ------
    BookError
        When a chapter has not been executed, or Jupyter Book warns of anything.
    """
    index = output / "html" / "index.html"
    stage = _stage(run, output / "source", root)
    key = _fingerprint(stage)
    if not index.is_file() or read_json(output / "site.json").get("source") != key:
        _run_jupyter_book(stage)
        shutil.rmtree(index.parent, ignore_errors=True)
        os.replace(stage / "_build" / "html", index.parent)
        write_json(output / "site.json", {"source": key})
    return index


def _run_jupyter_book(stage: Path) -> None:
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", "-W", "-n", "--keep-going", "--quiet", stage]
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise BookError(f"The site was not built from {stage}:\n{result.stderr}")


def _stage(run: Run, stage: Path, root: Path) -> Path:
    """Lay out what Jupyter Book reads: the repository's tree with executed notebooks in their places."""
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(root / "book", stage / "book")
    (stage / "notebooks").mkdir()
    shutil.copy(root / "_toc.yml", stage)
    config = yaml.safe_load((root / "_config.yml").read_text())
    config["sphinx"]["config"]["html_theme_options"]["announcement"] = _banner(run)
    for script in (artefact for step in run.steps.values() for artefact in step.artefacts if artefact.endswith(".js")):
        shutil.copy(run.path(script), stage / "book" / "static")  # pages load it from there
    (stage / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    for chapter in chapters(root):
        place = stage / chapter.relative_to(root)
        place.unlink(missing_ok=True)
        _copy_notebook(executed(run, chapter), place.with_suffix(".ipynb"))
    _link_to_notebooks(stage, [chapter.stem for chapter in chapters(root)])
    return stage


def _copy_notebook(source: Path, target: Path) -> None:
    import nbformat

    try:
        notebook = nbformat.read(source, as_version=4)
    except (OSError, nbformat.reader.NotJSONError) as error:
        raise BookError(f"{source} is not there or not a notebook. Execute the chapters first.") from error
    for cell in notebook.cells:  # papermill's cell with this machine's paths is for the record, not for readers
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("remove-cell")
    nbformat.write(notebook, target)


def _link_to_notebooks(stage: Path, stems: list[str]) -> None:
    """Links between sources end in .md, as the sources do; here the chapters are .ipynb."""
    link = re.compile(rf"(\]\([^)\s]*\b(?:{'|'.join(stems)}))\.md\b")
    for page in [*stage.rglob("*.md"), *stage.rglob("*.ipynb")]:
        page.write_text(link.sub(r"\1.ipynb", page.read_text()))


def _banner(run: Run) -> str:
    if run.preset.data.pairs_path:
        return f"{run.source.replace('real', 'Real', 1)}. Where the text speaks of a mock, it speaks of the book's default data."
    return f"Mock survey – simulated data (preset {run.preset.name})"


def _fingerprint(directory: Path) -> str:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return digest("\n".join(f"{f.relative_to(directory)} {hashlib.sha256(f.read_bytes()).hexdigest()}" for f in files))
