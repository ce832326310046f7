"""What a result was made with: commit, packages, machine, memory."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Self

import psutil

from astroclip_book.config import cores
from bookmaking.presets import ROOT

PACKAGES = ("torch", "lightning-fabric", "numpy", "h5py", "scikit-learn", "faiss-cpu", "umap-learn", "kornia", "galsim",
            "skypy", "speclite", "astropy")  # fmt: skip
INTERVAL = 0.5  # s between two looks at the memory


def provenance(device: str) -> dict:
    """Time, commit of the code, versions of the packages that compute, Python, platform and hardware, with the GPU where that computed."""
    gpu = None
    if device == "cuda":
        import torch

        gpu = torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")  # elsewhere than on Linux, Python knows no more than the architecture
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    model = re.search(r"model name\s*:\s*(.+)", text)
    return {
        "commit": commit(),
        "finished": f"{datetime.now(UTC):%FT%TZ}",
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hardware": {
            "cpu": model[1] if model else platform.processor() or platform.machine(),
            "cores": cores(),
            "memory_bytes": psutil.virtual_memory().total,
            "gpu": gpu,
        },
    }


def commit() -> str:
    """Git commit of the book, with ``+dirty`` when files differ from it; "unknown" where the book is no repository of its own."""
    # Git hooks set GIT_DIR, which comes before -C.
    environment = {key: value for key, value in os.environ.items() if key not in ("GIT_DIR", "GIT_WORK_TREE")}

    def git(*arguments: str) -> str:
        command = ["git", "-C", ROOT, *arguments]
        return subprocess.run(
            command, capture_output=True, check=True, env=environment, encoding="utf-8"
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return "unknown"
        return git("rev-parse", "HEAD") + ("+dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


class PeakMemory:
    """Context that samples the memory that a process and its children hold.

    ``pid`` gives the process's number, by default of this one, or None before it starts. ``peak`` is the largest sum seen, in bytes;
    pages of files that are mapped into memory do not count, on Linux, as the system takes them back when it needs them.
    """

    def __init__(self, pid: Callable[[], int | None] = os.getpid):
        self.peak, self.pid, self._done = 0, pid, threading.Event()

    def __enter__(self) -> Self:
        self.sample()
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._done.set()
        self.sample()

    def sample(self) -> None:
        """Look once."""
        total, pid = 0, self.pid()
        with suppress(psutil.NoSuchProcess):  # ended meanwhile, or a worker did
            processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)] if pid else []
            for memory in (process.memory_info() for process in processes):
                total += memory.rss - getattr(memory, "shared", 0)
        self.peak = max(self.peak, total)

    def _watch(self) -> None:
        while not self._done.wait(INTERVAL):
            self.sample()
