"""Pre-training of the image encoder by `moco.MoCo`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from astroclip_book.config import ImageEncoder
from astroclip_book.data import views
from astroclip_book.data.files import progress
from astroclip_book.data.pairs import IMAGE_SIZE, Pairs, evenly
from astroclip_book.errors import BookError
from astroclip_book.models.moco import MoCo
from astroclip_book.models.resnet import ResNet
from astroclip_book.train import loop, processes
from astroclip_book.train.features import half


def train_image_encoder(pairs: Pairs, config: ImageEncoder, device: str, seed: int, directory: Path) -> dict:
    """Pre-train without labels on the training split and write ``directory/image_encoder.pt``.

    The directory also keeps the checkpoint and the image cache. Returns the scores of the last epoch.
    """
    train, validation = pairs.index.where("train"), pairs.index.where("validation")
    loop.check_batch("image_encoder", len(train), config.batch_size)
    fabric = loop.make_fabric(device)
    torch.manual_seed(seed)
    moco = MoCo(config, fabric).to(fabric.device, memory_format=torch.channels_last)
    learned, decay = moco.query.parameters(), config.weight_decay
    optimizer = torch.optim.AdamW(learned, config.learning_rate, weight_decay=decay, fused=True)
    rate = loop.warm_up_and_cosine(optimizer, config.epochs * (len(train) // config.batch_size))
    trained, optimizer = fabric.setup(moco, optimizer)
    rows = np.concatenate([train, validation])  # what the cache holds, in this order
    cache = cache_images(pairs, rows, config.binning, directory / "images.f16")
    places = np.split(np.arange(len(rows)), [len(train)])

    def load(places: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(cache[places]).to(fabric.device).float()

    def encode(places: np.ndarray) -> torch.Tensor:
        with loop.autocast(fabric.device):
            return moco.query["encoder"](views.seen(load(places), config))

    @torch.no_grad()
    def accuracy() -> float:
        """Share of validation objects of which one view finds the other first, among those of all validation objects."""
        generator, one, other = torch.Generator(fabric.device).manual_seed(seed), [], []
        for part in np.split(places[1], range(config.batch_size, len(places[1]), config.batch_size)):
            images = load(part)
            for side in (one, other):
                with loop.autocast(fabric.device):
                    side.append(moco.project(moco.query, views.seen(images, config, generator)))
        first = (torch.cat(one) @ torch.cat(other).T).argmax(1)
        return (first == torch.arange(len(first), device=fabric.device)).float().mean().item()

    history, checkpoint = [], directory / "checkpoint.pt"
    parts = {"moco": moco, "optimizer": optimizer, "rate": rate}
    for epoch in loop.epochs("image encoder", config.epochs, seed, history, checkpoint, **parts):
        generator = torch.Generator(fabric.device).manual_seed(loop.epoch_seed(seed, epoch))
        joint, losses = np.random.default_rng([seed, epoch]), []  # the same on all processes
        moco.train()
        for batch in loop.batches(joint.permutation(len(train)), config.batch_size, fabric):
            images = load(batch)
            query = views.seen(images, config, generator)
            key = views.seen(images, config, generator)
            order = torch.from_numpy(joint.permutation(config.batch_size)).to(fabric.device)
            optimizer.zero_grad()
            with loop.autocast(fabric.device):
                loss = trained(query, key, order)
            loss.backward()
            optimizer.step()
            rate.step()
            losses.append(loss.detach())
        moco.eval()
        loss = loop.gather(fabric, torch.stack(losses)).mean().item()
        seen_redshift = loop.probe(encode, *places, pairs.index.redshift[rows])
        history.append({"train_loss": loss, "validation_accuracy": accuracy(), "probe_r2": seen_redshift})
    encoder = moco.query["encoder"].eval()
    leading = leading_components(encoder, pairs, config, fabric.device)
    encoder.to("cpu", memory_format=torch.contiguous_format)
    return loop.finish("image_encoder", config, encoder, history, directory, leading=leading)


@torch.inference_mode()
def leading_components(encoder: ResNet, pairs: Pairs, config: ImageEncoder, device: str | torch.device) -> dict:
    """Weight (components, n) and bias of a linear layer from an encoder's n features to their leading principal components.

    They are found from up to 5000 training images, the features scaled to one variance each. BookError for more than there are.
    """
    rows = pairs.index.where("train")
    rows, parts = rows[evenly(len(rows), 5000)], []
    if config.leading > (most := min(len(rows), encoder.n_features)):
        raise BookError(f"image_encoder.leading is {config.leading}, and there are {most} at most: lower it.")
    for part in np.array_split(rows, len(rows) // 256 + 1):
        images = views.bin_images(torch.from_numpy(pairs.images(part)).to(device), config.binning)
        with loop.autocast(device):
            parts.append(encoder(views.seen(images, config)).float().cpu())
    x = torch.cat(parts)
    mean, std = x.mean(0), x.std(0)
    std = std.clamp(min=1e-3 * std.max())
    weight = torch.linalg.svd((x - mean) / std, full_matrices=False)[2][: config.leading] / std
    return {"weight": weight.clone(), "bias": -weight @ mean}


def cache_images(pairs: Pairs, rows: np.ndarray, binning: int, path: Path) -> np.ndarray:
    """Binned images (n, 3, h, w), float16, in a file mapped into memory, so that epochs read pages and not HDF5.

    The first of several processes makes it, the others wait.
    """
    shape = (len(rows), 3, IMAGE_SIZE // binning, IMAGE_SIZE // binning)
    if processes.rank() == 0 and not path.exists():
        cache = np.memmap(path.with_suffix(".partial"), np.float16, "w+", shape=shape)
        for start in progress(range(0, len(rows), 256), "read images"):
            images = torch.from_numpy(pairs.images(rows[start : start + 256]))
            cache[start : start + 256] = half(views.bin_images(images, binning)).numpy()
        cache.flush()
        path.with_suffix(".partial").rename(path)
    processes.agree()
    return np.memmap(path, np.float16, "r", shape=shape)
