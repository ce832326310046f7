"""Spectrum encoder: ``spectrum_encoder.pt``."""

from pathlib import Path

from astroclip_book.adopt import adopt_spectrum_encoder
from astroclip_book.pairs import Index, Pairs
from astroclip_book.run import Run
from astroclip_book.train_spectra import train_spectrum_encoder


def spectrum_encoder(run: Run, scratch: Path) -> dict:
    """Pre-train the encoder of spectra, or take published weights."""
    config = run.preset.spectrum_encoder
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    if config.weights_path:
        return adopt_spectrum_encoder(pairs, config, scratch)
    return train_spectrum_encoder(pairs, config, run.device, run.preset.seed, scratch)
