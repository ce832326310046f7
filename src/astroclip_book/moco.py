"""Momentum contrast for images: MoCo v2 (He et al. 2020, arXiv:1911.05722; Chen et al. 2020, arXiv:2003.04297)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book import views
from astroclip_book.engine import cosine_rate, fit, make_fabric, save, set_rate
from astroclip_book.errors import BookError
from astroclip_book.pairs import IMAGE_SIZE, Pairs
from astroclip_book.presets import ImageEncoder
from astroclip_book.progress import progress
from astroclip_book.resnet import ResNet

PROJECTION = 128


class MoCo(nn.Module):
    """A query encoder, its slowly following copy, and a queue of the copy's past outputs.

    Parameters
    ----------
    config : ImageEncoder
    """

    def __init__(self, config: ImageEncoder):
        super().__init__()
        encoder = ResNet(config.depth, config.width)
        n = encoder.n_features
        self.query = nn.ModuleDict(
            {"encoder": encoder, "fc": nn.Sequential(nn.Linear(n, n), nn.ReLU(), nn.Linear(n, PROJECTION))}
        )
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.register_buffer("queue", F.normalize(torch.randn(config.queue_size, PROJECTION), dim=1))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))
        self.momentum, self.temperature = config.key_momentum, config.temperature

    @staticmethod
    def project(branch: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, h, w) to unit vectors (n, 128)."""
        return F.normalize(branch["fc"](branch["encoder"](x)).float(), dim=1)

    def forward(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """InfoNCE of two views (n, 3, h, w) of the same objects against the queue; then the queue and the copy move on."""
        q = self.project(self.query, query)
        with torch.no_grad():
            torch._foreach_lerp_(list(self.key.parameters()), list(self.query.parameters()), 1 - self.momentum)
            # Batch norm must not tell which key belongs to which query by their shared batch statistics: half the
            # keys are normalised with other neighbours than their queries had.
            order = torch.randperm(len(key), device=key.device)
            halves = [self.project(self.key, part) for part in key[order].chunk(2)]
            k = torch.empty_like(q)
            k[order] = torch.cat(halves)
        positive = (q * k).sum(1, keepdim=True)
        logits = torch.cat([positive, q @ self.queue.clone().T], 1) / self.temperature
        loss = F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long, device=q.device))
        with torch.no_grad():
            slots = (self.pointer + torch.arange(len(k), device=k.device)) % len(self.queue)
            self.queue[slots] = k
            self.pointer.copy_((self.pointer + len(k)) % len(self.queue))
        return loss


def cache_images(pairs: Pairs, positions: np.ndarray, binning: int, path: Path) -> np.ndarray:
    """Binned images (n, 3, h, w), float16, in a file mapped into memory, so that epochs read pages and not HDF5."""
    side = IMAGE_SIZE // binning
    shape = (len(positions), 3, side, side)
    if not path.exists():
        partial = path.with_suffix(".partial")
        cache = np.memmap(partial, np.float16, "w+", shape=shape)
        for start in progress(range(0, len(positions), 256), "read images"):
            images = pairs.images(positions[start : start + 256])
            binned = views.bin_images(torch.from_numpy(images), binning)
            cache[start : start + 256] = binned.clamp(-6e4, 6e4).numpy()
        cache.flush()
        partial.rename(path)
    return np.memmap(path, np.float16, "r", shape=shape)


def train_image_encoder(pairs: Pairs, config: ImageEncoder, device: str, seed: int, directory: Path) -> dict:
    """Pre-train without labels on the training split and write ``directory/image_encoder.pt``.

    Parameters
    ----------
    pairs : Pairs
    config : ImageEncoder
    device : str
        ``cpu`` or ``cuda``.
    seed : int
    directory : Path
        Also keeps the checkpoint and the image cache until the step is done.

    Returns
    -------
    dict
        Losses of the last epoch.

    Raises
    ------
    BookError
        If the training split has fewer objects than a batch.
    """
    train, validation = pairs.index.where("train"), pairs.index.where("validation")
    if len(train) < config.batch_size:
        raise BookError(
            f"{pairs.path} has {len(train)} training pairs, fewer than image_encoder.batch_size = {config.batch_size}: "
            "lower the batch size or use more pairs."
        )
    fabric = make_fabric(device)
    torch.manual_seed(seed)
    moco = MoCo(config).to(fabric.device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        moco.query.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    moco, optimizer = fabric.setup(moco, optimizer)
    cache = cache_images(pairs, np.concatenate([train, validation]), config.binning, directory / "images.f16")
    size = config.field // config.binning
    steps = len(train) // config.batch_size

    def load(rows: np.ndarray, generator: torch.Generator) -> list[torch.Tensor]:
        images = torch.from_numpy(cache[rows]).to(fabric.device).float()
        pair = [views.augment(images, size, config.binning, generator) for _ in range(2)]
        return [views.stretch(view).contiguous(memory_format=torch.channels_last) for view in pair]

    def run_epoch(epoch: int, advance: Callable[[], object]) -> dict[str, float]:
        generator = torch.Generator(fabric.device).manual_seed(seed + 1000 * epoch + 1)
        order = np.random.default_rng([seed, epoch]).permutation(len(train))
        moco.train()
        total = 0.0
        for step in range(steps):
            set_rate(optimizer, config.learning_rate * cosine_rate(epoch * steps + step, config.epochs * steps))
            rows = np.sort(order[step * config.batch_size : (step + 1) * config.batch_size])
            loss = moco(*load(rows, generator))
            optimizer.zero_grad()
            fabric.backward(loss)
            optimizer.step()
            total += loss.item()
            advance()
        return {"train_loss": total / steps, "validation_accuracy": accuracy()}

    @torch.no_grad()
    def accuracy() -> float:
        """Share of validation objects whose two views find each other first among all validation objects."""
        moco.eval()
        generator = torch.Generator(fabric.device).manual_seed(seed)
        found = [[], []]
        for start in range(len(train), len(cache), config.batch_size):
            for side, view in enumerate(load(np.arange(start, min(start + config.batch_size, len(cache))), generator)):
                with fabric.autocast():
                    found[side].append(MoCo.project(moco.module.query, view))
        q, k = torch.cat(found[0]), torch.cat(found[1])
        return ((q @ k.T).argmax(1) == torch.arange(len(q), device=q.device)).float().mean().item()

    history = fit("image encoder", moco, optimizer, config.epochs, steps, run_epoch, directory / "checkpoint.pt", seed)
    encoder = moco.module.query["encoder"].to("cpu", memory_format=torch.contiguous_format)
    save({"config": vars(config), "state": encoder.state_dict(), "history": history}, directory / "image_encoder.pt")
    (directory / "images.f16").unlink()
    return {"image_encoder": {name: values[-1] for name, values in history.items()}}
