"""Training of heads on cached features, beside the published procedure, which runs the frozen towers in every epoch.

Ours is `fit_heads` over as many pairs as the release has for training, with features drawn at random: reading from memory,
loss, optimiser and validation included. Theirs is the same and, for each object and epoch, a pass through ResNet-50 on 96
pixels and Spender at full width, from pixels in memory and without gradients: decoding, augmentation and disk cost it nothing
here. `alignment` has heads with one hidden layer and batches of 512, as published; `alignment_gpu_preset` those of that preset.
"""

import dataclasses
from functools import partial

import numpy as np
import torch
from _timing import DEVICE, in_turns
from features import BATCH, networks

from astroclip_book.data.pairs import IMAGE_SIZE, N_WAVELENGTH
from astroclip_book.train.cached_features import CachedFeatures
from astroclip_book.train.heads import fit_heads
from astroclip_book.train.loop import autocast, make_fabric
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


def entries():
    """What `make bench` writes."""
    torch.manual_seed(0)
    fabric = make_fabric(DEVICE)
    preset = dataclasses.replace(load_preset("gpu").alignment, epochs=TIMED)
    heads = {
        "alignment": dataclasses.replace(preset, layers=1, batch_size=512),
        "alignment_gpu_preset": preset,
    }
    features, towers = random_features(), networks()
    pixels = {
        "image": 0.05 * torch.randn(BATCH, IMAGE_SIZE, IMAGE_SIZE, 3, device=DEVICE),
        "spectrum": torch.randn(BATCH, N_WAVELENGTH, device=DEVICE),
    }

    @torch.inference_mode()
    def encode() -> None:
        with autocast(DEVICE):
            for name, tower in towers.items():
                tower(pixels[name])

    runs = {name: partial(fit_heads, features, config, fabric, 0) for name, config in heads.items()}
    seconds = in_turns({**runs, "towers": encode}, ROUNDS)
    for name, config in heads.items():
        ours = seconds[name] / TIMED / PAIRS
        theirs = ours + seconds["towers"] / BATCH
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
