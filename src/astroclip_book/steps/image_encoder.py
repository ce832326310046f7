"""Image encoder: ``image_encoder.pt``."""

from pathlib import Path

from astroclip_book.moco import train_image_encoder
from astroclip_book.pairs import Index, Pairs
from astroclip_book.run import Run


def image_encoder(run: Run, scratch: Path) -> dict:
    """Pre-train the image encoder."""
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    return train_image_encoder(pairs, run.preset.image_encoder, run.device, run.preset.seed, scratch)
