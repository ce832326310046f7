"""Peak memory of a step."""

from __future__ import annotations

import threading
from typing import Self

import psutil


class PeakMemory:
    """Context that samples the resident memory of this process and its children.

    Attributes
    ----------
    peak : int
        Largest sum seen, in bytes. Pages shared with children count once per process: an upper bound.
    """

    def __init__(self, interval: float = 0.5):
        self.interval = interval
        self.peak = 0

    def __enter__(self) -> Self:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._done.set()
        self._thread.join()
        self._sample()

    def _watch(self) -> None:
        self._sample()
        while not self._done.wait(self.interval):
            self._sample()

    def _sample(self) -> None:
        this = psutil.Process()
        total = 0
        for process in [this, *this.children(recursive=True)]:
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:  # a worker that ended meanwhile
                continue
        self.peak = max(self.peak, total)
