"""What frozen features are held against: random weights, principal components, and a network trained on labels."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA
from torch import nn

from astroclip_book.config import Comparison
from astroclip_book.data.files import progress
from astroclip_book.data.pairs import Index, Pairs
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.models.resnet import ResNet
from astroclip_book.models.spender import SpectrumEncoder
from astroclip_book.train.features import half
from astroclip_book.train.loop import autocast, batches, best_epoch, check_batch, epochs, warm_up_and_cosine

N_COMPONENTS_FROM = 5000  # objects whose pixels the principal components are found from
BLOCK, BATCH = 512, 32  # objects read, and encoded, at a time: what a batch makes fits into the cache of a processor


def compare(
    modality: str,
    pairs: Pairs,
    labels: dict,
    encoder: Path,
    config: Comparison,
    device: str,
    seed: int,
    directory: Path,
) -> dict:
    """Four ways to look at the images or the spectra (``modality``) of all objects.

    ``labels`` (N,) by name are what the supervised network learns, NaN where unknown; ``encoder`` is a checkpoint; ``directory``
    keeps what the network sees, and the checkpoint of the training. Returned are ``frozen`` and ``random`` (N, D) float16,
    features of the encoder and of the same network with random weights; ``pca`` (N, components), principal components of the
    pixels it sees; ``supervised``, of each label what a network of the same size, trained on the labels, says of the test
    objects (n,); ``supervised_loss``, the validation loss of each of its epochs.
    """
    kind = ImageFeatures if modality == "image" else SpectrumFeatures
    frozen, index = kind.load(encoder).to(device), pairs.index
    shape, n, train = frozen.config, len(index), index.where("train")
    torch.manual_seed(seed)
    if modality == "image":
        read, seen = pairs.images, frozen.seen
        networks = {"frozen": frozen.encoder, "random": ResNet(shape.depth, shape.width)}
    else:
        read, seen = pairs.spectra, frozen.model.normalise
        random = SpectrumEncoder(shape.width, shape.n_latent, shape.position)
        networks = {"frozen": frozen.model.encoder, "random": random}
        for network in networks.values():
            network.mlp = nn.Identity()  # the attended features are what the book uses
    fresh = networks["random"].to(device, memory_format=torch.channels_last).eval()
    features, inputs = {"frozen": [], "random": []}, None
    for start in progress(range(0, n, BLOCK), f"{modality}: frozen and random features"):
        rows = np.arange(start, min(start + BLOCK, n))
        with torch.inference_mode(), autocast(device):
            x = seen(torch.from_numpy(read(rows)).to(device)).float()
            for way, network in networks.items():
                features[way].append(half(torch.cat([network(part) for part in x.split(BATCH)])).cpu().numpy())
        if inputs is None:
            inputs = np.memmap(directory / "inputs.f16", np.float16, "w+", shape=(n, *x.shape[1:]))
        inputs[rows] = half(x).cpu().numpy()

    def pixels(rows: np.ndarray) -> np.ndarray:
        return inputs[rows].reshape(len(rows), -1).astype(np.float32)

    some = train[:: max(1, len(train) // N_COMPONENTS_FROM)]
    analysis = PCA(config.components, svd_solver="randomized", random_state=seed).fit(pixels(some))
    features["pca"] = [analysis.transform(pixels(rows)) for rows in np.split(np.arange(n), range(BLOCK, n, BLOCK))]
    supervised = nn.Sequential(fresh, nn.Linear(fresh.n_features, len(labels))).to(device)
    n_epochs, checkpoint = getattr(config, f"{modality}_epochs"), directory / "supervised.pt"
    known = np.stack(list(labels.values()), 1)
    told, losses = predict_supervised(supervised, inputs, known, index, shape, n_epochs, device, seed, checkpoint)
    arrays = {way: np.concatenate(parts) for way, parts in features.items()}
    return arrays | {"supervised": dict(zip(labels, told.T, strict=True)), "supervised_loss": losses}


def predict_supervised(
    network: nn.Module, inputs: np.ndarray, labels: np.ndarray, index: Index, shape, n_epochs: int, device: str, seed: int,
    checkpoint: Path,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Train a network from ``inputs`` (N, …) to ``labels`` (N, m), NaN where unknown, and predict the test objects (n, m).

    The epoch with the least validation loss is kept; the losses of all epochs are returned too. Batch size and learning rate
    are those of ``shape``, an encoder's.
    """
    train, validation, test = (index.where(split) for split in ("train", "validation", "test"))
    check_batch("the encoder's", len(train), shape.batch_size)
    mean, std = np.nanmean(labels[train], 0), np.nanstd(labels[train], 0)
    target = torch.from_numpy((labels - mean) / std).float().to(device)
    best = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), shape.learning_rate, weight_decay=0.01, fused=True)
    rate = warm_up_and_cosine(optimizer, n_epochs * (len(train) // shape.batch_size))

    def read(rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(inputs[rows]).to(device).float()

    def error(predicted: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
        known = target[rows].isfinite()
        # A few galaxies' labels are far from what any network would say: they must not decide the weights.
        return F.smooth_l1_loss(predicted[known], target[rows][known], beta=0.5)

    @torch.no_grad()
    def predict(model: nn.Module, rows: np.ndarray) -> torch.Tensor:
        model.eval()
        with autocast(device):
            return torch.cat([model(read(part)) for part in np.array_split(rows, len(rows) // 256 + 1)]).float()

    history, label = [], f"supervised, {checkpoint.parent.name}"
    parts = {"network": network, "best": best, "optimizer": optimizer, "rate": rate}
    for epoch in epochs(label, n_epochs, seed, history, checkpoint, **parts):
        order = np.random.default_rng([seed, epoch]).permutation(train)
        network.train()
        for rows in batches(order, shape.batch_size):
            optimizer.zero_grad()
            with autocast(device):
                predicted = network(_turned(read(rows)))
            error(predicted.float(), rows).backward()
            optimizer.step()
            rate.step()
        history.append({"validation_loss": error(predict(network, validation), validation).item()})
        if best_epoch(history, label) == epoch:
            best.load_state_dict(network.state_dict())
    return predict(best, test).cpu().numpy() * std + mean, np.array([one["validation_loss"] for one in history])


def _turned(x: torch.Tensor) -> torch.Tensor:
    """Images (n, c, h, w), each mirrored and turned by right angles or not; spectra as they are."""
    if x.ndim == 4:
        for turn in (lambda x: x.flip(3), lambda x: x.flip(2), lambda x: x.transpose(2, 3)):
            x = torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, turn(x), x)
    return x
