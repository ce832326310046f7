"""Training of heads on cached features, as a fraction of what its matrix products alone would reach.

Ours is `fit_heads` over as many pairs as the release has for training, with features drawn at random: reading from memory,
standardising, dropout, loss, optimiser and validation included. Theirs are the products of its steps and nothing else, forward and
backward, of the same sizes and in the same precision. `alignment` has heads with one hidden layer and batches of 512, as
published; `alignment_gpu_preset` those of that preset.
"""

import dataclasses
import itertools
from functools import partial

import numpy as np
import torch
from _timing import DEVICE, in_turns

from astroclip_book.config import Alignment
from astroclip_book.train.features import CachedFeatures
from astroclip_book.train.heads import fit_heads
from astroclip_book.train.loop import autocast
from bookmaking.presets import load_preset

PAIRS, EPOCHS = 158_377, 80  # published
VALIDATION = 2000
LENGTH = {"image": 2048, "spectrum": 256}
TIMED, ROUNDS = 2, 2  # epochs of a call, and calls: an epoch takes seconds


def random_features() -> CachedFeatures:
    """One view of each pair, in half precision."""
    clean, views = {}, {}
    for name, length in LENGTH.items():
        values = torch.empty(PAIRS + VALIDATION, length, dtype=torch.float16, device=DEVICE)
        for part in values.split(10_000):
            part.normal_()
        clean[name], views[name] = values, values[:PAIRS, None]
    return CachedFeatures(clean, views, np.repeat([0, 1], [PAIRS, VALIDATION]).astype(np.uint8))


def products(config: Alignment) -> None:
    """The matrix products of all steps of the trainings that are timed."""
    with autocast(DEVICE):
        kind = torch.get_autocast_dtype(DEVICE) if torch.is_autocast_enabled(DEVICE) else torch.float32
    n, pairs = config.batch_size, []
    for length in LENGTH.values():
        widths = [length] + [config.hidden] * config.layers + [config.dimension]
        for first, (a, b) in zip([True] + [False] * config.layers, itertools.pairwise(widths), strict=True):
            pairs += [((n, a), (a, b)), ((b, n), (n, a))]  # forward, and the gradient of the weights
            pairs += [] if first else [((n, b), (b, a))]  # the gradient of what came in
    made = [[torch.randn(shape, device=DEVICE, dtype=kind) for shape in pair] for pair in pairs]
    logits = [((n, config.dimension), (config.dimension, n)), *[((n, n), (n, config.dimension))] * 2]
    made += [[torch.randn(shape, device=DEVICE) for shape in pair] for pair in logits]
    for _ in range(TIMED * (PAIRS // n)):
        for left, right in made:
            torch.mm(left, right)


def entries():
    """What `make bench` writes."""
    torch.manual_seed(0)
    preset = dataclasses.replace(load_preset("gpu").alignment, epochs=TIMED)
    heads = {
        "alignment": dataclasses.replace(preset, layers=1, batch_size=512),
        "alignment_gpu_preset": preset,
    }
    features = random_features()
    runs = {name: partial(fit_heads, features, config, DEVICE, 0) for name, config in heads.items()}
    runs |= {f"{name} products": partial(products, config) for name, config in heads.items()}
    seconds = in_turns(runs, ROUNDS)
    for name, config in heads.items():
        ours, theirs = (seconds[run] / TIMED / PAIRS for run in (name, f"{name} products"))
        yield (
            name,
            {
                "ratio": theirs / ours,
                "ours": 1e6 * ours,
                "theirs": 1e6 * theirs,
                "unit": "µs an object and epoch",
                "seconds_for_80_epochs": EPOCHS * PAIRS * ours,
                "batch_size": config.batch_size,
            },
        )
