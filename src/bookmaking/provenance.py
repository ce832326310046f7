"""What a result was made with: commit, packages, machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

import psutil

from astroclip_book.config import cores
from bookmaking.presets import ROOT

# fmt: off
PACKAGES = (
    "torch", "lightning-fabric", "numpy", "h5py", "scikit-learn", "faiss-cpu",
    "umap-learn", "kornia", "galsim", "skypy", "speclite", "astropy",
)
# fmt: on


def provenance(device: str) -> dict:
    """Commit of the code, versions of the packages that compute, Python, platform and hardware.

    Parameters
    ----------
    device : str
        "cpu" or "cuda", what computed.
    """
    installed = {one.name.lower(): one.version for one in metadata.distributions()}
    return {
        "commit": commit(),
        "packages": {name: installed[name] for name in PACKAGES if name in installed},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hardware": hardware(device),
    }


def hardware(device: str) -> dict:
    """Model of the processor, cores that this process may use, bytes of memory, and the name of the GPU where it computed."""
    gpu = None
    if device == "cuda":
        import torch

        gpu = torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")  # elsewhere than on Linux, Python knows no more than the architecture
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    model = re.search(r"model name\s*:\s*(.+)", text)
    return {
        "cpu": model[1] if model else platform.processor() or platform.machine(),
        "cores": cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": gpu,
    }


def commit() -> str:
    """Git commit of the book, with ``+dirty`` when files differ from it; "unknown" where the book is no repository of its own."""
    # Git hooks set GIT_DIR, which comes before -C.
    environment = {key: value for key, value in os.environ.items() if key not in ("GIT_DIR", "GIT_WORK_TREE")}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, encoding="utf-8")
        return result.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return "unknown"
        return git("rev-parse", "HEAD") + ("+dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
