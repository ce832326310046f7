"""Losses and gradients of one joint batch, by one process or by those that torchrun starts: ``joint_losses.py result.pt``."""

import sys

import torch
from small import IMAGE_ENCODER, SPECTRUM_ENCODER

from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.models.moco import MoCo
from astroclip_book.train.loop import gather, make_fabric, save

BATCH = 16


def measure(fabric, module, loss) -> dict:
    """The mean loss over all processes, and the gradient after their data-parallel mean."""
    trained, _ = fabric.setup(module, torch.optim.SGD(module.parameters(), 0.1))
    value = loss(trained)
    fabric.backward(value)
    gradient = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
    return {"loss": gather(fabric, value.detach()[None]).mean().item(), "gradient": gradient}


def main(path: str) -> None:
    fabric = make_fabric("cpu")
    torch.manual_seed(0)

    def mine(values: torch.Tensor) -> torch.Tensor:
        return values.chunk(fabric.world_size)[fabric.global_rank]

    moco, views, order = MoCo(IMAGE_ENCODER, fabric), torch.randn(2, BATCH, 3, 32, 32), torch.randperm(BATCH)
    results = {"moco": measure(fabric, moco, lambda trained: trained(*map(mine, views), order))}
    results["moco"]["queue"] = moco.queue.clone()

    # In training, each process would distort its spectra in its own way.
    model = SpectrumAutoencoder(SPECTRUM_ENCODER, torch.linspace(3, 1, 7781)).eval()
    data = mine(torch.randn(BATCH, 7781).cumsum(1)), mine(0.3 * torch.rand(BATCH))
    results["spectra"] = measure(fabric, model, lambda trained: model.loss(trained(*data)))
    save(results, path)


if __name__ == "__main__":
    from pathlib import Path

    main(Path(sys.argv[1]))
