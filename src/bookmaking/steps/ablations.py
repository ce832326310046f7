"""What each choice of the alignment is worth: numbers only."""

from pathlib import Path

from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.evaluate.ablations import ablate
from astroclip_book.evaluate.other_features import OtherFeatures
from astroclip_book.train.cached_features import CachedFeatures
from astroclip_book.train.loop import make_fabric
from bookmaking.run import Run
from bookmaking.steps.truth import labels


def ablations(run: Run, scratch: Path) -> dict:
    """Align again and again on the cached features, one thing changed at a time."""
    preset, fabric = run.preset, make_fabric(run.device)
    pairs = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5")))
    cached = CachedFeatures.load(run.path("features.h5"), fabric.device)
    encoders = run.path("image_encoder.pt"), run.path("spectrum_encoder.pt")
    features = OtherFeatures(cached, pairs, *encoders, fabric, scratch, preset.seed)
    known, pool = labels(run, pairs.index), preset.evaluation.pool
    return {
        "ablations": ablate(
            cached, features, known, preset.alignment, preset.ablations, pool, fabric, preset.seed, scratch
        )
    }
