"""What a result was made with: code, packages, machine."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata

from astroclip_book.presets import ROOT

PACKAGES = (
    "torch", "lightning-fabric", "numpy", "h5py", "scikit-learn", "umap-learn",
    "kornia", "galsim", "skypy", "speclite", "astropy",
)  # fmt: skip


def provenance() -> dict:
    """Commit of the code, versions of the packages that compute, Python and platform."""
    return {
        "commit": commit(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def commit() -> str:
    """Git commit of the book, with ``+dirty`` when files differ from it; "unknown" outside a repository."""
    try:
        head = _git("rev-parse", "HEAD")
        return head + ("+dirty" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
