"""Pre-training of the image encoder by `moco.MoCo`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from astroclip_book.config import ImageEncoder
from astroclip_book.data import views
from astroclip_book.data.image_cache import cache_images
from astroclip_book.data.pairs import Pairs
from astroclip_book.data.stretch import network_input
from astroclip_book.models.moco import MoCo
from astroclip_book.train.engine import Descent, check_batch, fit, gather, make_fabric, save, share
from astroclip_book.train.probe import Probe


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
        Scores of the last epoch.

    Raises
    ------
    BookError
        If the training split has fewer objects than a step takes.
    """
    train, validation = pairs.index.where("train"), pairs.index.where("validation")
    check_batch("image_encoder", len(train), config.batch_size)
    fabric = make_fabric(device)
    torch.manual_seed(seed)
    moco = MoCo(config, fabric).to(fabric.device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        moco.query.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    moco, optimizer = fabric.setup(moco, optimizer)
    cache = cache_images(pairs, np.concatenate([train, validation]), config.binning, directory / "images.f16")
    size = config.field // config.binning
    batches = len(train) // config.batch_size
    descend = Descent(fabric, moco, optimizer, config.learning_rate, config.epochs * batches)

    def load(rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(cache[rows]).to(fabric.device).float()

    def seen(images: torch.Tensor) -> torch.Tensor:
        return network_input(images, config.input).contiguous(memory_format=torch.channels_last)

    def augmented(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return seen(views.augment(images, size, config.binning, generator, config.size_keeps))

    def run_epoch(epoch: int, advance: Callable[[], object]) -> dict[str, float]:
        generator = torch.Generator(fabric.device).manual_seed(seed + 1000 * epoch + fabric.global_rank)
        joint = np.random.default_rng([seed, epoch])
        rows = joint.permutation(len(train))
        moco.train()
        losses = torch.zeros(batches, device=fabric.device)
        for batch in range(batches):
            mine = np.sort(share(fabric, rows[batch * config.batch_size : (batch + 1) * config.batch_size]))
            images = load(mine)
            query, key = augmented(images, generator), augmented(images, generator)
            order = torch.from_numpy(joint.permutation(config.batch_size)).to(fabric.device)
            losses[batch] = descend(epoch * batches + batch, lambda: moco(query, key, order))  # noqa: B023
            advance()
        moco.eval()
        return {
            "train_loss": gather(fabric, losses[None]).mean().item(),
            "validation_accuracy": accuracy(),
            "probe_r2": probe(encode),
        }

    @torch.no_grad()
    def accuracy() -> float:
        """Share of validation objects of which one view finds the other first, among those of all validation objects."""
        generator = torch.Generator(fabric.device).manual_seed(seed)
        found = [[], []]
        for start in range(len(train), len(cache), config.batch_size):
            images = load(np.arange(start, min(start + config.batch_size, len(cache))))
            for side in found:
                with fabric.autocast():
                    side.append(MoCo.project(moco.module.query, augmented(images, generator)))
        q, k = torch.cat(found[0]), torch.cat(found[1])
        return ((q @ k.T).argmax(1) == torch.arange(len(q), device=q.device)).float().mean().item()

    def encode(rows: np.ndarray) -> torch.Tensor:
        with fabric.autocast():
            return moco.module.query["encoder"](seen(views.centre(load(rows), size)))

    probe = Probe(
        np.arange(len(train)),
        np.arange(len(train), len(cache)),
        pairs.index.redshift[train],
        pairs.index.redshift[validation],
    )
    history = fit(
        "image encoder", fabric, moco, optimizer, config.epochs, batches, run_epoch, directory / "checkpoint.pt", seed
    )
    query = moco.module.query.to("cpu", memory_format=torch.contiguous_format)
    state = {"state": query["encoder"].state_dict(), "projection": query["fc"].state_dict()}
    save({"config": vars(config), "history": history, **state}, directory / "image_encoder.pt")
    return {"image_encoder": {name: values[-1] for name, values in history.items()}}
