"""What frozen features are held against: random weights, principal components, and what labels would give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from astroclip_book.config import Comparison, ImageEncoder, SpectrumEncoder
from astroclip_book.data.image_cache import cache_images
from astroclip_book.data.pairs import Pairs
from astroclip_book.data.progress import progress
from astroclip_book.data.stretch import network_input
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.models.resnet import ResNet
from astroclip_book.models.spender import SpectrumEncoder as SpectrumNetwork
from astroclip_book.train.loop import autocast
from astroclip_book.train.supervised import predict_supervised

N_COMPONENTS_FROM = 5000  # objects whose pixels the principal components are found from
BLOCK = 512  # objects encoded at a time


def compare_images(
    pairs: Pairs,
    labels: dict[str, np.ndarray],
    encoder: Path,
    config: Comparison,
    device: str,
    seed: int,
    directory: Path,
) -> dict:
    """Four ways to look at the same images: what the frozen encoder makes of them, and what it is held against.

    Parameters
    ----------
    pairs : Pairs
    labels : dict of (N,) arrays
        What the supervised network learns, NaN where unknown, aligned with the index of the pairs.
    encoder : Path
        ``image_encoder.pt``.
    config : Comparison
    device : str
    seed : int
    directory : Path
        Keeps the image cache and the checkpoint of the training.

    Returns
    -------
    dict
        ``frozen`` and ``random`` (N, D) float16, features of the encoder and of the same network with random weights;
        ``pca`` (N, components), principal components of the pixels it sees; ``supervised``, of each label what a network of
        the same size, trained on the labels, says of the test objects (n,).
    """
    frozen = ImageFeatures.load(encoder)
    shape = frozen.config
    cache = cache_images(pairs, np.arange(len(pairs.index)), shape.binning, directory / "images.f16", frozen.size)

    def read(positions: np.ndarray) -> torch.Tensor:
        images = torch.from_numpy(cache[positions]).to(device).float()
        return network_input(images, shape.input).contiguous(memory_format=torch.channels_last)

    def vary(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mirror and turn each by right angles: what changes no pixel."""
        right, up, turn = torch.rand(3, len(x), 1, 1, 1, generator=generator, device=x.device) < 0.5
        x = torch.where(right, x.flip(3), x)
        x = torch.where(up, x.flip(2), x)
        return torch.where(turn, x.transpose(2, 3), x).contiguous(memory_format=torch.channels_last)

    torch.manual_seed(seed)
    fresh = ResNet(shape.depth, shape.width).to(memory_format=torch.channels_last)
    training = {"n_epochs": config.image_epochs, "device": device, "seed": seed, "checkpoint": directory / "images.pt"}
    return _compare(frozen.encoder, fresh, read, vary, pairs, labels, shape, config.components, training)


def compare_spectra(
    pairs: Pairs,
    labels: dict[str, np.ndarray],
    encoder: Path,
    config: Comparison,
    device: str,
    seed: int,
    directory: Path,
) -> dict:
    """The same from spectra; `compare_images` says what the parameters and results are."""
    frozen = SpectrumFeatures.load(encoder).model.to(device)
    shape = frozen.config

    def read(positions: np.ndarray) -> torch.Tensor:
        flux, redshift = pairs.spectra(positions), pairs.index.redshift[positions]
        return frozen.normalise(*(torch.from_numpy(values).to(device) for values in (flux, redshift)))

    torch.manual_seed(seed)
    fresh = SpectrumNetwork(shape.width, shape.n_latent, shape.position)
    for network in (fresh, frozen.encoder):
        network.mlp = nn.Identity()  # the attended features are what the book uses
    training = {
        "n_epochs": config.spectrum_epochs,
        "device": device,
        "seed": seed,
        "checkpoint": directory / "spectra.pt",
    }
    return _compare(frozen.encoder, fresh, read, lambda x, _: x, pairs, labels, shape, config.components, training)


def _compare(
    frozen: nn.Module,
    fresh: nn.Module,
    read: Callable,
    vary: Callable,
    pairs: Pairs,
    labels: dict[str, np.ndarray],
    shape: ImageEncoder | SpectrumEncoder,
    components: int,
    training: dict,
) -> dict:
    n, train = len(pairs.index), pairs.index.where("train")

    def all_of(function: Callable[[torch.Tensor], np.ndarray], what: str) -> np.ndarray:
        starts = progress(range(0, n, BLOCK), what)
        return np.concatenate([function(read(np.arange(start, min(start + BLOCK, n)))) for start in starts])

    def encode(network: nn.Module, what: str) -> np.ndarray:
        network.to(training["device"]).eval()
        with torch.inference_mode(), autocast(training["device"]):
            return all_of(lambda x: network(x).clamp(-6e4, 6e4).half().cpu().numpy(), what)

    def pixels(x: torch.Tensor) -> np.ndarray:
        return x.flatten(1).cpu().numpy()

    some = train[:: max(1, len(train) // N_COMPONENTS_FROM)]
    sample = np.concatenate([pixels(read(part)) for part in np.array_split(some, len(some) // BLOCK + 1)])
    analysis = PCA(components, svd_solver="randomized", random_state=training["seed"]).fit(sample)
    arrays = {
        "frozen": encode(frozen, "frozen features"),
        "random": encode(fresh, "random weights"),
        "pca": all_of(lambda x: analysis.transform(pixels(x)), "principal components"),
    }
    network = nn.Sequential(fresh, nn.Linear(fresh.n_features, len(labels)))
    training |= {"batch_size": shape.batch_size, "learning_rate": shape.learning_rate}
    told = predict_supervised(network, read, vary, np.stack(list(labels.values()), 1), pairs.index, **training)
    return arrays | {"supervised": dict(zip(labels, told.T, strict=True))}
