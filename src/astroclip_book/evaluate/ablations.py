"""One thing changed at a time: what each choice of the alignment is worth, with the spread over seeds beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from lightning_fabric import Fabric
from scipy.optimize import curve_fit
from sklearn.metrics import r2_score

from astroclip_book.config import Ablations, Alignment
from astroclip_book.data.files import read_json, write_json
from astroclip_book.evaluate.ablation_grid import QUESTIONS, Variant
from astroclip_book.evaluate.knn import answers
from astroclip_book.evaluate.properties import EARLIER_K
from astroclip_book.evaluate.retrieval import match_ranks
from astroclip_book.train.cached_features import CachedFeatures
from astroclip_book.train.heads import embed, fit_heads

WAYS = {"image": ("image", "image"), "spectrum": ("spectrum", "spectrum"), "cross": ("spectrum", "image")}
REFERENCE = "reference"


def ablate(
    cached: CachedFeatures,
    features: Callable[[str], CachedFeatures],
    known: dict[str, np.ndarray],
    config: Alignment,
    ablations: Ablations,
    pool: int,
    fabric: Fabric,
    seed: int,
    directory: Path,
) -> dict:
    """Train and score every variant of the grid; a killed call goes on with the variant it was in.

    Parameters
    ----------
    cached : CachedFeatures
    features : callable
        Name of a variant's features to these, as `OtherFeatures`.
    known : dict of (N,) arrays
        ``redshift``, and other properties to predict, NaN where unknown.
    config : Alignment
        What is not varied, epochs and learning rate excepted: those are of ``ablations``.
    ablations : Ablations
    pool : int
        Size of the gallery behind recall.
    fabric : Fabric
    seed : int
        Of the first heads of each variant.
    directory : Path
        Keeps the scores of the variants that are done.

    Returns
    -------
    dict
        ``reference`` and, by question and label, variants: means over seeds of the scores that `scores` gives, with
        ``validation_loss``, ``epoch`` (kept, counted from 1), ``n_train``, ``seeds``; the reference also has ``sd``, the standard
        deviations over its seeds, which are at least three. ``scaling``: `scaling_law` of the validation loss.
    """
    base = dataclasses.replace(config, epochs=ablations.epochs, learning_rate=ablations.learning_rate)
    done_path = directory / "scores.json"
    done = read_json(done_path)

    def run(question: str, variant: Variant, seeds: int) -> dict:
        key = f"{question}/{variant.label}"
        if len(done.get(key, [])) < seeds:
            given, changed = _subset(features(variant.features), variant, seed), _changed(base, variant, cached)
            done[key] = [
                _train_and_score(given, known, changed, pool, fabric, seed + number, key) for number in range(seeds)
            ]
            if fabric.global_rank == 0:
                write_json(done_path, done)
        values = {name: [one[name] for one in done[key]] for name in done[key][0]}
        mean = {name: float(np.mean(found)) for name, found in values.items()}
        sd = {name: float(np.std(found, ddof=1)) for name, found in values.items()} if seeds > 1 else None
        return mean | {"seeds": seeds, "sd": sd}

    result: dict = {REFERENCE: run("all", Variant(REFERENCE), max(3, ablations.seeds)), "questions": {}}
    for question, asked in QUESTIONS.items():
        variants = asked.variants + (asked.longer if ablations.grid == "long" else ())
        possible = [one for one in variants if _possible(one, _changed(base, one, cached), cached)]
        result["questions"][question] = {one.label: run(question, one, ablations.seeds) for one in possible}
    result["scaling"] = scaling_law(
        [one["n_train"] for one in result["questions"]["pairs"].values()],
        [one["validation_loss"] for one in result["questions"]["pairs"].values()],
    )
    return result


def scores(
    embeddings: dict[str, np.ndarray], split: CachedFeatures, known: dict[str, np.ndarray], pool: int, seed: int
) -> dict:
    """R² by neighbours of each property from images, from spectra and across, and recall at 10 of an image's spectrum.

    Parameters
    ----------
    embeddings : dict of (N, d) arrays
        By modality.
    split : CachedFeatures
        For its split: 16 training and validation objects, weighted by distance, answer each test object.
    known : dict of (N,) arrays
    pool : int
        Gallery of recall: as many test objects, drawn by ``seed``, or all where there are no more.
    seed : int

    Returns
    -------
    dict of floats
        ``<property>_<way>`` and ``recall_at_10``.
    """
    found = {}
    for way, (gallery, asked) in WAYS.items():
        for name, roles, answer in answers(embeddings[gallery], embeddings[asked], split, known, EARLIER_K):
            found[f"{name}_{way}"] = float(r2_score(known[name][roles.test], answer.prediction))
    test = split.where("test")
    rows = np.random.default_rng(seed).choice(test, min(pool, len(test)), replace=False)
    found["recall_at_10"] = float((match_ranks(embeddings["image"][rows], embeddings["spectrum"][rows]) <= 10).mean())
    return found


def scaling_law(n: list[int], loss: list[float]) -> dict:
    """Fit loss = floor + amplitude · n^(−exponent) to losses at some numbers of training pairs.

    The form is that of Hestness et al. 2017 (arXiv:1712.00409), with a floor for what no number of pairs teaches.

    Parameters
    ----------
    n : list of int
    loss : list of float
        Nats.

    Returns
    -------
    dict
        ``n``, ``loss``; ``floor``, ``amplitude``, ``exponent`` and ``exponent_sigma``, the fit's standard error. None where fewer than
        four numbers are given or the fit finds no such law.
    """
    result: dict = {"n": n, "loss": loss, "floor": None, "amplitude": None, "exponent": None, "exponent_sigma": None}
    if len(set(n)) < 4:
        return result

    def law(x, floor, amplitude, exponent):
        return floor + amplitude * (x / min(n)) ** -exponent

    start = (min(loss) / 2, max(loss) - min(loss) / 2, 0.3)
    try:
        found, covariance = curve_fit(law, np.asarray(n, float), loss, start, bounds=([0, 0, 0], [np.inf, np.inf, 5]))
    except RuntimeError:  # it did not converge
        return result
    floor, amplitude, exponent = map(float, found)
    sigma = float(np.sqrt(covariance[2, 2]))
    return result | {
        "floor": floor,
        "amplitude": amplitude * min(n) ** exponent,
        "exponent": exponent,
        "exponent_sigma": sigma if np.isfinite(sigma) else None,
    }


def _train_and_score(
    cached: CachedFeatures,
    known: dict[str, np.ndarray],
    config: Alignment,
    pool: int,
    fabric: Fabric,
    seed: int,
    label: str,
) -> dict:
    heads, history = fit_heads(cached, config, fabric, seed, label=label)
    epoch = history["best_epoch"]
    return scores(embed(heads, cached.clean), cached, known, pool, seed) | {
        "validation_loss": history["validation_loss"][epoch],
        "logit_scale": history["logit_scale"][epoch],
        "epoch": epoch + 1,
        "n_train": len(cached.views["image"]),
    }


def _changed(base: Alignment, variant: Variant, cached: CachedFeatures) -> Alignment:
    """The variant's configuration; for other batches, the rate goes with their square root, as is usual for Adam."""
    config = dataclasses.replace(base, **variant.changes)
    n_train = len(cached.views["image"])
    epochs = config.epochs
    if variant.steps:
        steps = variant.steps * base.epochs * (n_train // base.batch_size)
        epochs = max(1, steps // max(1, int(variant.share * n_train) // config.batch_size))
    rate = config.learning_rate * (config.batch_size / base.batch_size) ** 0.5
    return dataclasses.replace(config, epochs=epochs, learning_rate=rate)


def _possible(variant: Variant, config: Alignment, cached: CachedFeatures) -> bool:
    """Whether there are pairs and views enough for it."""
    n_train, n_views = cached.views["image"].shape[:2]
    views = n_views if variant.views is None else len(range(n_views)[variant.views])
    return views > 0 and config.batch_size <= int(variant.share * n_train)


def _subset(cached: CachedFeatures, variant: Variant, seed: int) -> CachedFeatures:
    """The variant's views of its share of the training pairs; smaller shares are parts of larger ones."""
    if variant.views is not None:
        cached = cached.with_views(variant.views)
    if variant.share == 1:
        return cached
    n_train = len(cached.views["image"])
    rows = np.random.default_rng([seed, 5]).permutation(n_train)[: int(variant.share * n_train)]
    return dataclasses.replace(cached, views={name: values[rows] for name, values in cached.views.items()})
