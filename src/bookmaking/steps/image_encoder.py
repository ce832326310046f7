"""Image encoder: ``image_encoder.pt``."""

from pathlib import Path

from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.models.published import adopt_image_encoder
from astroclip_book.train.images import train_image_encoder
from bookmaking.run import Run


def image_encoder(run: Run, scratch: Path) -> dict:
    """Pre-train the encoder of images, or take published weights."""
    config = run.preset.image_encoder
    if config.weights_path:
        return adopt_image_encoder(config, scratch)
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    return train_image_encoder(pairs, config, run.device, run.preset.seed, scratch)
