"""One thing changed at a time: an alignment that differs from the reference, and its scores."""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.metrics import r2_score

from astroclip_book.config import Alignment
from astroclip_book.evaluate.knn import answers
from astroclip_book.evaluate.retrieval import match_ranks
from astroclip_book.train.cached_features import CachedFeatures

EARLIER_K = 16  # neighbours, with weights by distance: Vrikkis 2024, https://github.com/av1518/AstroCLIP-Extention
WAYS = {"image": ("image", "image"), "spectrum": ("spectrum", "spectrum"), "cross": ("spectrum", "image")}


def varied(
    base: Alignment, cached: CachedFeatures, seed: int, views=slice(None), share: float = 1.0, steps: int = 0, **changes
) -> tuple[Alignment, CachedFeatures] | None:
    """Configuration and features of a variant; None where there are too few pairs or views for it.

    ``changes`` replace values of ``base``; with other batches, the rate goes with the square root of their size, as is usual for
    Adam. Of each training object it sees some ``views``, the first being the clean one; of the training pairs, a ``share``, where
    smaller ones are parts of larger ones. It takes ``steps`` times as many steps as the reference, or as many epochs where 0.
    """
    config, n_train = dataclasses.replace(base, **changes), len(cached.views["image"])
    n = int(share * n_train)
    cached = cached.with_views(views)
    if n < config.batch_size or cached.views["image"].shape[1] == 0:
        return None
    if steps:
        epochs = steps * base.epochs * (n_train // base.batch_size) // (n // config.batch_size)
        config = dataclasses.replace(config, epochs=max(1, epochs))
    rows = np.random.default_rng([seed, 5]).permutation(n_train)[:n] if n < n_train else slice(None)
    cached = dataclasses.replace(cached, views={name: values[rows] for name, values in cached.views.items()})
    rate = config.learning_rate * (config.batch_size / base.batch_size) ** 0.5
    return dataclasses.replace(config, learning_rate=rate), cached


def neighbour_scores(
    embeddings: dict[str, np.ndarray], split: CachedFeatures, known: dict[str, np.ndarray], pool: int, seed: int
) -> dict[str, float]:
    """``<property>_<way>``, R² of the test objects by neighbours among all others, from images, spectra and across, and
    ``recall_at_10`` of an image's spectrum among ``pool`` test objects.

    ``known`` properties (N,) are NaN where unknown; ``embeddings`` (N, d) are by modality, ``split`` says which are test objects.
    """
    found, test = {}, split.where("test")
    for way, (gallery, asked) in WAYS.items():
        for name, roles, answer in answers(embeddings[gallery], embeddings[asked], split, known, EARLIER_K):
            found[f"{name}_{way}"] = float(r2_score(known[name][roles.test], answer.prediction))
    rows = np.random.default_rng(seed).choice(test, min(pool, len(test)), replace=False)
    found["recall_at_10"] = float((match_ranks(embeddings["image"][rows], embeddings["spectrum"][rows]) <= 10).mean())
    return found
