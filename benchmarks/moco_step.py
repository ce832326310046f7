"""Images per second of a training step of the image encoder, against the published algorithm in a plain loop.

Both sides turn the same binned cut-outs of the `laptop` preset into two augmented views each, and take one step of MoCo
v2 with the same network, queue and optimiser: ours as `train.images` does, in bfloat16 where that is fast, the other as
`_plain_moco` says. Loading in processes of their own would hide a part of its augmentations where cores are idle.
"""

import dataclasses
from functools import partial

import numpy as np
import torch
from _plain_moco import PlainLoop
from _timing import DEVICE, in_turns
from lightning_fabric import Fabric

from astroclip_book.data import views
from astroclip_book.data.pairs import IMAGE_SIZE
from astroclip_book.data.views import INPUTS
from astroclip_book.models.moco import MoCo
from astroclip_book.train.loop import autocast, make_fabric
from bookmaking.presets import load_preset

CONFIG = load_preset("laptop").image_encoder
SIZE = CONFIG.field // CONFIG.binning


class OurLoop:
    """Steps on cut-outs (n, 3, 76, 76) as `train.images` takes them."""

    def __init__(self, cache: np.ndarray, moco: MoCo, fabric: Fabric):
        optimizer = torch.optim.AdamW(
            moco.query.parameters(), CONFIG.learning_rate, weight_decay=CONFIG.weight_decay, fused=True
        )
        self.cache, self.device = cache, fabric.device
        self.moco, self.optimizer = fabric.setup(moco, optimizer)
        self.generator = torch.Generator(self.device).manual_seed(0)
        self.order = torch.randperm(len(cache)).to(self.device)

    def augmented(self) -> list[torch.Tensor]:
        """Both views of all cut-outs, each (n, 3, 32, 32) nanomaggies."""
        images = torch.from_numpy(self.cache).to(self.device).float()
        return [views.augment(images, SIZE, CONFIG.binning, self.generator, CONFIG.size_keeps) for _ in range(2)]

    def seen(self, images: list[torch.Tensor]) -> list[torch.Tensor]:
        """What the network is shown of them."""
        return [INPUTS[CONFIG.input](view).contiguous(memory_format=torch.channels_last) for view in images]

    def step(self, pair: list[torch.Tensor]) -> torch.Tensor:
        """One step of the optimiser; the loss."""
        self.optimizer.zero_grad()
        with autocast(self.device):
            loss = self.moco(*pair, self.order)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def __call__(self) -> torch.Tensor:
        return self.step(self.seen(self.augmented()))


def cut_outs(n: int) -> np.ndarray:
    """Round galaxies and noise as the cache keeps them, (n, 3, 76, 76) float16 nanomaggies."""
    rng = np.random.default_rng(0)
    side = IMAGE_SIZE // CONFIG.binning
    distance = np.hypot(*(np.indices((side, side)) - (side - 1) / 2))
    galaxies = rng.uniform(0.05, 0.5, (n, 3, 1, 1)) * np.exp(-distance / rng.uniform(2, 6, (n, 1, 1, 1)))
    return (galaxies + 0.01 * rng.standard_normal(galaxies.shape)).astype(np.float16)


@torch.no_grad()
def check(cache: np.ndarray) -> None:
    """Refuse to time different algorithms.

    Raises
    ------
    AssertionError
        If stretches, or losses of two batches in float32 and with one batch norm, differ by more than rounding.
    """
    ours = MoCo(dataclasses.replace(CONFIG, norm_groups=1), make_fabric("cpu"))
    theirs = PlainLoop(cache, ours, CONFIG)
    for _ in range(2):
        images = theirs.augmented()
        query, key = theirs.seen(images)
        off = (INPUTS["rgb"](torch.from_numpy(np.stack(images[0]))) - query).abs().max().item()
        assert off < 1e-5, f"The stretch of the plain loop is off by {off:.1e}."
        losses = ours(query, key, torch.arange(len(cache))).item(), theirs.loss(query, key).item()
        assert abs(losses[0] - losses[1]) < 1e-4, f"The loss is {losses[0]:.6f}, in the plain loop {losses[1]:.6f}."


def entries():
    """What `make bench` writes."""
    torch.manual_seed(0)
    cache = cut_outs(CONFIG.batch_size)
    check(cache)
    fabric = make_fabric(DEVICE)
    moco = MoCo(CONFIG, fabric).to(fabric.device, memory_format=torch.channels_last)
    sides = {"theirs": PlainLoop(cache, moco, CONFIG), "ours": OurLoop(cache, moco, fabric)}
    runs = dict(sides)
    for label, side in sides.items():
        images = side.augmented()
        runs |= {
            (label, "augment"): side.augmented,
            (label, "stretch"): partial(side.seen, images),
            (label, "step"): partial(side.step, side.seen(images)),
        }
    seconds = in_turns(runs)
    parts = {label: {part: 1000 * seconds[label, part] for part in ("augment", "stretch", "step")} for label in sides}
    yield (
        "moco_step",
        {
            "ratio": seconds["theirs"] / seconds["ours"],
            **{label: len(cache) / seconds[label] for label in sides},
            "unit": "images/s",
            "milliseconds": parts["ours"],
            "theirs_milliseconds": parts["theirs"],
        },
    )
