"""Chapters are executed when something changed, and a failing one says why in a line."""

import ast
import sys
import textwrap
from contextlib import nullcontext

import nbformat
import pytest

from astroclip_book.errors import BookError
from bookmaking import execution
from bookmaking.execution import chapters, execute, executed, outdated, records
from bookmaking.presets import load_preset
from bookmaking.store.recipes import Step
from bookmaking.store.run import Run

CHAPTER = """
    ---
    kernelspec: {{display_name: Python 3, language: python, name: python3}}
    ---
    # A chapter

    ```{{code-cell}} ipython3
    :tags: [parameters]
    preset = "laptop"
    ```

    ```{{code-cell}} ipython3
    {code}
    ```
"""


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "prose.md").write_text("# Prose only\n")
    return tmp_path


@pytest.fixture
def run_chapters(repository):
    run = Run(load_preset("smoke"), repository / "a {x} [2] run", steps={})  # papermill formats paths

    def go(code, preset="smoke"):
        (repository / "notebooks" / "01_toy.md").write_text(textwrap.dedent(CHAPTER).format(code=code).lstrip())
        return execute(run, {"preset": preset}, repository)

    go.run = run
    return go


def test_a_chapter_is_executed_once_until_its_code_its_parameters_or_the_reference_that_it_shows_change(
    run_chapters, repository, monkeypatch
):
    monkeypatch.setattr(execution, "COMMENTED", [repository / "other.json"])
    assert run_chapters("print(preset, 'outcomes')") == ["01_toy"]
    run, (chapter,) = run_chapters.run, chapters(repository)
    assert "smoke" in executed(run, chapter).read_text()
    chapter.write_text(chapter.read_text().replace("# A chapter", "# Another title"))
    assert execute(run, {"preset": "smoke"}, repository) == []  # for prose
    record = records(run)["01_toy"]
    assert 0 < record["wall_seconds"] < 60 and record["peak_rss_bytes"] > 2**24
    assert record["parameters"] == {"preset": "smoke"} and not outdated(run, chapter)
    assert outdated(run, chapter, {"preset": "laptop"})
    (repository / "other.json").write_text("{}")
    assert outdated(run, chapter)
    (repository / "other.json").unlink()
    text = chapter.read_text()
    for changed in (text.replace("(preset", "(preset + preset"), text.replace("outcomes')", "outcomes')  # comment")):
        chapter.write_text(changed)
        assert outdated(run, chapter)


def test_a_failing_chapter_keeps_the_old_and_says_why(run_chapters, repository):
    target = executed(run_chapters.run, repository / "01_toy.md")
    target.parent.mkdir(parents=True)
    target.write_text("as it was")
    with pytest.raises(BookError, match="01_toy.md stopped: pairs.h5 is gone\nIts cells .*failed.ipynb"):
        run_chapters("from astroclip_book.errors import BookError; raise BookError('pairs.h5 is gone')")
    assert target.read_text() == "as it was" and target.with_suffix(".failed.ipynb").is_file()


def test_a_killed_chapter_is_explained(run_chapters):
    with pytest.raises(BookError, match="01_toy.md stopped: its process was killed, .* GiB free"):
        run_chapters("import os; os.kill(os.getpid(), 9)")


SETTINGS = [
    {"MPLBACKEND": "TkAgg", "PYTHONSTARTUP": "{}/startup.py", "SLURM_NTASKS": "4", "LC_ALL": "en_US.ISO-8859-1", "PIP_USER": "1",
     "JUPYTER_PATH": "{}", "JUPYTER_DATA_DIR": "{}",  # hold another kernel of the same name
     "PYTHONPATH": "{}"},  # holds a broken numpy
    {"MPLBACKEND": "svg", "IPYTHONDIR": "{}", "JUPYTER_CONFIG_DIR": "{}", "SLURM_JOB_NAME": "bash", "LANG": "ja_JP.eucJP",
     "LC_CTYPE": "de_DE@euro", "PYTHONUTF8": "0", "PYTHONHASHSEED": "1", "LANGUAGE": "ja", "HOME": "/proc/nowhere",
     "MATPLOTLIBRC": "{}/matplotlibrc"},  # wants LaTeX
]  # fmt: skip


