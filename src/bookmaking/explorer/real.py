"""Real galaxies on the map of a run: pairs of a sample, embedded by its networks."""

from __future__ import annotations

import numpy as np

from astroclip_book.data.pairs import SPLITS, Embeddings, evenly
from astroclip_book.model import AstroCLIP
from bookmaking.explorer.packing import small
from real_sky.sample import read_sample

MOST = 60  # real galaxies; more would cover the map


def with_real(path: str, model: AstroCLIP, embeddings: Embeddings, frozen: dict) -> tuple[Embeddings, dict, dict]:
    """Embeddings and frozen features of a run with those of m real galaxies below, and `packing.small` of these.

    The galaxies are chosen evenly from a file in the release layout; `read_sample` says what is wrong with it.
    """
    sample = read_sample(path)
    some = evenly(len(sample["image"]), MOST)
    images, spectra = sample["image"][some], sample["spectrum"][some]
    features, vectors = {}, {}
    features["image"], vectors["image"] = model.encode_images(images.images)
    features["spectrum"], vectors["spectrum"], _ = model.encode_spectra(spectra.flux, spectra.ivar > 0)
    theirs = {
        **vectors, "targetid": images.name.astype(np.int64), "redshift": images.redshift,
        "split": np.full(len(some), SPLITS.index("test"), np.uint8),
    }  # fmt: skip
    both = {name: np.concatenate([own, theirs[name]], dtype=own.dtype) for name, own in vars(embeddings).items()}
    below = {name: np.concatenate([frozen[name], values]) for name, values in features.items()}
    return Embeddings(**both), below, small(images.images, spectra.flux)
