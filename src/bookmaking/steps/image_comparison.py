"""The frozen encoder of images beside others: ``image_comparison.h5``."""

from pathlib import Path

from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.evaluate.comparison import compare_images, comparison_metrics
from bookmaking.run import Run
from bookmaking.steps.truth import labels


def image_comparison(run: Run, scratch: Path) -> dict:
    """Predict redshift and mass from images by four ways to look at them."""
    pairs, preset = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5"))), run.preset
    scores, arrays = compare_images(
        pairs,
        labels(run, pairs.index),
        run.path("image_encoder.pt"),
        preset.comparison,
        preset.evaluation,
        run.device,
        preset.seed,
        scratch,
    )
    write_hdf5(scratch / "image_comparison.h5", arrays)
    return comparison_metrics(scores, "image")
