"""Kernels that run the chapters: this interpreter, without the user's settings of matplotlib, IPython, Jupyter, SLURM and locale."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import TextIO

import papermill
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from bookmaking.store.provenance import PeakMemory

DROPPED = ("MPL", "IPYTHON", "JUPYTER", "PIP_", "SLURM_", "LC_")  # beginnings of names
DROPPED_NAMES = {"LANG", "LANGUAGE", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"}


def clean_environment() -> dict[str, str]:
    """The environment without what would change the book; proxies, CUDA's variables, TMPDIR and the like stay."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(DROPPED) and k not in DROPPED_NAMES}
    return kept | {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}


class _ThisInterpreter(KernelSpecManager):
    """Knows one kernel: the Python that runs the book."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class _Engine(NBClientEngine):
    """papermill's engine with an environment of our choice."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, home, threads, output, record, **_):
        client = PapermillNotebookClient(nb_man, kernel_name=kernel_name, stdout_file=output, stderr_file=output)
        kernel = client.create_kernel_manager()
        kernel.kernel_spec_manager, kernel.connection_file = _ThisInterpreter(), str(home / "kernel.json")
        environment = clean_environment() | {
            "IPYTHONDIR": str(home),
            "OMP_NUM_THREADS": str(threads),  # torch, BLAS and scikit-learn go by it
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # silences the debugger's remark on frozen modules
        }
        if not os.access(sysconfig.get_path("purelib"), os.W_OK):  # where Numba keeps what it compiles
            environment["NUMBA_CACHE_DIR"] = str(home / "numba")
        with PeakMemory(lambda: kernel.has_kernel and kernel.provisioner.pid) as memory:
            client.execute(env=environment)
        record["peak_rss_bytes"] = memory.peak


papermill_engines.register("book", _Engine)


def execute_notebook(source: Path, target: Path, parameters: dict, threads: int, output: TextIO) -> dict:
    """Execute a notebook by papermill in a kernel with a clean environment.

    Parameters
    ----------
    source, target : Path
        Notebooks; the second is written, also when a cell fails.
    parameters : dict
    threads : int
        Cores that the kernel may use.
    output : text stream
        What the cells print goes there.

    Returns
    -------
    dict with ``wall_seconds`` and ``peak_rss_bytes``

    Raises
    ------
    papermill.PapermillExecutionError, nbclient.exceptions.DeadKernelError
    """
    start, record = time.perf_counter(), {}
    with tempfile.TemporaryDirectory() as home:
        profile = Path(home) / "profile_default"
        profile.mkdir()  # without it the kernel remarks on its unencrypted local port, and on being stopped
        (profile / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.log_level = 'CRITICAL'\n", "utf-8")
        papermill.execute_notebook(
            *(str(path).replace("{", "{{").replace("}", "}}") for path in (source, target)),  # papermill formats paths
            parameters,
            engine_name="book",
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,  # writing figures again after each cell takes longer than the cells
            home=Path(home),
            threads=threads,
            output=output,
            record=record,
        )
    return {"wall_seconds": round(time.perf_counter() - start, 2), **record}
