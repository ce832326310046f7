"""The frozen encoder of spectra beside others: ``spectrum_comparison.h5``."""

from pathlib import Path

from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.evaluate.comparison import compare
from bookmaking.run import Run
from bookmaking.steps.truth import labels


def spectrum_comparison(run: Run, scratch: Path) -> dict:
    """Look at all spectra in four ways."""
    pairs, preset = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5"))), run.preset
    encoder, known = run.path("spectrum_encoder.pt"), labels(run, pairs.index)
    arrays = compare("spectrum", pairs, known, encoder, preset.comparison, run.device, preset.seed, scratch)
    write_hdf5(scratch / "spectrum_comparison.h5", arrays)
    return {}
