"""Frozen features: ``features.h5``."""

from pathlib import Path

from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.train.features import extract_features
from bookmaking.run import Run


def features(run: Run, scratch: Path) -> dict:
    """Pass every object through both frozen encoders."""
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    encoders = run.path("image_encoder.pt"), run.path("spectrum_encoder.pt")
    return extract_features(pairs, *encoders, run.preset.features, run.device, run.preset.seed, scratch)
