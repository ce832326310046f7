"""Peak memory of a step."""

from __future__ import annotations

import threading
from typing import Self

import psutil

INTERVAL = 0.5  # s between samples


class PeakMemory:
    """Context that samples the memory that this process and its children hold.

    Attributes
    ----------
    peak : int
        Largest sum seen, in bytes. Pages of files that are mapped into memory do not count, on Linux, as the system takes
        them back when it needs them.
    """

    def __init__(self):
        self.peak, self._done = 0, threading.Event()

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
        this, total = psutil.Process(), 0
        for process in [this, *this.children(recursive=True)]:
            try:
                memory = process.memory_info()
                total += memory.rss - getattr(memory, "shared", 0)
            except psutil.NoSuchProcess:  # a worker that ended meanwhile
                continue
        self.peak = max(self.peak, total)

    def _watch(self) -> None:
        self.sample()
        while not self._done.wait(INTERVAL):
            self.sample()