@pytest.mark.parametrize("variables", SETTINGS, ids=lambda variables: variables["MPLBACKEND"])
def test_the_users_settings_do_not_reach_the_kernel(run_chapters, tmp_path, monkeypatch, variables):
    for place in ("kernels/python3", "profile_default/startup"):
        (tmp_path / place).mkdir(parents=True)
    spec = '{"argv": ["false"], "display_name": "Python 3", "language": "python"}'
    (tmp_path / "kernels" / "python3" / "kernel.json").write_text(spec)
    for startup in ("startup.py", "profile_default/startup/00.py"):
        (tmp_path / startup).write_text("histfile = 'x'\n")
    (tmp_path / "numpy.py").write_text("raise ImportError('of another Python')\n")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    given = {name: value.format(tmp_path) for name, value in variables.items()}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    monkeypatch.setattr(execution.sysconfig, "get_path", lambda _: "/proc/nowhere")  # packages one cannot write beside
    run_chapters(
        "import os, sys, matplotlib, numpy; print(dict(os.environ)); assert 'histfile' not in globals(); "
        "print(sys.executable, matplotlib.get_backend(), matplotlib.rcParams['text.usetex'], 'é–')"
    )
    cell = nbformat.read(executed(run_chapters.run, tmp_path / "01_toy.md"), as_version=4).cells[-1]
    environment, last = next(one.text for one in cell.outputs if one.name == "stdout").splitlines()
    assert last == f"{sys.executable} module://matplotlib_inline.backend_inline False é–"
    found = ast.literal_eval(environment)
    assert found["CUDA_VISIBLE_DEVICES"] == "7" and found["NUMBA_CACHE_DIR"].startswith(found["IPYTHONDIR"])
    assert {name for name in given if found.get(name) == given[name]} <= {"HOME"}


@pytest.fixture
def side_by_side(run_chapters, repository, monkeypatch):
    """Executes toy chapters, each of which notes its times and threads; ``needs``: chapter to those whose artefact it reads."""

    def go(needs: dict[str, list[str]], bad: str = "") -> dict[str, tuple[float, float, int]]:
        steps = {name: Step(name, needs=tuple(needs[name])) for name in needs}
        monkeypatch.setattr(execution, "CHAPTERS", {name: (name, *needs[name]) for name in needs})
        monkeypatch.setattr(execution, "cores", lambda: 2)
        monkeypatch.setattr(Run, "key", lambda run, name: name)
        run = Run(load_preset("smoke"), repository / "run", steps=steps)
        for name in needs:
            code = f"import os, time; start = time.time(); {'1 / 0' if name == bad else 'time.sleep(1)'}; "
            code += "print('noted', start, time.time(), os.environ['OMP_NUM_THREADS'])"
            (repository / "notebooks" / f"{name}.md").write_text(textwrap.dedent(CHAPTER).format(code=code).lstrip())
        with nullcontext() if not bad else pytest.raises(BookError, match="ZeroDivisionError"):
            execute(run, {"preset": "smoke"}, repository)
        times = {}
        for path in (repository / "run" / "chapters").glob("*[a-z].ipynb"):
            if ".failed" not in path.name:
                text = nbformat.read(path, as_version=4).cells[-1].outputs[0].text
                times[path.stem] = tuple(map(float, text.split()[1:]))
        return times

    return go


def test_those_that_do_not_need_each_other_share_the_cores_and_the_others_wait(side_by_side, capfd):
    times = side_by_side({"left": [], "right": [], "last": ["left", "right"]})
    left, right, last = (times[name] for name in ("left", "right", "last"))
    assert [left[2], right[2], last[2]] == [1, 1, 2]
    assert max(left[1], right[1]) <= last[0]
    assert min(left[1], right[1]) > max(left[0], right[0])
    assert "left: noted" in capfd.readouterr().out


def test_a_failure_lets_the_other_finish_and_begins_nothing_new(side_by_side):
    assert set(side_by_side({"bad": [], "good": [], "later": ["good", "bad"]}, bad="bad")) == {"good"}


def test_a_bar_is_a_line_now_and_then_and_lines_are_whole(capsys, monkeypatch):
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(execution.time, "monotonic", lambda: next(clock))
    lines = execution.Lines("02")
    for text in ("made", " in 3 s\n", *(f"\rbar {i}" for i in range(6)), "\rbar full\nnext\n"):
        lines.write(text)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "02: made in 3 s" and shown[-2:] == ["02: bar full", "02: next"]
    assert 1 <= sum("bar" in line for line in shown[:-2]) <= 3
