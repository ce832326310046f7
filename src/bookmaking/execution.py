"""Execution of the chapters: each a text notebook, run by papermill into the run directory when something changed."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from astroclip_book.data.files import read_json, write_json
from astroclip_book.errors import BookError
from bookmaking.keys import code_key, digest
from bookmaking.memory import PeakMemory
from bookmaking.presets import ROOT
from bookmaking.provenance import commit
from bookmaking.schedule import side_by_side, waits
from bookmaking.store import Run
from bookmaking.verify import COMMENTED


def chapters(root: Path = ROOT) -> list[Path]:
    """Pages with code cells in the order they are executed: ``notebooks/`` by number, then those of ``book/``."""
    pages = [*sorted((root / "notebooks").glob("*.md")), *sorted((root / "book").glob("*.md"))]
    return [page for page in pages if "```{code-cell}" in page.read_text()]


def executed(run: Run, chapter: Path) -> Path:
    """Where the executed notebook of a chapter lies."""
    return run.directory / "chapters" / f"{chapter.stem}.ipynb"


def execute(run: Run, parameters: dict, steps: dict[str, tuple[str, ...]], root: Path = ROOT) -> list[str]:
    """Execute every chapter whose text, code, parameters or steps changed, and return the stems of those.

    Chapters that do not need each other run side by side, each with its share of the cores.

    Parameters
    ----------
    run : Run
        Tells which steps are up to date; the chapters open it again for themselves.
    parameters : dict
        Passed to every chapter: ``preset``, ``run_dir``, ``device``.
    steps : dict of str to tuple of str
        Steps that each chapter makes or reads, ``pipeline.CHAPTERS``; a chapter that
        is not listed reads all.
    root : Path
        The repository, whose chapters these are.

    Raises
    ------
    BookError
        When a chapter fails. It is kept beside the others as ``<stem>.failed.ipynb``.
    """
    keys, reads = {}, {}
    for chapter in chapters(root):
        names = steps.get(chapter.stem, tuple(run.steps))
        key = _key(run, chapter, parameters, names)
        fresh = records(run).get(chapter.stem, {}).get("key") == key and executed(run, chapter).is_file()
        if not fresh or any(map(run.problem, names)):
            keys[chapter], reads[chapter] = key, names
    done = []
    for chapter, record in side_by_side(waits(run, reads), partial(_execute, run, parameters)):
        record = {"key": keys[chapter], "steps": reads[chapter], "parameters": parameters, **record}
        write_json(run.directory / "chapters.json", {**records(run), chapter.stem: record})
        print(f"{chapter.relative_to(root)}: executed in {record['wall_seconds']:.0f} s", flush=True)
        done.append(chapter.stem)
    return done


def records(run: Run) -> dict[str, dict]:
    """For each chapter that was executed, by stem: what it was given, wall time, peak memory, commit, when it was finished."""
    return read_json(run.directory / "chapters.json")


def outdated(run: Run, chapter: Path, record: dict) -> bool:
    """Whether the text, the code or the steps of a chapter changed since it was executed as recorded."""
    return record["key"] != _key(run, chapter, record["parameters"], record["steps"])


def _key(run: Run, chapter: Path, parameters: dict, steps: Sequence[str]) -> str:
    import jupytext

    script = jupytext.writes(jupytext.read(chapter), "py:percent")  # prose and magics become comments
    text = hashlib.sha256(
        b"".join(path.read_bytes() for path in (chapter, *COMMENTED))
    ).hexdigest()  # chapters show them all
    return digest(
        json.dumps([text, code_key(ast.parse(script)), parameters, [run.key(step) for step in steps]], sort_keys=True)
    )


def _execute(run: Run, parameters: dict, chapter: Path, threads: int, output: TextIO) -> dict:
    """Execute one chapter with so many threads, what it prints going to ``output``, and return the record of it."""
    import jupytext
    import papermill
    from nbclient.exceptions import DeadKernelError

    start, target = time.perf_counter(), executed(run, chapter)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished, failed = target.with_suffix(".unfinished.ipynb"), target.with_suffix(".failed.ipynb")
    with tempfile.TemporaryDirectory() as home:
        source = Path(home) / f"{chapter.stem}.ipynb"
        jupytext.write(jupytext.read(chapter), source)
        _write_kernel_profile(Path(home) / "profile_default")
        os.environ.update(
            JUPYTER_PREFER_ENV_PATH="1",  # the kernel of this environment, not of the user's home
            IPYTHONDIR=home,  # nothing from the user's IPython start-up files
            PYDEVD_DISABLE_FILE_VALIDATION="1",  # silences the debugger's remark on frozen modules
            OMP_NUM_THREADS=str(threads),  # of the kernel: torch, BLAS and scikit-learn go by it
        )
        try:
            with PeakMemory() as memory:
                papermill.execute_notebook(
                    source, unfinished, parameters, kernel_name="python3", progress_bar=False,
                    request_save_on_cell_execute=False,  # writing figures again after each cell takes longer than the cells
                    stdout_file=output, stderr_file=output,
                )  # fmt: skip
        except papermill.PapermillExecutionError as error:
            os.replace(unfinished, failed)
            message = error.evalue if error.ename == BookError.__name__ else f"{error.ename}: {error.evalue}"
            raise BookError(f"{chapter.name} stopped: {message}\nIts cells and outputs are in {failed}.") from error
        except DeadKernelError as error:
            free = shutil.disk_usage(target.parent).free / 2**30
            raise BookError(
                f"{chapter.name} stopped: its process was killed, most often for want of memory or of disk space "
                f"({free:.1f} GiB free in {target.parent}). What is made is kept; run again to continue."
            ) from error
    failed.unlink(missing_ok=True)
    os.replace(unfinished, target)
    return {
        "wall_seconds": round(time.perf_counter() - start, 2),
        "peak_rss_bytes": memory.peak,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
    }


def _write_kernel_profile(directory: Path) -> None:
    """Keep the kernel from remarking on its unencrypted local port, and on being stopped, in every chapter."""
    directory.mkdir()
    (directory / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 'CRITICAL'\n")
