"""What a result was made with: code, packages, machine."""

from __future__ import annotations

import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

import psutil

from astroclip_book.config import cores
from bookmaking.presets import ROOT

PACKAGES = (
    "torch", "lightning-fabric", "numpy", "h5py", "scikit-learn", "umap-learn",
    "kornia", "galsim", "skypy", "speclite", "astropy",
)  # fmt: skip


def provenance(device: str) -> dict:
    """Commit of the code, versions of the packages that compute, Python, platform and hardware.

    Parameters
    ----------
    device : str
        "cpu" or "cuda", what computed.
    """
    return {
        "commit": commit(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "hardware": hardware(device),
    }


def hardware(device: str) -> dict:
    """Model of the processor, cores that this process may use, bytes of memory, and the name of the GPU where it computed."""
    return {
        "cpu": _cpu_model(),
        "cores": cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": _gpu_name() if device == "cuda" else None,
    }


def commit() -> str:
    """Git commit of the book, with ``+dirty`` when files differ from it; "unknown" outside a repository."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+dirty" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _cpu_model() -> str:
    """Linux alone tells the model in a file; elsewhere Python knows no more than the architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.is_file() else None
    return model[1] if model else platform.processor() or platform.machine()


def _gpu_name() -> str:
    import torch

    return torch.cuda.get_device_name()


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
