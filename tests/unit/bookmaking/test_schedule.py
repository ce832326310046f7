"""Chapters run side by side where they may, and never before what they need."""

import json
import multiprocessing
import os
import time
from functools import partial
from pathlib import Path

import pytest

from astroclip_book.errors import BookError
from bookmaking import schedule
from bookmaking.presets import load_preset
from bookmaking.recipes import CHAPTERS
from bookmaking.schedule import Lines, side_by_side, waits
from bookmaking.store import Run


def note(directory: Path, chapter: Path, threads: int, output) -> dict:
    """Leaves the times between which it ran and the threads it had."""
    start = time.time()
    output.write(f"at {chapter.stem}\n")
    if chapter.stem == "bad":
        raise BookError("bad stopped")
    time.sleep(0.5)
    (directory / chapter.stem).write_text(json.dumps([start, time.time(), threads]))
    return {}


@pytest.fixture
def ran(tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "cores", lambda: 2)

    def go(waiting: dict[str, set[str]]) -> list[str]:
        paths = {Path(name): set(map(Path, others)) for name, others in waiting.items()}
        return [chapter.stem for chapter, _ in side_by_side(paths, partial(note, tmp_path))]

    go.times = lambda name: json.loads((tmp_path / name).read_text())
    return go


def test_those_that_do_not_need_each_other_share_the_cores_and_the_others_wait(ran, capfd):
    assert sorted(ran({"first": set(), "left": {"first"}, "right": {"first"}, "last": {"left", "right"}})[1:3]) == [
        "left",
        "right",
    ]
    first, left, right, last = map(ran.times, ("first", "left", "right", "last"))
    assert [first[2], left[2], right[2], last[2]] == [2, 1, 1, 2]
    assert first[1] <= min(left[0], right[0]) and max(left[1], right[1]) <= last[0]
    assert "left: at left" in capfd.readouterr().out


def test_a_failure_lets_the_other_finish_and_begins_nothing_new(ran):
    with pytest.raises(BookError, match="bad stopped"):
        ran({"bad": set(), "good": set(), "later": set()})
    assert ran.times("good")
    with pytest.raises(FileNotFoundError):
        ran.times("later")


def linger(directory: Path, chapter: Path, threads: int, output) -> dict:
    """Leaves its process's number, and works for long."""
    (directory / f"{chapter.stem}.part").write_text(str(os.getpid()))
    os.replace(directory / f"{chapter.stem}.part", directory / chapter.stem)
    time.sleep(60)
    return {}


def begin(directory: Path) -> None:
    schedule.cores = lambda: 2
    list(side_by_side({Path("left"): set(), Path("right"): set()}, partial(linger, directory)))


def test_nothing_goes_on_after_the_first_process_is_killed(tmp_path):
    first = multiprocessing.get_context("spawn").Process(target=begin, args=(tmp_path,))
    first.start()
    wait_until(lambda: all((tmp_path / name).is_file() for name in ("left", "right")))
    numbers = [int((tmp_path / name).read_text()) for name in ("left", "right")]
    first.kill()
    first.join()
    wait_until(lambda: not any(map(alive, numbers)))


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("waited in vain")


def test_the_books_chapters_wait_for_what_makes_their_data(tmp_path):
    run = Run(load_preset("smoke"), tmp_path)
    found = waits(run, {Path(f"{name}.md"): names for name, names in CHAPTERS.items()})
    found = {chapter.stem: {other.stem for other in others} for chapter, others in found.items()}
    assert found["01_mock_survey"] == set()
    assert found["02_image_encoder"] == found["03_spectrum_encoder"] == {"01_mock_survey"}
    before = {"01_mock_survey", "02_image_encoder", "03_spectrum_encoder"}
    assert found["04_alignment"] == found["08_ablations"] - {"04_alignment"} == before
    assert "04_alignment" in found["11_mock_and_sky"] and "06_redshift_and_mass" in found["claims"]
    last = {"differences", "introduction", "light", "teaching"}  # which make nothing that others read
    assert found["introduction"] == set(CHAPTERS) - last
    assert list(found).index("08_ablations") < list(found).index("05_similarity_search")  # a training


def test_a_bar_is_a_line_now_and_then_and_lines_are_whole(capsys, monkeypatch):
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(schedule.time, "monotonic", lambda: next(clock))
    lines = Lines("02")
    for text in ("made", " in 3 s\n", *(f"\rbar {i}" for i in range(6)), "\rbar full\nnext\n"):
        lines.write(text)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "02: made in 3 s" and shown[-2:] == ["02: bar full", "02: next"]
    assert 1 <= sum("bar" in line for line in shown[:-2]) <= 3
