"""Redshift, stellar mass and more, with yardsticks: ``predictions.h5``."""

from pathlib import Path

from astroclip_book.data.embeddings import Embeddings, other_seeds
from astroclip_book.data.hdf5 import read_hdf5, write_hdf5
from astroclip_book.evaluate.gains import gains
from astroclip_book.evaluate.knn import answers, on_test
from astroclip_book.evaluate.metrics import standardise
from astroclip_book.evaluate.properties import known_properties, predict_properties
from astroclip_book.evaluate.yardsticks import yardsticks
from astroclip_book.models.heads import MODALITIES
from bookmaking.steps.truth import truth
from bookmaking.store import Run


def properties(run: Run, scratch: Path) -> dict:
    """Predict the properties of the test split, from embeddings and from what is easier to get."""
    path, config, seed = run.path("embeddings.h5"), run.preset.evaluation, run.preset.seed
    embeddings = Embeddings.load(path)
    catalog = truth(run, embeddings.targetid)
    known = known_properties(embeddings, catalog)
    seeds = [embeddings, *other_seeds(path)]
    scores, predictions = predict_properties(seeds, known, config, seed)
    write_hdf5(scratch / "predictions.h5", {"index": embeddings.where("test"), **predictions})
    easier, unaligned = yardsticks(embeddings, run.path("features.h5"), catalog, known, config, seed)
    gain = gains(predictions, {"unaligned": unaligned, **_controls(run, embeddings, known)}, config.bootstrap, seed)
    return {"property": scores, "baseline": easier, "gain": gain}


def _controls(run: Run, split: Embeddings, known: dict) -> dict:
    """What neighbours say in features of random weights and in principal components: way to property to modality."""
    names, test = [name for name in ("redshift", "log_mstar") if name in known], split.where("test")
    found: dict = {way: {name: {} for name in names} for way in ("random", "pca")}
    for modality in MODALITIES:
        for way, said in found.items():
            x = standardise(read_hdf5(run.path(f"{modality}_comparison.h5"))[way], split.where("train"))
            for name, _, answer in answers(x, x, split, {name: known[name] for name in names}, run.preset.evaluation.k):
                said[name][modality] = on_test(answer.prediction, known[name][test])
    return found
