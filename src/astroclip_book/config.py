"""Hyper-parameters of trainings and evaluation, a section of a preset each, checked where they enter."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import types
import typing
from dataclasses import dataclass
from typing import Literal

from astroclip_book.errors import BookError


@dataclass(frozen=True)
class Data:
    """Which pairs are read, and how they are split."""

    pairs_path: str | None  # a file in the release layout; none: the mock survey of this run
    catalog_path: str | None  # PROVABGS or another catalogue with its column names; none: the mock's truth
    validation_fraction: float  # share of the training side set apart for choices


@dataclass(frozen=True)
class ImageEncoder:
    """ResNet pre-trained with MoCo v2."""

    weights_path: str | None  # checkpoint of Stein et al. to use as it is; none: trained in the run
    depth: Literal[18, 34, 50]
    width: int  # channels of the first stage; 64 is the published network
    binning: int  # pixels averaged on a side before anything else; 1 keeps 0.262 arcsec
    field: int  # side of the square that is encoded, in original pixels (96 in the paper)
    input: Literal["colours", "rgb", "rgb_stein", "nanomaggies"]  # what the network sees; `stretch` says what they are
    size_keeps: Literal["surface_brightness", "flux"]  # what a resized view keeps; published: its surface brightness
    epochs: int
    batch_size: int  # over all processes
    norm_groups: (
        int  # parts of a batch that batch norm sees apart, shuffled between query and key: GPUs, when published
    )
    learning_rate: float
    weight_decay: float
    queue_size: int
    key_momentum: float
    temperature: float


@dataclass(frozen=True)
class SpectrumEncoder:
    """Spender's encoder, pre-trained as an autoencoder with a rest-frame decoder."""

    weights_path: str | None  # checkpoint of Spender to use as it is; none: trained in the run
    width: int  # channels of the first block; 128 is the published network
    position: bool  # whether the first convolution knows where on the spectrum it looks; Spender's does not
    normalisation: Literal[
        "weighted", "zscore", "median"
    ]  # AstroCLIP's is zscore, Spender's median, which needs redshifts
    n_latent: int
    rest_pixels: int  # pixels of the decoder's rest-frame grid
    epochs: int
    batch_size: int  # over all processes
    learning_rate: float
    blind_weight: float  # of the redshift that the features must find by themselves, beside the reconstruction


@dataclass(frozen=True)
class Comparison:
    """What the frozen encoders are held against: networks of the same size, trained with labels, on the same pairs."""

    image_epochs: int
    spectrum_epochs: int
    components: int  # of the principal component analysis of pixels


@dataclass(frozen=True)
class Features:
    """Frozen features, computed once."""

    views: int  # augmented views of each training object, beside the clean one
    batch_size: int


@dataclass(frozen=True)
class Alignment:
    """Heads trained by contrast on cached features."""

    dimension: int
    layers: int  # hidden ones of each head; 0 makes it linear
    hidden: int  # their width
    dropout: float  # on the hidden layers
    embedding_dropout: float  # on the embedding itself: an earlier work's, for the ablation
    loss: Literal["info_nce", "siglip"]
    logit_scale: float  # multiplies the cosine; 15.5 in AstroCLIP v1
    learn_scale: bool  # whether it is learned, from there, as in CLIP
    optimizer: Literal["adamw", "adam"]  # adam couples weight decay to the gradient, as an earlier work does
    epochs: int
    batch_size: int  # over all processes
    learning_rate: float
    weight_decay: float
    seeds: int  # heads trained from as many seeds; the first are the run's, the others tell the spread


@dataclass(frozen=True)
class Ablations:
    """Alignments that differ from the preset's in one thing each; shorter ones, as there are many."""

    grid: Literal["short", "long"]  # the long one has more values of each thing
    seeds: int  # heads of each variant; the reference has at least three
    epochs: int
    learning_rate: float


@dataclass(frozen=True)
class Evaluation:
    """Numbers on the test split."""

    k: int | None  # neighbours of the k-NN regression, weighted by distance; none: both chosen on validation
    pool: int  # gallery size of the retrieval scores
    bootstrap: int  # resamples behind each 95 % interval


@dataclass(frozen=True)
class Analysis:
    """The structure of the embedding space."""

    umap_neighbors: int
    umap_min_dist: float
    n_clusters: int | None  # of k-means; none: by the silhouettes of validation galaxies
    dbscan_min_samples: int


