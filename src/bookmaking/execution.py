"""Execution of the chapters: each a text notebook, run by papermill into the run directory when something that it depends on changed."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
import sysconfig
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import papermill
import psutil
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from astroclip_book.config import cores
from astroclip_book.data.files import read_json, write_json
from astroclip_book.errors import BookError
from bookmaking.presets import ROOT
from bookmaking.store.keys import CELL, code_key, digest
from bookmaking.store.provenance import PeakMemory, commit
from bookmaking.store.recipes import CHAPTERS, TRAININGS, with_needs
from bookmaking.store.run import Run
from bookmaking.verify import COMMENTED

AT_ONCE = 2  # chapters: more would want more memory than a laptop has
QUIET = 15.0  # seconds between two lines of a progress bar
# How the variables begin that would change the book; proxies, CUDA's, TMPDIR and the like reach the kernels.
SETTINGS = ("MPL", "MATPLOTLIB", "IPYTHON", "JUPYTER", "PIP_", "SLURM_", "LC_", "LANG", "PYTHON")


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


def outdated(run: Run, chapter: Path, parameters: dict | None = None) -> bool:
    """Whether a chapter has to be executed (again): its code, parameters or steps changed. Prose does not count."""
    record = records(run).get(chapter.stem)
    if record is None or not executed(run, chapter).is_file():
        return True
    changed = record["key"] != _key(run, chapter, record["parameters"] if parameters is None else parameters)
    return changed or any(map(run.problem, _steps(run, chapter)))


def execute(run: Run, parameters: dict, root: Path = ROOT) -> list[str]:
    """Execute every chapter of a repository that is outdated, and return the stems of those.

    Two run at a time where neither makes what the other reads; each has its share of the cores. The parameters (``preset``,
    ``run_dir``, ``device``) are passed to every chapter, which opens the run again for itself. BookError when one fails: it is
    kept beside the others as ``<stem>.failed.ipynb``, and the one that runs beside it is finished.
    """
    waiting = [chapter for chapter in chapters(root) if outdated(run, chapter, parameters)]
    waiting.sort(key=lambda chapter: chapter.stem not in TRAININGS)
    makers = {chapter: _makers(run, chapter) for chapter in waiting}
    running: dict[Future, Path] = {}
    done, failure = [], None
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while running or (waiting and not failure):
            busy = {chapter.stem for chapter in [*waiting, *running.values()]}
            ready = [] if failure else [chapter for chapter in waiting if not makers[chapter] & busy]
            alone = not running and len(ready) == 1
            for chapter in ready[: min(AT_ONCE, cores()) - len(running)]:
                waiting.remove(chapter)
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
                failure = failure or future.exception()
                if future.exception() is None:
                    write_json(run.directory / "chapters.json", {**records(run), chapter.stem: future.result()})
                    done.append(chapter.stem)
    if failure:
        raise failure
    return done


def _steps(run: Run, chapter: Path) -> list[str]:
    """Steps that a chapter makes or reads; of a page that is not listed, all."""
    return [name for name in CHAPTERS.get(chapter.stem, run.steps) if name in run.steps]


def _makers(run: Run, chapter: Path) -> set[str]:
    """Stems of the other chapters that make what this one reads, directly or not."""
    reads = with_needs(set(_steps(run, chapter)), run.steps)
    return {run.steps[name].chapter for name in reads} - {chapter.stem}


def _key(run: Run, chapter: Path, parameters: dict) -> str:
    cells = [code for _, code in CELL.findall(chapter.read_text(encoding="utf-8"))]
    text = "\n".join(cells)
    committed = (*(ROOT / "book").glob("*.yaml"), *(ROOT / "book" / "reference").glob("*.json"))
    files = [path for path in sorted(committed) if path.name in text]
    files += [path for path in COMMENTED if "outcomes" in text and path.is_file()]
    steps = {name: run.key(name) for name in _steps(run, chapter)}
    given = {name: value for name, value in parameters.items() if name in text}
    shown = [path.read_text(encoding="utf-8") for path in files]
    # The cells too, comments and all: the site shows them with the outputs of the executed copy, which must have the same.
    return digest(json.dumps([cells, *code_key(text), given, steps, shown], sort_keys=True))


def _execute(run: Run, parameters: dict, chapter: Path, threads: int) -> dict:
    """Execute one chapter with so many threads, and return the record of it."""
    target = executed(run, chapter)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished, failed = target.with_suffix(".unfinished.ipynb"), target.with_suffix(".failed.ipynb")
    start, memory = time.perf_counter(), PeakMemory(lambda: None)
    try:
        with TemporaryDirectory() as home:
            source = Path(home) / f"{chapter.stem}.ipynb"
            jupytext.write(jupytext.read(chapter), source)
            # papermill formats its paths.
            paths = (str(path).replace("{", "{{").replace("}", "}}") for path in (source, unfinished))
            options = {"home": home, "threads": threads, "output": Lines(chapter.stem), "memory": memory}
            # Writing figures after each cell would take longer than the cells.
            options |= {"engine_name": "book", "request_save_on_cell_execute": False, "progress_bar": False}
            papermill.execute_notebook(*paths, parameters, kernel_name="python3", **options)
    except papermill.PapermillExecutionError as error:
        os.replace(unfinished, failed)
        message = error.evalue if error.ename == BookError.__name__ else f"{error.ename}: {error.evalue}"
        raise BookError(f"{chapter.name} stopped: {message}\nIts cells and outputs are in {failed}.") from error
    except DeadKernelError as error:
        free = shutil.disk_usage(target.parent).free / 2**30
        raise BookError(
            f"{chapter.name} stopped: its process was killed, most often for lack of memory or disk space "
            f"({free:.1f} GiB free in {target.parent}). What is made is kept; run again to continue."
        ) from error
    failed.unlink(missing_ok=True)
    os.replace(unfinished, target)
    seconds = round(time.perf_counter() - start, 2)
    print(f"{chapter.name}: executed in {seconds:.0f} s", flush=True)
    cost = {"wall_seconds": seconds, "peak_rss_bytes": memory.peak, "finished": f"{datetime.now(UTC):%FT%TZ}"}
    return {"key": _key(run, chapter, parameters), "parameters": parameters, **cost, "commit": commit()}


class _Engine(NBClientEngine):
    """papermill's engine with this interpreter as its kernel, in an environment without the user's settings."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, home, threads, output, memory, **_):
        client = PapermillNotebookClient(nb_man, kernel_name=kernel_name, stdout_file=output, stderr_file=output)
        kernel = client.create_kernel_manager()
        kernel.connection_file = f"{home}/kernel.json"
        kernel.kernel_spec.env = {}
        quiet = ["--log-level=CRITICAL"]  # about its unencrypted local port, and about being stopped
        kernel.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", *quiet, "-f", "{connection_file}"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)} | {
            "IPYTHONDIR": home,
            "LC_ALL": "C.UTF-8",
            "PYTHONUTF8": "1",
            "OMP_NUM_THREADS": str(threads),  # torch, BLAS and scikit-learn go by it
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # silences the debugger's remark on frozen modules
            "PYTHONWARNINGS": "ignore:IProgress not found",  # silences a remark on widgets for progress bars
        }
        if not os.access(sysconfig.get_path("purelib"), os.W_OK):  # where Numba keeps what it compiles
            environment["NUMBA_CACHE_DIR"] = f"{home}/numba"
        memory.pid = lambda: kernel.has_kernel and kernel.provisioner.pid
        with memory:
            client.execute(env=environment)


papermill_engines.register("book", _Engine)


class Lines(io.TextIOBase):
    """Prints lines with a name before them; of a progress bar, which writes over its line, one now and then."""

    def __init__(self, name: str):
        self.name, self.rest, self.last = name, "", time.monotonic()

    def write(self, text: str) -> int:
        """Take some text and print the lines that it ends."""
        *lines, self.rest = re.split(r"(?<=[\r\n])", self.rest + text)
        for line in lines:
            if line.strip() and (line.endswith("\n") or time.monotonic() - self.last > QUIET):
                print(f"{self.name}: {line.strip()}", flush=True)
                self.last = time.monotonic()
        return len(text)
