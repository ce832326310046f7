"""What several kinds of tests share: the smoke book, built once, real data where there are any, and the work between processes."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from astroclip_book.data.files import lock
from bookmaking.presets import ROOT

# Before torch is loaded: pytest -n gives each core a process. Numba, by UMAP, would set the threads of torch anew.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")


@dataclass(frozen=True)
class Book:
    """A book built at PRESET=smoke."""

    run: Path  # artefacts and executed chapters
    site: Path  # html/ lies in it

    def build(self) -> subprocess.CompletedProcess:
        """Build, or bring up to date, by the command that `make book` runs; one process after the other."""
        command = [sys.executable, "-m", "bookmaking", "book", "smoke", "--device", "cpu"]
        places = ["--run-dir", self.run, "--site-dir", self.site]
        with lock(self.run.parent / "lock"):
            return subprocess.run([*command, *places], capture_output=True, text=True, check=False)


def pytest_addoption(parser):
    parser.addoption("--book-dir", type=Path, help="keep the smoke book here, and start from what lies there")


def pytest_collection_modifyitems(items):
    """A file that reads the book comes first, to build it beside those that do not; the others that read it come last.

    Of these, the one that makes a second book begins: at the end, one core would wait for it.
    """
    readers = [item.path for item in items if "book" in item.fixturenames]
    makers = [item.path for item in items if "real" in item.fixturenames]
    items.sort(key=lambda item: (item.path not in readers[:1], item.path in readers, item.path not in makers))


@pytest.fixture(scope="session")
def book(request, tmp_path_factory) -> Book:
    """The whole book at PRESET=smoke: every chapter executed, the site built."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    # Every smoke book is on a path with a space.
    directory = request.config.getoption("--book-dir") or shared / "the book"
    book = Book(directory.absolute() / "run", directory.absolute() / "site")
    with lock(shared / "built.lock"):
        if not (shared / "built").exists():  # by the other worker
            result = book.build()
            assert result.returncode == 0, result.stdout + result.stderr
            (shared / "built").touch()
    return book


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Folder of real DESI spectra and Legacy Survey images, laid beside the repository by those who have it."""
    path = ROOT.parent / "shared" / "realdata"
    if not path.is_dir():
        pytest.skip(f"no real data at {path}")
    return path
