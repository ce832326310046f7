"""Files of weights in the layouts of Stein et al. and of Spender, of encoders that nobody trained."""

from pathlib import Path

import torch

from astroclip_book.models.resnet import ResNet
from astroclip_book.models.spender import SpectrumEncoder

LAYERS = (0, 1, 3, 4, 6, 7, 9)  # with parameters, in Spender's MLP


def write_stein(path: Path, depth: int, width: int) -> None:
    network = ResNet(depth, width)
    n = network.n_features
    network.fc = torch.nn.Sequential(torch.nn.Linear(n, n), torch.nn.ReLU(), torch.nn.Linear(n, 128))
    torch.save({"state_dict": {f"encoder_q.{name}": value for name, value in network.state_dict().items()}}, path)


def write_spender(path: Path, width: int, n_latent: int) -> None:
    encoder = SpectrumEncoder(width, n_latent, position=False)
    model = {f"encoder.{name}": value for name, value in encoder.state_dict().items() if name.startswith("conv")}
    for name, value in encoder.mlp.state_dict().items():
        layer, _, kind = name.partition(".")
        model[f"encoder.mlp.{LAYERS[int(layer)]}.{kind}"] = value
    torch.save({"model": model}, path)
