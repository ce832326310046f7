"""Fixtures that several kinds of tests share: the smoke book, built once, and real data where there are any."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from astroclip_book.presets import ROOT


@dataclass(frozen=True)
class Book:
    """A book built at PRESET=smoke."""

    run: Path  # artefacts and executed chapters
    site: Path  # html/ lies in it

    def build(self) -> subprocess.CompletedProcess:
        """Build, or bring up to date, by the command that `make book` runs."""
        command = [sys.executable, "-m", "astroclip_book", "book", "smoke"]
        places = ["--run-dir", self.run, "--site-dir", self.site]
        return subprocess.run([*command, *places, "--device", "cpu"], capture_output=True, text=True, check=False)


def pytest_addoption(parser):
    parser.addoption("--book-dir", type=Path, help="keep the smoke book here, and start from what lies there")


@pytest.fixture(scope="session")
def book(request, tmp_path_factory) -> Book:
    """The whole book at PRESET=smoke: every chapter executed, the site built."""
    directory = request.config.getoption("--book-dir") or tmp_path_factory.mktemp("book")
    book = Book(directory.absolute() / "run", directory.absolute() / "site")
    result = book.build()
    assert result.returncode == 0, result.stdout + result.stderr
    return book


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Folder of real DESI spectra and Legacy Survey images, laid beside the repository by those who have it."""
    path = ROOT.parent / "shared" / "realdata"
    if not path.is_dir():
        pytest.skip(f"no real data at {path}")
    return path
