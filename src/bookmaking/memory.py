"""Peak memory of a step."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import psutil

INTERVAL = 0.5  # s between samples


class PeakMemory:
    """Context that samples the memory that a process and its children hold.

    Parameters
    ----------
    pid : callable, optional
        Gives the process's number, or None before it starts; by default this process.

    Attributes
    ----------
    peak : int
        Largest sum seen, in bytes. Pages of files that are mapped into memory do not count, on Linux, as the system takes
        them back when it needs them.
    """

    def __init__(self, pid: Callable[[], int | None] = os.getpid):
        self.peak, self._pid, self._done = 0, pid, threading.Event()

    def start(self) -> Self:
        """Sample until the context, or the process, ends."""
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    __enter__ = start

    def __exit__(self, *_) -> None:
        self._done.set()
        self.sample()

    def sample(self) -> None:
        """Look once."""
        total, pid = 0, self._pid()
        with suppress(psutil.NoSuchProcess):  # ended meanwhile, or a worker did
            this = psutil.Process(pid) if pid else None
            for process in [this, *this.children(recursive=True)] if this else []:
                memory = process.memory_info()
                total += memory.rss - getattr(memory, "shared", 0)
        self.peak = max(self.peak, total)

    def _watch(self) -> None:
        self.sample()
        while not self._done.wait(INTERVAL):
            self.sample()
