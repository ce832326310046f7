"""One thing changed at a time: an alignment that differs from the reference, features as earlier works made them, scores, and what differs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats
from sklearn.metrics import r2_score

from astroclip_book.config import Alignment
from astroclip_book.data.pairs import Pairs
from astroclip_book.evaluate.knn import answers
from astroclip_book.evaluate.metrics import match_ranks
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.train.features import CachedFeatures, half
from astroclip_book.train.loop import autocast

EARLIER_K = 16  # neighbours, with weights by distance: Vrikkis 2024, https://github.com/av1518/AstroCLIP-Extention
WAYS = {"image": ("image", "image"), "spectrum": ("spectrum", "spectrum"), "cross": ("spectrum", "image")}
BLOCK = 512  # images a batch, as in the published trainings of heads


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
    epochs = config.epochs
    if steps:
        epochs = max(1, steps * base.epochs * (n_train // base.batch_size) // (n // config.batch_size))
    rows = np.random.default_rng([seed, 5]).permutation(n_train)[:n] if n < n_train else slice(None)
    cached = dataclasses.replace(cached, views={name: values[rows] for name, values in cached.views.items()})
    rate = config.learning_rate * (config.batch_size / base.batch_size) ** 0.5
    return dataclasses.replace(config, epochs=epochs, learning_rate=rate), cached


@torch.no_grad()
def other_features(
    name: str, cached: CachedFeatures, pairs: Pairs, image_encoder: Path, spectrum_encoder: Path, device: str, seed: int
) -> CachedFeatures:
    """The features of a variant.

    - Spectra: ``no_brightness`` is what the encoder attends to and nothing else; ``latents`` are Spender's latents and the brightness.
    - Images: ``circles`` is their light in circles alone.
    - Clean images: ``whole`` is all of the encoder's output without the circles. ``raw`` is what the encoder makes of fluxes in
      nanomaggies instead of the input it was trained on. ``moving`` leaves batch norm in training mode: training objects are
      normalised by the batch that ``seed`` puts them in, and the running statistics that follow encode everybody.
    """
    clean, views = dict(cached.clean), dict(cached.views)
    if name == "circles":
        leading = ImageFeatures.load(image_encoder).config.leading
        for features in (clean, views):
            features["image"] = features["image"][..., leading:]
    elif name == "no_brightness":
        for features in (clean, views):
            features["spectrum"] = features["spectrum"][..., :-1]
    elif name == "latents":
        to_latents = SpectrumFeatures.load(spectrum_encoder).model.encoder.mlp.to(device)
        for features in (clean, views):
            rows = features["spectrum"].flatten(0, -2).float()
            changed = torch.cat([to_latents(rows[:, :-1]), rows[:, -1:]], 1)
            features["spectrum"] = changed.unflatten(0, features["spectrum"].shape[:-1])
    else:
        train = cached.where("train")
        clean["image"], of_training = _clean_images(name, pairs, train, image_encoder, device, seed)
        views = {"image": of_training[:, None], "spectrum": views["spectrum"][:, :1]}
    return CachedFeatures(clean, views, cached.split)


def _clean_images(
    name: str, pairs: Pairs, train: np.ndarray, image_encoder: Path, device: str, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of all objects and of the training objects ``train``; `other_features` says what ``name`` means."""
    image = ImageFeatures.load(image_encoder).to(device)
    if name == "raw":
        image.config = dataclasses.replace(image.config, input="nanomaggies")

    def encode(positions: np.ndarray) -> torch.Tensor:
        parts = []
        for start in range(0, len(positions), BLOCK):
            pixels = torch.from_numpy(pairs.images(positions[start : start + BLOCK])).to(device)
            with autocast(device):
                parts.append(half(image.encoder(image.seen(pixels)) if name == "whole" else image(pixels)))
        return torch.cat(parts)

    everybody = np.arange(len(pairs.index))
    if name != "moving":
        clean = encode(everybody)
        return clean, clean[train]
    order = np.random.default_rng(seed).permutation(len(train))
    image.encoder.train()
    shuffled = encode(train[order])
    image.encoder.eval()
    of_training = torch.empty_like(shuffled)
    of_training[order] = shuffled
    return encode(everybody), of_training


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


def differences(trained: pd.DataFrame, against: dict) -> tuple[pd.DataFrame, pd.Series, int]:
    """Mean scores of variants less those of what each is held ``against``, with 95 % intervals from trainings of several seeds.

    ``trained`` has a row for each training, a column for each score, and the variants in its index; ``against`` says of those to be
    compared with which. Returned are, by variant and score, the ``difference``, ``half`` the width of its interval, ``p`` of Student's
    t and whether it is ``found``; of each score the standard deviation between seeds; and its degrees of freedom. The deviation is
    pooled, all variants being taken to scatter alike. Of the differences that are found, 5 % may be chance (Benjamini & Hochberg
    1995, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x).
    """
    groups = trained.groupby(level=list(range(trained.index.nlevels)), sort=False)
    means, n, freedom = groups.mean(), groups.size(), len(trained) - groups.ngroups
    sd = np.sqrt((trained - groups.transform("mean")).pow(2).sum() / freedom)
    ours, theirs = list(against), list(against.values())
    difference = (means.loc[ours] - means.loc[theirs].to_numpy()).rename_axis(columns="score")
    per_sd = np.sqrt(1 / n[ours].to_numpy() + 1 / n[theirs].to_numpy())
    error = pd.DataFrame(np.outer(per_sd, sd), difference.index, difference.columns).stack()
    found = pd.DataFrame({"difference": difference.stack(), "half": stats.t.ppf(0.975, freedom) * error})
    t = np.divide(found["difference"], error, out=np.zeros(len(found)), where=error > 0)
    found["p"] = 2 * stats.t.sf(np.abs(t), freedom)
    return found.assign(found=stats.false_discovery_control(found["p"]) <= 0.05), sd, freedom
