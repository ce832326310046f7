"""Execution of the chapters: each a text notebook, run by papermill into the run directory when its code changed."""

from __future__ import annotations

import ast
import io
import json
import os
import shutil
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
import psutil

from astroclip_book.config import cores
from astroclip_book.data.files import read_json, write_json
from astroclip_book.errors import BookError
from bookmaking.presets import ROOT
from bookmaking.store.keys import code_key, digest
from bookmaking.store.provenance import commit
from bookmaking.store.recipes import CHAPTERS, TRAININGS
from bookmaking.store.run import Run
from bookmaking.verify import COMMENTED

AT_ONCE = 2  # chapters: more would want more memory than a laptop has
QUIET = 15.0  # seconds between two lines of a progress bar


def chapters(root: Path = ROOT) -> list[Path]:
    """Pages with code cells in the order they are executed: ``notebooks/`` by number, then those of ``book/``."""
    pages = [*sorted((root / "notebooks").glob("*.md")), *sorted((root / "book").glob("*.md"))]
    return [page for page in pages if "```{code-cell}" in page.read_text(encoding="utf-8")]


def executed(run: Run, chapter: Path) -> Path:
    """Where the executed notebook of a chapter lies."""
    return run.directory / "chapters" / f"{chapter.stem}.ipynb"


def records(run: Run) -> dict[str, dict]:
    """For each chapter that was executed, by stem: what it was given, wall time, peak memory, commit, when it was finished."""
    return read_json(run.directory / "chapters.json")


def outdated(run: Run, chapter: Path, record: dict | None = None) -> str | None:
    """Why a chapter has to be executed again: its code, parameters or steps changed; None where nothing did. Prose does not count."""
    record = records(run).get(chapter.stem) if record is None else record
    if record is None or not executed(run, chapter).is_file():
        return "it has not been executed"
    if record["key"] != _key(run, chapter, record["parameters"]):
        return "its code, its parameters or what it reads changed"
    return next(filter(None, map(run.problem, _steps(run, chapter))), None)


