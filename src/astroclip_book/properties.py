"""Redshift and stellar mass without labels in training: averages over nearest neighbours in an embedding."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from astroclip_book.embeddings import Embeddings
from astroclip_book.knn import knn_predict
from astroclip_book.metrics import r2_interval, standardise
from astroclip_book.presets import Evaluation

# name: (modality whose neighbours are averaged, modality that is asked about)
DIRECTIONS = {"image": ("image", "image"), "spectrum": ("spectrum", "spectrum"), "cross": ("spectrum", "image")}
MAGNITUDES = ("MAG_G", "MAG_R", "MAG_Z")


def predict_properties(
    embeddings: Embeddings, features: Path, catalog: dict[str, np.ndarray], config: Evaluation, seed: int, path: Path
) -> dict:
    """k-NN regression on the test split, from embeddings and from the baselines; the predictions go to ``path``.

    Neighbours are training and validation objects with a known value; numbers are of test objects with a known value.

    Parameters
    ----------
    embeddings : Embeddings
    features : Path
        Frozen features, for the unaligned baseline.
    catalog : dict of (N,) arrays
        Columns aligned with the embeddings' rows; ``LOG_MSTAR`` and magnitudes are used where present.
    config : Evaluation
    seed : int
    path : Path
        HDF5 file to write: ``index`` (n,) row of each test object, and for each property a group with ``truth`` (n,)
        and a prediction (n,) for each direction.

    Returns
    -------
    dict
        ``property.<name>.<direction>`` and ``baseline.<name>.<property>.<modality>`` with r2, r2_ci95, n.
    """
    known = {"redshift": embeddings.redshift, "log_mstar": catalog.get("LOG_MSTAR")}
    fit, test = embeddings.where("train", "validation"), embeddings.where("test")
    vectors = {"image": embeddings.image, "spectrum": embeddings.spectrum}
    baselines = _baselines(features, catalog, fit)
    metrics: dict = {"property": {}, "baseline": {name: {} for name in baselines}}
    with h5py.File(path, "w") as file:
        file["index"] = test
        for name, values in known.items():
            if values is None or not np.isfinite(values[fit]).any():
                continue
            reference, query = fit[np.isfinite(values[fit])], test[np.isfinite(values[test])]

            def score(train: np.ndarray, asked: np.ndarray, values=values, reference=reference, query=query):
                prediction = knn_predict(train[reference], values[reference], asked[query], config.k)
                return prediction, r2_interval(values[query], prediction, config.bootstrap, seed)

            file[f"{name}/truth"] = values[test]
            metrics["property"][name] = {}
            for direction, (gallery, asked) in DIRECTIONS.items():
                prediction, metrics["property"][name][direction] = score(vectors[gallery], vectors[asked])
                file[f"{name}/{direction}"] = _spread(prediction, query, test)
            for baseline, modalities in baselines.items():
                metrics["baseline"][baseline][name] = {m: score(x, x)[1] for m, x in modalities.items()}
    return metrics


def _spread(prediction: np.ndarray, query: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Predictions on all test rows, NaN where the true value is unknown and none was made."""
    full = np.full(len(test), np.nan, np.float32)
    full[np.searchsorted(test, query)] = prediction
    return full


def _baselines(features: Path, catalog: dict[str, np.ndarray], fit: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """What the alignment has to beat: the frozen features as they are, and magnitude with colours alone."""
    with h5py.File(features) as file:
        unaligned = {name: file[name]["clean"][:].astype(np.float32) for name in ("image", "spectrum")}
    baselines = {"unaligned": {name: standardise(x, fit) for name, x in unaligned.items()}}
    if all(np.isfinite(catalog.get(name, np.nan)).all() for name in MAGNITUDES):
        g, r, z = (catalog[name] for name in MAGNITUDES)
        baselines["photometry"] = {"image": standardise(np.stack([g - r, r - z, r], 1), fit)}
    return baselines
