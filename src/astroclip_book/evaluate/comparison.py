"""How good frozen features are: beside those of random weights, principal components, and what labels would give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from astroclip_book.config import Comparison, Evaluation
from astroclip_book.data.image_cache import cache_images
from astroclip_book.data.pairs import Pairs
from astroclip_book.data.stretch import network_input
from astroclip_book.evaluate.knn import answers, on_test
from astroclip_book.evaluate.metrics import r2_interval, standardise
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.models.resnet import ResNet
from astroclip_book.models.spender import SpectrumEncoder
from astroclip_book.train import processes
from astroclip_book.train.engine import make_fabric
from astroclip_book.train.parts import join_parts, make_parts
from astroclip_book.train.supervised import Supervised, predict_supervised

N_COMPONENTS_FROM = 5000  # objects whose pixels the principal components are found from
BLOCK = 512  # objects encoded at a time


def compare_images(
    pairs: Pairs,
    labels: dict[str, np.ndarray],
    encoder: Path,
    config: Comparison,
    evaluation: Evaluation,
    device: str,
    seed: int,
    directory: Path,
) -> tuple[dict, dict]:
    """Redshift and stellar mass of the test split from images, by four ways to look at them.

    k-NN regression on the features of the frozen encoder, on those of the same network with random weights, and on
    principal components of the pixels that the network sees; and a network of the same size trained on the labels.

    Parameters
    ----------
    pairs : Pairs
    labels : dict of (N,) arrays
        What to predict, NaN where unknown, aligned with the index of the pairs.
    encoder : Path
        ``image_encoder.pt``.
    config : Comparison
    evaluation : Evaluation
    device : str
    seed : int
    directory : Path
        Keeps the cache, what is encoded and the checkpoint of the training; all processes share it.

    Returns
    -------
    scores : dict
        ``<way>.<label>`` with ``r2``, ``r2_ci95``, ``n``, the ways being ``frozen``, ``random``, ``pca``, ``supervised``.
    arrays : dict
        ``features`` (N, D) float16 of the frozen encoder; ``predicted``: ``<way>.<label>``, (n,) of the test objects, NaN where
        the true value is unknown.
    """
    frozen = ImageFeatures.load(encoder)
    shape = frozen.config
    cache = cache_images(pairs, np.arange(len(pairs.index)), shape.binning, directory / "images.f16", frozen.size)
    fabric = make_fabric(device)

    def read(positions: np.ndarray) -> torch.Tensor:
        images = torch.from_numpy(cache[positions]).to(fabric.device).float()
        return network_input(images, shape.input).contiguous(memory_format=torch.channels_last)

    def vary(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mirror and turn each by right angles: what changes no pixel."""
        draws = torch.rand(3, len(x), 1, 1, 1, generator=generator, device=x.device) < 0.5
        for draw, change in zip(
            draws, (lambda x: x.flip(3), lambda x: x.flip(2), lambda x: x.transpose(2, 3)), strict=True
        ):
            x = torch.where(draw, change(x), x)
        return x.contiguous(memory_format=torch.channels_last)

    torch.manual_seed(seed)
    fresh = ResNet(shape.depth, shape.width).to(memory_format=torch.channels_last)
    training = {
        "epochs": config.image_epochs,
        "batch_size": shape.batch_size,
        "learning_rate": shape.learning_rate,
        "device": device,
        "seed": seed,
        "checkpoint": directory / "images.pt",
    }
    return _compare(frozen.encoder, fresh, read, vary, pairs, labels, config, evaluation, training)


def compare_spectra(
    pairs: Pairs,
    labels: dict[str, np.ndarray],
    encoder: Path,
    config: Comparison,
    evaluation: Evaluation,
    device: str,
    seed: int,
    directory: Path,
) -> tuple[dict, dict]:
    """The same from spectra; `compare_images` says what the parameters and results are."""
    frozen = SpectrumFeatures.load(encoder).model
    shape = frozen.config
    fabric = make_fabric(device)
    frozen.to(fabric.device)

    def read(positions: np.ndarray) -> torch.Tensor:
        flux, redshift = pairs.spectra(positions), pairs.index.redshift[positions]
        return frozen.normalise(*(torch.from_numpy(values).to(fabric.device) for values in (flux, redshift)))

    torch.manual_seed(seed)
    fresh = SpectrumEncoder(shape.width, shape.n_latent, shape.position)
    for network in (fresh, frozen.encoder):
        network.mlp = nn.Identity()  # the attended features are what the book uses
    training = {
        "epochs": config.spectrum_epochs,
        "batch_size": shape.batch_size,
        "learning_rate": shape.learning_rate,
        "device": device,
        "seed": seed,
        "checkpoint": directory / "spectra.pt",
    }
    return _compare(frozen.encoder, fresh, read, lambda x, _: x, pairs, labels, config, evaluation, training)