def execute(run: Run, parameters: dict, root: Path = ROOT) -> list[str]:
    """Execute every chapter that is outdated, and return the stems of those; the others take over changed prose.

    Two chapters run at a time where neither makes what the other reads; each has its share of the cores.

    Parameters
    ----------
    run : Run
        Says which steps are up to date; the chapters open it again for themselves.
    parameters : dict
        Passed to every chapter: ``preset``, ``run_dir``, ``device``.
    root : Path
        The repository, whose chapters these are.

    Raises
    ------
    BookError
        When a chapter fails. It is kept beside the others as ``<stem>.failed.ipynb``; one that runs beside it is finished.
    """
    waiting = {}
    for chapter in chapters(root):
        given = records(run).get(chapter.stem, {}).get("parameters")
        if given != parameters or outdated(run, chapter):
            waiting[chapter] = _steps(run, chapter)
        else:
            _take_over_prose(run, chapter)
    order = sorted(waiting, key=lambda chapter: chapter.stem not in TRAININGS)
    waiting = {chapter: _waits(run, chapter, waiting) for chapter in order}
    running: dict[Future, Path] = {}
    done, failure = [], None
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while running or (waiting and not failure):
            busy = {*waiting, *running.values()}
            ready = [] if failure else [chapter for chapter, others in waiting.items() if not others & busy]
            alone = not running and len(ready) == 1
            for chapter in ready[: min(AT_ONCE, cores()) - len(running)]:
                del waiting[chapter]
                print(f"\n{chapter.stem}" + ("" if alone else ", beside another"), flush=True)
                threads = cores() if alone else max(1, cores() // AT_ONCE)
                running[pool.submit(_execute, run, parameters, chapter, threads)] = chapter
            try:
                finished = wait(running, return_when=FIRST_COMPLETED).done
            except KeyboardInterrupt:  # kernels have sessions of their own, and the pool would wait for them
                for kernel in psutil.Process().children(recursive=True):
                    kernel.terminate()
                raise
            for future in finished:
                chapter = running.pop(future)
                if future.exception():
                    failure = failure or future.exception()
                    continue
                record = {"key": _key(run, chapter, parameters), "parameters": parameters, **future.result()}
                write_json(run.directory / "chapters.json", {**records(run), chapter.stem: record})
                print(f"{chapter.relative_to(root)}: executed in {record['wall_seconds']:.0f} s", flush=True)
                done.append(chapter.stem)
    if failure:
        raise failure
    return done


def _steps(run: Run, chapter: Path) -> tuple[str, ...]:
    """Steps that a chapter makes or reads; of a page that is not listed, all."""
    return tuple(name for name in CHAPTERS.get(chapter.stem, run.steps) if name in run.steps)


def _makes(run: Run, chapter: Path) -> set[str]:
    return {name for name, step in run.steps.items() if step.chapter == chapter.stem}


def _waits(run: Run, chapter: Path, others: dict[Path, tuple[str, ...]]) -> set[Path]:
    """Those of the other chapters that make what this one reads, directly or not."""
    reads = set(others[chapter])
    for name in reversed(run.steps):
        reads |= set(run.steps[name].needs) if name in reads else set()
    return {other for other in others if other != chapter and _makes(run, other) & reads}


def _key(run: Run, chapter: Path, parameters: dict) -> str:
    cells = [cell.source for cell in jupytext.read(chapter).cells if cell.cell_type == "code"]
    code, versions = code_key(ast.parse("\n".join(cells)))
    steps = {name: run.key(name) for name in _steps(run, chapter)}
    shown = [path.read_text(encoding="utf-8") for path in COMMENTED if "outcomes" in "".join(cells) and path.is_file()]
    shown += [
        path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("*.yaml") if path.name in "".join(cells)
    ]
    return digest(json.dumps([code, versions, parameters, steps, shown], sort_keys=True))


def _execute(run: Run, parameters: dict, chapter: Path, threads: int) -> dict:
    """Execute one chapter with so many threads, and return the record of it."""
    from nbclient.exceptions import DeadKernelError
    from papermill import PapermillExecutionError

    from bookmaking.kernels import execute_notebook

    target = executed(run, chapter)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished, failed = target.with_suffix(".unfinished.ipynb"), target.with_suffix(".failed.ipynb")
    try:
        with TemporaryDirectory() as directory:
            source = Path(directory) / f"{chapter.stem}.ipynb"
            jupytext.write(jupytext.read(chapter), source)
            record = execute_notebook(source, unfinished, parameters, threads, Lines(chapter.stem))
    except PapermillExecutionError as error:
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
    return {**record, "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": commit()}


def _take_over_prose(run: Run, chapter: Path) -> None:
    """Give an executed notebook the text, tags and captions that its chapter has now; outputs stay with their cells."""
    path = executed(run, chapter)
    old, new = nbformat.read(path, as_version=4), jupytext.read(chapter)
    code = [cell for cell in old.cells if cell.cell_type == "code"]
    injected = [cell for cell in code if "injected-parameters" in cell.metadata.get("tags", [])]
    outputs = iter([cell for cell in code if cell not in injected])
    cells = []
    for cell in new.cells:
        if cell.cell_type == "code":
            before = next(outputs)
            cell.outputs, cell.execution_count, cell.id = before.outputs, before.execution_count, before.id
        cells.append(cell)
        if "parameters" in cell.metadata.get("tags", []):
            cells += injected
    if [(c.source, c.metadata.get("tags"), c.metadata.get("mystnb")) for c in cells] != [
        (c.source, c.metadata.get("tags"), c.metadata.get("mystnb")) for c in old.cells
    ]:
        old.cells = cells
        nbformat.write(old, path)


class Lines(io.TextIOBase):
    """Prints whole lines with a name before them; of a progress bar, which never ends its line, one now and then."""

    def __init__(self, name: str):
        self.name, self.rest, self.last = name, "", time.monotonic()

    def write(self, text: str) -> int:
        """Take some text and print the lines that it ends."""
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            self._print(line)
        if "\r" in self.rest:
            self.rest = self.rest[self.rest.rindex("\r") :]
            if time.monotonic() - self.last > QUIET:
                self._print(self.rest)
        return len(text)

    def _print(self, line: str) -> None:
        shown = line.rpartition("\r")[2].strip()
        if shown:
            print(f"{self.name}: {shown}", flush=True)
            self.last = time.monotonic()
