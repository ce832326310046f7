"""Which code a step depends on."""

import ast
import subprocess
import sys

from bookmaking import fingerprint
from bookmaking.fingerprint import code_hash, imports


def test_imports_inside_the_package_without_housekeeping():
    tree = ast.parse(
        "import astroclip_book.data.pairs, torch\nfrom astroclip_book.errors import BookError\n"
        "def f():\n    from mock_survey import survey\n"
    )
    assert imports(tree) == {
        "astroclip_book.data.pairs", "astroclip_book.errors.BookError", "mock_survey", "mock_survey.survey"
    }  # fmt: skip


def test_code_is_read_without_running_it():
    """The keys of all steps, so that a build with nothing to do need not load torch."""
    text = (
        "import sys; from bookmaking.pipeline import STEPS; from bookmaking.fingerprint import code_hash; "
        "[code_hash({step.function.partition(':')[0]}) for step in STEPS.values()]; print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", text], text=True).strip() == "False"


def test_hash_follows_imports(tmp_path, monkeypatch):
    package = tmp_path / "toypackage"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text("x = 1\n")
    (package / "middle.py").write_text("from toypackage.deep import x\n")
    (package / "top.py").write_text("from toypackage import middle\n")
    (package / "other.py").write_text("y = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(fingerprint, "PACKAGES", {"toypackage"})
    before = code_hash({"toypackage.top"})
    (package / "other.py").write_text("y = 2\n")
    assert code_hash({"toypackage.top"}) == before
    (package / "deep.py").write_text("x = 2\n")
    assert code_hash({"toypackage.top"}) != before
    before = code_hash({"toypackage.top"})
    (package / "other.json").write_text("[1]")
    assert code_hash({"toypackage.top"}) == before
    for beside in ("deep.json", "deep.css", "deep.part.js"):  # of a module that counts
        (package / beside).write_text("[1]")
        after = code_hash({"toypackage.top"})
        assert after != before
        before = after