# What numbers must be, said before the first step: trainings would stop hours later, or go on with nonsense. What depends on
# the data is checked by the step that has them, and the survey, which comes first, checks its section itself.
_BOUNDS = (
    ("must be at least 1", lambda x: x >= 1, (
        "width", "binning", "field", "batch_size", "norm_groups", "queue_size", "n_latent", "rest_pixels",
        "components", "dimension", "hidden", "seeds", "k", "pool", "bootstrap", "umap_neighbors", "n_clusters",
        "dbscan_min_samples", "Alignment.epochs", "Ablations.epochs",
    )),
    ("must be at least 0", lambda x: 0 <= x < math.inf, (
        "seed", "ImageEncoder.epochs", "SpectrumEncoder.epochs", "image_epochs", "spectrum_epochs", "views", "weight_decay",
        "layers", "blind_weight", "umap_min_dist",
    )),
    ("must be above 0", lambda x: 0 < x < math.inf, ("learning_rate", "temperature", "logit_scale")),
    ("must be at least 0 and below 1", lambda x: 0 <= x < 1, ("key_momentum", "dropout", "embedding_dropout")),
)  # fmt: skip
_RULES = {key: (rule, holds) for rule, holds, keys in _BOUNDS for key in keys}


def build(kind, values, where: str):
    """Make a dataclass from what YAML holds.

    Parameters
    ----------
    kind : type
        The dataclass.
    values : dict
        Value of each field; those of fields that are dataclasses are dicts again.
    where : str
        The file, with which a message begins.

    Raises
    ------
    BookError
        Unless keys and types are those of the dataclass.
    """
    if not isinstance(values, dict):
        raise BookError(f"{where}: expected keys with values, found {values!r}.")
    hints = typing.get_type_hints(kind)
    unknown, missing = sorted(set(values) - set(hints)), sorted(set(hints) - set(values))
    if unknown or missing:
        raise BookError(
            f"{where}: "
            + "; ".join([f"unknown key {k}" for k in unknown] + [f"missing key {k}" for k in missing])
            + "."
        )
    checked = {k: _check(hints[k], values[k], f"{where}: {k}") for k in hints}
    for key, value in checked.items():
        rule, holds = _RULES.get(f"{kind.__name__}.{key}") or _RULES.get(key) or ("", None)
        if rule and value is not None and not holds(value):
            raise BookError(f"{where}: {key} {rule}, not {value!r}.")
    return kind(**checked)


def _check(kind, value, where: str):
    if dataclasses.is_dataclass(kind):
        return build(kind, value, where)
    if typing.get_origin(kind) is list:
        if not isinstance(value, list):
            raise BookError(f"{where} must be a list, not {value!r}.")
        return [_check(typing.get_args(kind)[0], item, f"{where}: an item") for item in value]
    if typing.get_origin(kind) is Literal:
        if value not in typing.get_args(kind):
            raise BookError(f"{where} must be one of {', '.join(map(str, typing.get_args(kind)))}, not {value!r}.")
        return value
    allowed = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) not in allowed:
        names = " or ".join(getattr(k, "__name__", str(k)) for k in allowed).replace("NoneType", "null")
        hint = (
            " YAML takes this for text: write 1.0e-3 with a point, and numbers without quotes."
            if _like_a_number(value)
            else ""
        )
        raise BookError(f"{where} must be {names}, not {value!r}.{hint}")
    return value


def _like_a_number(value) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\s*[+-]?[\d.]+(e[+-]?\d+)?\s*", value, re.IGNORECASE) is not None


def choose_device(name: str) -> str:
    """Turn "auto", "cpu" or "cuda" into "cpu" or "cuda".

    Raises
    ------
    BookError
        For another name, or a GPU that is not there.
    """
    if name == "cpu":
        return name
    if name not in ("auto", "cuda"):
        raise BookError(f"device must be 'auto', 'cpu' or 'cuda', not {name!r}.")
    import torch

    if not torch.cuda.is_available() and name == "cuda":
        raise BookError("device is 'cuda', but torch finds no CUDA device here. Use 'auto' or 'cpu'.")
    return "cuda" if torch.cuda.is_available() else "cpu"


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