def comparison_metrics(scores: dict, modality: str, **more) -> dict:
    """The scores of a comparison as they stand in ``metrics.json``.

    ``<modality>_encoder.frozen``; ``<modality>_encoder.of_supervised``, the share that frozen features reach of the R² of the
    network trained on labels; the other ways under ``baseline``; ``more`` beside the first.
    """
    r2 = {way: {label: score["r2"] for label, score in scores[way].items()} for way in scores}
    share = {label: r2["frozen"][label] / best for label, best in r2["supervised"].items() if best > 0}
    others = {
        way: {label: {modality: score} for label, score in scores[way].items()} for way in scores if way != "frozen"
    }
    return {f"{modality}_encoder": {"frozen": scores["frozen"], "of_supervised": share, **more}, "baseline": others}


def _compare(
    frozen: nn.Module,
    fresh: nn.Module,
    read: Callable,
    vary: Callable,
    pairs: Pairs,
    labels: dict[str, np.ndarray],
    config: Comparison,
    evaluation: Evaluation,
    training: dict,
) -> tuple[dict, dict]:
    device, seed, directory = training["device"], training["seed"], training["checkpoint"].parent
    n, fit, test = len(pairs.index), pairs.index.where("train"), pairs.index.where("test")
    ways = {
        "frozen": _encode(frozen, read, n, device, directory / "frozen"),
        "random": _encode(fresh, read, n, device, directory / "random"),
        "pca": _components(read, fit, n, config.components, seed, directory / "pca"),
    }
    network = Supervised(fresh, fresh.n_features, len(labels))
    told = predict_supervised(network, read, vary, np.stack(list(labels.values()), 1), pairs.index, **training)
    scores: dict = {name: {} for name in (*ways, "supervised")}
    predicted: dict = {name: {} for name in ways}
    for name, parts in ways.items():
        x = standardise(join_parts(parts, "features"), fit)
        for label, roles, answer in answers(x, x, pairs.index, labels, evaluation.k, together=True):
            values = labels[label]
            scores[name][label] = r2_interval(values[roles.test], answer.prediction, evaluation.bootstrap, seed)
            predicted[name][label] = on_test(answer.prediction, values[test])
    for column, (label, values) in enumerate(labels.items()):
        known = np.isfinite(values[test])
        scores["supervised"][label] = r2_interval(values[test][known], told[known, column], evaluation.bootstrap, seed)
    features = join_parts(ways["frozen"], "features").astype(np.float16, copy=False)
    return scores, {"features": features, "predicted": predicted}


def _encode(encoder: nn.Module, read: Callable, n: int, device: str, directory: Path) -> list[Path]:
    """Parts with ``features`` (n, D) of all objects."""
    fabric = make_fabric(device)
    encoder = encoder.to(fabric.device).eval()

    @torch.inference_mode()
    def encode(block: np.ndarray) -> dict[str, np.ndarray]:
        with fabric.autocast():
            return {"features": encoder(read(block)).clamp(-6e4, 6e4).half().cpu().numpy()}

    return make_parts(directory, n, BLOCK, encode, f"features, {directory.name}")


def _components(read: Callable, train: np.ndarray, n: int, components: int, seed: int, directory: Path) -> list[Path]:
    """Parts with ``features`` (n, components): principal components of all inputs, found from evenly drawn training objects."""
    some = train[:: max(1, len(train) // N_COMPONENTS_FROM)]

    def flat(positions: np.ndarray) -> np.ndarray:
        return read(positions).flatten(1).cpu().numpy()

    analysis = None
    if processes.rank() == 0:
        pixels = np.concatenate([flat(part) for part in np.array_split(some, len(some) // BLOCK + 1)])
        analysis = PCA(components, svd_solver="randomized", random_state=seed).fit(pixels)
        analysis.components_ = np.ascontiguousarray(
            analysis.components_
        )  # as it arrives: the order decides how products round
    analysis = processes.agree(analysis)
    return make_parts(directory, n, BLOCK, lambda block: {"features": analysis.transform(flat(block))}, "components")
