"""The frozen encoder of spectra beside others, and where it looks: ``spectrum_comparison.h5``."""

from pathlib import Path

import numpy as np

from astroclip_book.data.hdf5 import write_hdf5
from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.evaluate.attention import MOST, attention_at_rest, attention_weights
from astroclip_book.evaluate.comparison import compare
from astroclip_book.evaluate.knn import answers
from astroclip_book.evaluate.metrics import r2_interval, standardise
from astroclip_book.models.encoders import SpectrumFeatures
from bookmaking.run import Run
from bookmaking.steps.truth import labels


def spectrum_comparison(run: Run, scratch: Path) -> dict:
    """Look at all spectra in four ways, and measure attention to the lines."""
    pairs, preset = Pairs(run.path("pairs.h5"), Index.load(run.path("index.h5"))), run.preset
    encoder, known = run.path("spectrum_encoder.pt"), labels(run, pairs.index)
    arrays = compare("spectrum", pairs, known, encoder, preset.comparison, run.device, preset.seed, scratch)
    some = pairs.index.where("test")[:MOST]
    redshift = pairs.index.redshift[some]
    weights = attention_weights(SpectrumFeatures.load(encoder).model, pairs.spectra(some), redshift)
    curves, lines = attention_at_rest(weights, redshift, preset.seed)
    arrays["attention"] = {name: np.asarray(values, np.float32) for name, values in curves.items()}
    write_hdf5(scratch / "spectrum_comparison.h5", arrays)

    # Chapter 02 has the same in its cells.
    config, seed, test = preset.evaluation, preset.seed, pairs.index.where("test")
    scores: dict = {way: {} for way in ("frozen", "random", "pca", "supervised")}
    for way in ("frozen", "random", "pca"):
        x = standardise(arrays[way], pairs.index.where("train"))
        for name, roles, answer in answers(x, x, pairs.index, known, config.k):
            scores[way][name] = r2_interval(known[name][roles.test], answer.prediction, config.bootstrap, seed)
    for name, values in known.items():
        there = np.isfinite(values[test])
        told = arrays["supervised"][name][there]
        scores["supervised"][name] = r2_interval(values[test][there], told, config.bootstrap, seed)
    frozen, best = scores.pop("frozen"), scores["supervised"]
    share = {name: frozen[name]["r2"] / best[name]["r2"] for name in frozen if best[name]["r2"] > 0}
    others = {way: {name: {"spectrum": score} for name, score in found.items()} for way, found in scores.items()}
    return {
        "spectrum_encoder": {"frozen": frozen, "of_supervised": share, "attention": lines},
        "baseline": others,
    }
