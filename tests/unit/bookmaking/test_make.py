"""`make` where something is missing: what is wrong and what to do, before anything long begins."""

import errno
import os
import re
import shutil
import subprocess
import sys

import pytest

from astroclip_book.data.files import lock
from astroclip_book.errors import BookError
from bookmaking import presets
from bookmaking.__main__ import main
from bookmaking.presets import ROOT, load_preset

# A Python whose environments have a pip that behaves as told and a Python that shows how it was called.
PYTHON = """#!/bin/sh
if [ "$1$2" = -mvenv ]; then
  mkdir -p .venv/bin
  echo '{pip}' > .venv/bin/pip
  echo 'printf "<%s>" "$@"' > .venv/bin/python
  chmod +x .venv/bin/*
else
  case "$2" in {case}) exit 1;; esac
  exec "{python}" "$@"
fi
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout on a path with spaces, without an environment."""
    place = tmp_path / "a path with spaces"
    place.mkdir()
    for name in ("Makefile", "install.sh", "requirements.lock"):
        shutil.copy(ROOT / name, place)
    return place


def make(checkout, *arguments, pip="exit 0", case="nothing", **environment):
    python = checkout / "some python"
    python.write_text(PYTHON.format(pip=pip, case=case, python=sys.executable))
    python.chmod(0o755)
    command = ["make", "-C", checkout, "book", f"PYTHON={python}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


@pytest.mark.parametrize("value", ["1", "yes"])
def test_pip_installs_into_the_environment_whatever_the_user_set(checkout, value):
    assert make(checkout, pip='exit "$PIP_USER"', PIP_USER=value).returncode == 0


def test_an_environment_is_made_once_on_a_path_with_spaces(checkout):
    for _ in range(2):
        result = make(checkout, "PRESET=my own.yaml")
        assert result.returncode == 0 and "<-m><bookmaking><book><my own.yaml>" in result.stdout, result.stderr
        (checkout / ".venv" / "kept").touch()
    assert (checkout / ".venv" / "kept").is_file()
    os.utime(checkout / "requirements.lock")
    make(checkout)
    assert not (checkout / ".venv" / "kept").exists()


def test_a_copy_gets_an_environment_of_its_own(checkout, tmp_path):
    """One that is copied with the repository would run the code of the other."""
    make(checkout)
    kept = checkout / ".venv" / "kept"
    kept.touch()
    copy = shutil.copytree(checkout, tmp_path / "a copy")
    assert "copied or moved" in make(copy).stdout and not (copy / ".venv" / "kept").exists()
    (tmp_path / "a link").symlink_to(checkout)
    for same in (copy, tmp_path / "a link"):
        assert "copied or moved" not in make(same).stdout
    (checkout / ".venv" / "ready").write_text("")  # as environments were marked before
    assert "copied or moved" not in make(checkout).stdout and kept.exists()


def test_without_a_network_nothing_is_left_half_done(checkout):
    result = make(checkout, pip="echo no route to host >&2; exit 1")
    assert result.returncode != 0 and re.search(r"no route to host\s+Error: .*needs the network", result.stderr)
    assert not (checkout / ".venv").exists()
    assert make(checkout).returncode == 0


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("none", "no working 'none' here. Name a Python of version 3.11 or later: make PYTHON="),
        ("old", "needs Python 3.11 or later, 'old' is 3.9. Name another: make PYTHON="),
        ("some python", "cannot make environments. On Debian and Ubuntu: apt install python3."),
    ],
)
def test_a_python_that_will_not_do(checkout, python, message, monkeypatch):
    old = checkout / "old"
    old.write_text('#!/bin/sh\ncase "$2" in *print*) echo 3.9;; *) exit 1;; esac\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(checkout), prepend=os.pathsep)
    result = make(checkout, f"PYTHON={python}", case="*ensurepip*")
    assert result.returncode != 0 and message in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_checkout_that_cannot_be_written_to(checkout):
    (checkout / "python").write_text("#!/bin/sh\necho 3.12\n")
    (checkout / "python").chmod(0o755)
    checkout.chmod(0o555)
    nobody = 65534 if os.geteuid() == 0 else None  # root may write anywhere
    command = ["make", "book", "PYTHON=./python"]
    result = subprocess.run(command, cwd=checkout, user=nobody, capture_output=True, text=True, check=False)
    assert result.returncode != 0 and f"Error: {checkout} cannot be written to" in result.stderr


@pytest.mark.parametrize(
    ("what", "those"), [("book", "preset 'nonsense'.*: desi, gpu, "), ("data", "data set 'nonsense'.*: desi")]
)
def test_unknown_names(what, those, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["book", what, "nonsense"])
    with pytest.raises(SystemExit, match=f"no {those}"):
        main()


@pytest.mark.parametrize("option", ["--run-dir", "--site-dir"])
def test_a_place_that_cannot_be_written_to_is_said_before_anything_is_executed(option, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    others = ["--run-dir", str(tmp_path / "run"), "--site-dir", str(tmp_path / "site")]
    monkeypatch.setattr(sys, "argv", ["book", "book", "smoke", *others, option, str(tmp_path / "file" / "place")])
    monkeypatch.setattr("bookmaking.__main__.execute", lambda *_: pytest.fail("chapters are executed"))
    with pytest.raises(SystemExit, match=f"file/place cannot be made or written to .*by the option {option}"):
        main()


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls the command line with a run and a site of its own; ``execute`` stands for the chapters."""

    def called(what, execute=lambda *_: None):
        places = ["--run-dir", str(tmp_path / "run"), "--site-dir", str(tmp_path / "site")]
        monkeypatch.setattr(sys, "argv", ["book", what, "smoke", *places])
        monkeypatch.setattr("bookmaking.__main__.execute", execute)
        monkeypatch.setattr("bookmaking.__main__.build_site", lambda *_: "index.html")
        main()

    return called


@pytest.mark.parametrize(("what", "place"), [("book", "run"), ("book", "site"), ("site", "site")])
def test_a_second_call_at_the_same_time_is_refused(what, place, call, tmp_path):
    busy = pytest.raises(SystemExit, match=f"at work in {tmp_path / place}. Wait for it")
    with lock(tmp_path / place / ".lock"), busy:
        call(what, lambda *_: pytest.fail("chapters are executed"))


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, 524])
def test_a_file_system_without_locks_is_said(number, call, monkeypatch):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(SystemExit, match="run cannot be locked .*choose a directory on another file system"):
        call("book", lambda *_: pytest.fail("chapters are executed"))


@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "euc_jp"}])
def test_a_locale_that_is_not_utf_8(locale, tmp_path):
    """Presets, code and chapters are read, and paths printed."""
    command = [sys.executable, "-m", "bookmaking", "why", "smoke", "--run-dir", tmp_path / "ü–"]
    environment = os.environ | {"PYTHONUTF8": "0"} | locale
    result = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert result.returncode == 0 and b"own_galaxies: " in result.stdout, result.stderr


def test_why_changes_nothing(call, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text('{"gone": {}}')
    call("why")
    assert (tmp_path / "run" / "manifest.json").read_text() == '{"gone": {}}'
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_a_full_disk_is_explained(call):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SystemExit, match="No space left in .*run .* Free some and run again"):
        call("book", full)


def test_metrics_that_were_deleted_or_spoilt_are_written_again(call, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text('{"gone": {}}')
    for spoil in (lambda path: path.unlink(missing_ok=True), lambda path: path.write_text("{")):
        spoil(tmp_path / "run" / "metrics.json")
        call("book")
        assert (tmp_path / "run" / "metrics.json").read_text() == "{}\n"


def test_the_package_without_its_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(presets, "ROOT", tmp_path)
    with pytest.raises(BookError, match="without its repository. Clone that"):
        load_preset("laptop")
