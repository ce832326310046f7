"""The frozen encoder of images beside others: ``image_comparison.h5``."""

from pathlib import Path

from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.evaluate.comparison import compare
from bookmaking.run import Run
from bookmaking.steps.truth import labels


def image_comparison(run: Run, scratch: Path) -> dict:
    """Look at all images in four ways."""
    pairs, preset = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5"))), run.preset
    encoder, known = run.path("image_encoder.pt"), labels(run, pairs.index)
    arrays = compare("image", pairs, known, encoder, preset.comparison, run.device, preset.seed, scratch)
    write_hdf5(scratch / "image_comparison.h5", arrays)
    return {}
