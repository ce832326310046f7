"""The frozen encoder of spectra beside others, and where it looks: ``spectrum_comparison.h5``."""

from pathlib import Path

import numpy as np

from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.evaluate.attention import MOST, attention_at_rest, attention_weights
from astroclip_book.evaluate.comparison import compare_spectra, comparison_metrics
from astroclip_book.models.encoders import SpectrumFeatures
from bookmaking.run import Run
from bookmaking.steps.truth import labels


def spectrum_comparison(run: Run, scratch: Path) -> dict:
    """Predict redshift and mass from spectra by four ways to look at them, and measure attention to the lines."""
    pairs, preset = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5"))), run.preset
    encoder = run.path("spectrum_encoder.pt")
    scores, arrays = compare_spectra(
        pairs, labels(run, pairs.index), encoder, preset.comparison, preset.evaluation, run.device, preset.seed, scratch
    )
    some = pairs.index.where("test")[:MOST]
    redshift = pairs.index.redshift[some]
    weights = attention_weights(SpectrumFeatures.load(encoder).model, pairs.spectra(some), redshift)
    curves, lines = attention_at_rest(weights, redshift, preset.seed)
    arrays |= {f"attention/{name}": np.asarray(values, np.float32) for name, values in curves.items()}
    write_hdf5(scratch / "spectrum_comparison.h5", arrays)
    return comparison_metrics(scores, "spectrum", attention=lines)
