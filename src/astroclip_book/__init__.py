"""AstroCLIP as a book: mock survey, encoders, alignment, evaluation and analysis behind the notebooks."""

from __future__ import annotations

from importlib import import_module

from astroclip_book.errors import BookError
from astroclip_book.run import open_run

__all__ = ["AstroCLIP", "BookError", "open_run"]


def __getattr__(name: str):
    if name == "AstroCLIP":  # loads torch, which the build's quick checks do without
        return import_module("astroclip_book.model").AstroCLIP
    raise AttributeError(f"module 'astroclip_book' has no attribute '{name}'")
