"""What torchvision's ResNets answer, for tests where torchvision is not installed.

    python tests/unit/torchvision_outputs.py

writes torchvision_outputs.json beside this file; it needs torch, torchvision and numpy, not this book. Weights and
images come from numpy's RandomState, whose numbers are the same in every version.
"""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import torch

DEPTHS = (18, 34, 50)
FILE = Path(__file__).with_suffix(".json")


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A state dict for this network, in sorted order of names, that keeps activations of order one at any depth."""
    rng = np.random.RandomState(0)
    state = {}
    for name, value in sorted(network.state_dict().items()):
        shape = tuple(value.shape)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
            continue
        if len(shape) == 4:
            array = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        elif name.endswith("running_var"):
            array = rng.uniform(0.5, 1.5, shape)
        elif name.endswith("weight"):
            array = rng.uniform(0.3, 0.7, shape)
        else:  # biases and running means
            array = rng.normal(0, 0.1, shape)
        state[name] = torch.from_numpy(array.astype(np.float32))
    return state


def images() -> torch.Tensor:
    """(2, 3, 96, 96)"""
    return torch.from_numpy(np.random.RandomState(1).normal(size=(2, 3, 96, 96)).astype(np.float32))


def record(network: torch.nn.Module) -> dict:
    """Layout of a network, what it answers with `weights`, and its statistics after one batch of training."""
    network.load_state_dict(weights(network))
    layout = sorted(f"{name} {tuple(value.shape)}" for name, value in network.state_dict().items())
    with torch.no_grad():
        evaluation = network.eval()(images())
        training = network.train()(images())
    state = network.state_dict()
    return {
        "tensors": len(layout),
        "layout": hashlib.sha256("\n".join(layout).encode()).hexdigest(),
        "batches": sorted({int(value) for name, value in state.items() if name.endswith("num_batches_tracked")}),
        "evaluation": [summary(row, 8) for row in evaluation],
        "training": [summary(row, 8) for row in training],
        "statistics": {name: summary(value, 1) for name, value in sorted(state.items()) if "running" in name},
    }


def summary(values: torch.Tensor, shown: int) -> list[float]:
    """Norm, mean, a sum that changes when values change places, and the first values."""
    x = values.double().numpy()
    numbers = [np.linalg.norm(x), x.mean(), np.cos(np.arange(len(x))) @ x / len(x) ** 0.5, *x[:shown]]
    return [float(f"{number:.7g}") for number in numbers]


def torchvision_network(depth: int) -> torch.nn.Module:
    """torchvision's ResNet without its classifier."""
    from torchvision import models

    network = getattr(models, f"resnet{depth}")()
    network.fc = torch.nn.Identity()
    return network


def main() -> None:
    entries = {str(depth): record(torchvision_network(depth)) for depth in DEPTHS}
    text = json.dumps(entries, indent=1)
    FILE.write_text(re.sub(r"\[[^][]+\]", lambda numbers: " ".join(numbers[0].split()), text) + "\n")


if __name__ == "__main__":
    main()
