"""Spectrum encoder: ``spectrum_encoder.pt``."""

from pathlib import Path

from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.models.published import adopt_spectrum_encoder
from astroclip_book.train.spectra import train_spectrum_encoder
from bookmaking.run import Run


def spectrum_encoder(run: Run, scratch: Path) -> dict:
    """Pre-train the encoder of spectra, or take published weights."""
    config = run.preset.spectrum_encoder
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    if config.weights_path:
        return adopt_spectrum_encoder(pairs, config, scratch)
    return train_spectrum_encoder(pairs, config, run.device, run.preset.seed, scratch)
