"""Spectrum encoder: ``spectrum_encoder.pt``."""

from pathlib import Path

from astroclip_book.autoencoder import train_spectrum_encoder
from astroclip_book.pairs import Index, Pairs
from astroclip_book.run import Run


def spectrum_encoder(run: Run, scratch: Path) -> dict:
    """Pre-train the spectrum encoder."""
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    return train_spectrum_encoder(pairs, run.preset.spectrum_encoder, run.device, run.preset.seed, scratch)
