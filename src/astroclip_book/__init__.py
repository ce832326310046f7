"""AstroCLIP: images and spectra of galaxies in one embedding space."""

from importlib import import_module

from astroclip_book.errors import BookError

__all__ = ["AstroCLIP", "BookError"]


def __getattr__(name: str):
    if name == "AstroCLIP":  # loads torch, which the build's quick checks do without
        return import_module("astroclip_book.model").AstroCLIP
    raise AttributeError(f"module 'astroclip_book' has no attribute '{name}'")
