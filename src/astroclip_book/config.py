"""Hyper-parameters of trainings and evaluation: each class is a section of a preset, and pydantic checks types and bounds."""

from __future__ import annotations

import json
import os
import re
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, FiniteFloat, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from astroclip_book.errors import BookError

section = dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))

Positive = Annotated[FiniteFloat, Field(gt=0)]
NonNegative = Annotated[FiniteFloat, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


@section
class Data:
    """Which pairs are read, and how they are split."""

    pairs_path: str | None  # a file in the release layout; none: the mock survey of this run
    catalog_path: str | None  # PROVABGS or another catalogue with its column names; none: the mock's truth
    validation_fraction: Annotated[float, Field(gt=0, lt=1)]  # share of the training side set apart for choices


@section
class ImageEncoder:
    """ResNet pre-trained with MoCo v2."""

    weights_path: str | None  # checkpoint of Stein et al. to use as it is; none: trained in the run
    depth: Literal[18, 34, 50]
    width: PositiveInt  # channels of the first stage; 64 is the published network
    binning: PositiveInt  # pixels averaged on a side before anything else; 1 keeps 0.262 arcsec
    field: PositiveInt  # side of the square that is encoded, in original pixels (96 in the paper)
    input: Literal["colours", "rgb", "rgb_stein", "nanomaggies"]  # what the network sees; `stretch` says what they are
    size_keeps: Literal["surface_brightness", "flux"]  # what a resized view keeps; published: its surface brightness
    leading: PositiveInt  # principal components of the output, the frozen features beside the light in circles
    epochs: NonNegativeInt
    batch_size: PositiveInt  # over all processes
    # parts of a batch that batch norm sees apart, shuffled between query and key: GPUs, when published
    norm_groups: PositiveInt
    learning_rate: Positive
    weight_decay: NonNegative
    queue_size: PositiveInt
    key_momentum: Share
    temperature: Positive


@section
class SpectrumEncoder:
    """Spender's encoder, pre-trained as an autoencoder with a rest-frame decoder."""

    weights_path: str | None  # checkpoint of Spender to use as it is; none: trained in the run
    width: PositiveInt  # channels of the first block; 128 is the published network
    position: bool  # whether the first convolution knows where on the spectrum it looks; Spender's does not
    normalisation: Literal["weighted", "zscore"]  # by the noise, or as AstroCLIP
    n_latent: PositiveInt
    rest_pixels: PositiveInt  # pixels of the decoder's rest-frame grid
    epochs: NonNegativeInt
    batch_size: PositiveInt  # over all processes
    learning_rate: Positive
    blind_weight: NonNegative  # of the redshift that the features must find by themselves, beside the reconstruction


@section
class Comparison:
    """What the frozen encoders are held against: networks of the same size, trained with labels, on the same pairs."""

    image_epochs: PositiveInt  # as many as the encoder's own, so that both take the same steps
    spectrum_epochs: PositiveInt
    components: Annotated[int, Field(gt=0, le=1000)]  # of the principal component analysis of pixels


@section
class Features:
    """Frozen features, computed once."""

    views: NonNegativeInt  # augmented views of each training object, beside the clean one
    batch_size: PositiveInt


@section
class Alignment:
    """Heads trained by contrast on cached features."""

    dimension: PositiveInt
    layers: NonNegativeInt  # hidden ones of each head; 0 makes it linear
    hidden: PositiveInt  # their width
    dropout: Share  # on the hidden layers
    embedding_dropout: Share  # on the embedding itself: an earlier work's, for the ablation
    loss: Literal["info_nce", "siglip"]
    logit_scale: Positive  # multiplies the cosine; 15.5 in AstroCLIP v1
    learn_scale: bool  # whether it is learned, from there, as in CLIP
    optimizer: Literal["adamw", "adam"]  # adam couples weight decay to the gradient, as an earlier work does
    epochs: PositiveInt
    batch_size: PositiveInt  # over all processes
    learning_rate: Positive
    weight_decay: NonNegative
    seeds: PositiveInt  # heads trained from as many seeds; the first are the run's, the others tell the spread


@section
class Ablations:
    """Alignments that differ from the preset's in one thing each; shorter ones, as there are many."""

    # "long" has more values of each choice, "encoders" trains encoders too, "scale" whole runs
    grid: Literal["short", "long", "encoders", "scale"]
    seeds: PositiveInt  # heads of each variant; the reference has at least three
    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: Positive


@section
class Evaluation:
    """Numbers on the test split."""

    k: PositiveInt | None  # neighbours of the k-NN regression, weighted by distance; none: both chosen on validation
    pool: PositiveInt  # gallery size of the retrieval scores
    bootstrap: PositiveInt  # resamples behind each 95 % interval


@section
class Analysis:
    """The structure of the embedding space."""

    umap_neighbors: PositiveInt
    umap_min_dist: Annotated[float, Field(ge=0, le=1)]
    n_clusters: PositiveInt | None  # of k-means; none: by the silhouettes of validation galaxies
    dbscan_min_samples: PositiveInt


def build(kind: type, values: dict, where: str):
    """An object of a pydantic dataclass from what YAML holds: the value of each field, where that is a dataclass a dict again.

    BookError unless keys, types and bounds are those of the type; it begins with ``where``, a file, and names all faults.
    """
    try:  # as JSON, since strict types take dictionaries for dataclasses from there alone
        return TypeAdapter(kind).validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise BookError(f"{where}: " + "; ".join(map(_fault, error.errors())) + ".") from None


def _fault(error: dict) -> str:
    """One fault in words."""
    *sections, key = map(str, error["loc"])
    place, value = "".join(f"{section}: " for section in sections), error["input"]
    if error["type"] in ("missing", "unexpected_keyword_argument"):
        return f"{place}{'missing' if error['type'] == 'missing' else 'unknown'} key {key}"
    number = isinstance(value, str) and re.fullmatch(r"\s*[+-]?[\d.]+(e[+-]?\d+)?\s*", value, re.IGNORECASE)
    hint = ". YAML takes this for text: write 1.0e-3 with a point, and numbers without quotes" if number else ""
    right = error["msg"].replace("Input", "it").replace("an object", "keys with values").replace("array", "list")
    return f"{place}{key}: {right}, not {value!r}{hint}"


def choose_device(name: str) -> str:
    """Turn "auto", "cpu" or "cuda" into "cpu" or "cuda"; BookError for another name, or a GPU that is not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise BookError(f"device must be 'auto', 'cpu' or 'cuda', not {name!r}.")
    if name == "cpu":
        return name
    import torch  # takes seconds, and most commands and some chapters do without

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise BookError("device is 'cuda', but torch finds no CUDA device here. Use 'auto' or 'cpu'.")
    return "cpu"


def cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
