"""Chapters side by side: who waits for whom, and how the cores are shared."""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from pathlib import Path
from typing import TextIO

from astroclip_book.config import cores
from bookmaking.recipes import TRAININGS
from bookmaking.store import Run

AT_ONCE = 2  # chapters: more would want more memory than a laptop has
QUIET = 15.0  # seconds between two lines of a progress bar, where it shares the screen

Work = Callable[[Path, int, TextIO], dict]  # a chapter, its threads and where it prints, to what it took


def waits(run: Run, reads: dict[Path, tuple[str, ...]]) -> dict[Path, set[Path]]:
    """For each chapter, those of the others that make what it reads, trainings first, as they take longest.

    Parameters
    ----------
    run : Run
    reads : dict
        Chapter to the steps that it makes or reads.
    """

    def behind(names: set[str]) -> set[str]:
        """Steps and all that is needed for them."""
        more = names | {need for name in names for need in run.steps[name].needs}
        return names if more == names else behind(more)

    makes = {chapter: {name for name, step in run.steps.items() if step.chapter == chapter.stem} for chapter in reads}
    order = sorted(reads, key=lambda chapter: chapter.stem not in TRAININGS)
    return {
        chapter: {other for other in reads if other != chapter and makes[other] & behind(set(reads[chapter]))}
        for chapter in order
    }


def side_by_side(waiting: dict[Path, set[Path]], work: Work) -> Iterator[tuple[Path, dict]]:
    """Work on chapters, each after those it waits for, and yield each with what it took as it is done.

    A chapter that runs alone has all cores and prints as it likes. After a failure nothing new begins, but what is
    running is finished first.

    Parameters
    ----------
    waiting : dict
        Chapter to those it waits for, those to begin with first.
    work : callable
        Can be pickled.
    """
    available, waiting, running, failure = cores(), dict(waiting), {}, None
    with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn"), _end_with_the_first) as pool:
        while running or (waiting and not failure):
            ready = [chapter for chapter, others in waiting.items() if not others & (waiting.keys() | running.values())]
            if failure:
                ready = []
            elif not running and len(ready) == 1:
                chapter = ready[0]
                del waiting[chapter]
                print(f"\n{chapter.stem}", flush=True)
                yield chapter, work(chapter, available, sys.stdout)
                continue
            for chapter in ready[: min(AT_ONCE, available) - len(running)]:
                del waiting[chapter]
                print(f"\n{chapter.stem}, beside another", flush=True)
                running[pool.submit(_work, work, chapter, max(1, available // AT_ONCE))] = chapter
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                chapter = running.pop(future)
                if future.exception() is None:
                    yield chapter, future.result()
                else:
                    failure = failure or future.exception()
    if failure:
        raise failure


def _end_with_the_first() -> None:
    """Let this process end when the one that started it is killed; its kernel sees that too, and ends.

    They would go on with their chapters otherwise, and the same command, given again, would find their steps taken.
    """

    def wait_for_it() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()


def _work(work: Work, chapter: Path, threads: int) -> dict:
    return work(chapter, threads, Lines(chapter.stem))


class Lines(io.TextIOBase):
    """Prints whole lines with a name before them; of a progress bar, which never ends its line, one now and then."""

    def __init__(self, name: str):
        self.name, self.rest, self.last = name, "", time.monotonic()

    def write(self, text: str) -> int:
        """Take some text and print the lines that it ends."""
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            self._print(line)
        if "\r" in self.rest:
            self.rest = self.rest[self.rest.rindex("\r") :]
            if time.monotonic() - self.last > QUIET:
                self._print(self.rest)
        return len(text)

    def _print(self, line: str) -> None:
        shown = line.rpartition("\r")[2].strip()
        if shown:
            print(f"{self.name}: {shown}", flush=True)
            self.last = time.monotonic()
