"""What the manifest says of code and machine."""

import os
import shutil
import subprocess
import sys

import pytest

from bookmaking.presets import ROOT

COMMIT = "from bookmaking.store.provenance import commit; print(commit())"


@pytest.fixture
def enclosed(tmp_path):
    """A copy of the code, unpacked inside somebody else's repository."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "thesis"], check=True)
    shutil.copytree(ROOT / "src", tmp_path / "book" / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("variable", [None, "GIT_DIR"])
def test_the_commit_of_an_enclosing_repository_is_not_the_books(enclosed, variable):
    environment = {**os.environ, "PYTHONPATH": str(enclosed / "book" / "src")}
    environment |= {variable: str(enclosed / ".git")} if variable else {}
    command = [sys.executable, "-c", COMMIT]
    assert subprocess.check_output(command, env=environment, text=True, cwd=enclosed / "book").strip() == "unknown"
