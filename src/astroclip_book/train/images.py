"""Pre-training of the image encoder by `moco.MoCo`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from astroclip_book.config import ImageEncoder
from astroclip_book.data import views
from astroclip_book.data.image_cache import cache_images
from astroclip_book.data.pairs import Pairs
from astroclip_book.data.stretch import network_input
from astroclip_book.models.moco import MoCo
from astroclip_book.train.loop import (
    autocast,
    check_batch,
    epochs,
    gather,
    make_fabric,
    save,
    share,
    warm_up_and_cosine,
)
from astroclip_book.train.probe import probe


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
    batches = len(train) // config.batch_size
    rate = warm_up_and_cosine(optimizer, config.epochs * batches)
    trained, optimizer = fabric.setup(moco, optimizer)
    rows = np.concatenate([train, validation])  # what the cache holds, in this order
    cache = cache_images(pairs, rows, config.binning, directory / "images.f16")
    size = config.field // config.binning

    def load(places: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(cache[places]).to(fabric.device).float()

    def seen(images: torch.Tensor) -> torch.Tensor:
        return network_input(images, config.input).contiguous(memory_format=torch.channels_last)

    def view(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return seen(views.augment(images, size, config.binning, generator, config.size_keeps))

    @torch.no_grad()
    def accuracy() -> float:
        """Share of validation objects of which one view finds the other first, among those of all validation objects."""
        generator = torch.Generator(fabric.device).manual_seed(seed)
        q, k = [], []
        for start in range(len(train), len(cache), config.batch_size):
            images = load(np.arange(start, min(start + config.batch_size, len(cache))))
            for found in (q, k):
                with autocast(fabric.device):
                    found.append(moco.project(moco.query, view(images, generator)))
        nearest = (torch.cat(q) @ torch.cat(k).T).argmax(1)
        return (nearest == torch.arange(len(nearest), device=fabric.device)).float().mean().item()

    def encode(places: np.ndarray) -> torch.Tensor:
        with autocast(fabric.device):
            return moco.query["encoder"](seen(views.centre(load(places), size)))

    history: list[dict] = []
    parts = {"moco": moco, "optimizer": optimizer, "rate": rate}
    for epoch in epochs("image encoder", config.epochs, seed, history, directory / "checkpoint.pt", **parts):
        generator = torch.Generator(fabric.device).manual_seed(seed + 1000 * epoch + fabric.global_rank)
        joint = np.random.default_rng([seed, epoch])
        places = joint.permutation(len(train))
        moco.train()
        losses = []
        for batch in range(batches):
            mine = share(fabric, places[batch * config.batch_size : (batch + 1) * config.batch_size])
            images = load(np.sort(mine))
            query, key = view(images, generator), view(images, generator)
            order = torch.from_numpy(joint.permutation(config.batch_size)).to(fabric.device)
            optimizer.zero_grad()
            with autocast(fabric.device):
                loss = trained(query, key, order)
            loss.backward()
            optimizer.step()
            rate.step()
            losses.append(loss.detach())
        moco.eval()
        history.append(
            {
                "train_loss": gather(fabric, torch.stack(losses)).mean().item(),
                "validation_accuracy": accuracy(),
                "probe_r2": probe(encode, *np.split(np.arange(len(rows)), [len(train)]), pairs.index.redshift[rows]),
            }
        )
    query = moco.query.to("cpu", memory_format=torch.contiguous_format)
    state = {"state": query["encoder"].state_dict(), "projection": query["fc"].state_dict()}
    curves = {name: [scores[name] for scores in history] for name in (history or [{}])[0]}
    save({"config": vars(config), "history": curves, **state}, directory / "image_encoder.pt")
    return {"image_encoder": history[-1] if history else {}}
