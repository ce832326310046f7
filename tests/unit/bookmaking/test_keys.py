"""Which code a step depends on."""

import subprocess
import sys

import pytest

from bookmaking.store import keys
from bookmaking.store.keys import code_key


def test_code_is_read_without_running_it():
    """The keys of all steps, so that a build with nothing to do need not load torch."""
    text = (
        "import sys; from bookmaking.store.run import STEPS, Run; from bookmaking.presets import load_preset; run = Run(load_preset('smoke'), 'none'); "
        "[run.key(name) for name in STEPS]; print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", text], text=True).strip() == "False"


@pytest.fixture
def package(tmp_path, monkeypatch):
    package = tmp_path / "toypackage"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text("import numpy as np, scipy.stats\nx = 1  # π\n", encoding="utf-8")
    (package / "middle.py").write_text("from .deep import x\n")
    (package / "other.py").write_text("import matplotlib\ny = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(keys, "PACKAGES", {"toypackage"})
    monkeypatch.setattr(keys, "READERS", set())
    return package


def key():
    return code_key("from toypackage import middle")


def test_hash_follows_imports(package):
    before, versions = key()
    assert versions.keys() == {"numpy", "scipy"}
    (package / "other.py").write_text("y = 2\n")
    assert key()[0] == before
    (package / "deep.py").write_text("import numpy as np, scipy.stats\n\n'''Docs.'''\nx = 1\n")
    assert key()[0] == before
    (package / "deep.py").write_text("x = 2\n")
    assert key()[0] != before and key()[1] == {}


def test_files_beside_a_module_that_counts_are_read_with_it(package):
    before = key()
    (package / "other.json").write_text("[1]")
    assert key() == before
    for beside in ("deep.json", "deep.css", "deep.part.js"):
        (package / beside).write_text("[1]")
        after = key()
        assert after != before
        before = after
