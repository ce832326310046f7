"""Work that processes share, by one of them or by those that torchrun starts: ``joint_work.py directory unfinished command...``.

They begin with a command of the book. Both directories hold ``pairs.h5`` and the encoders. Losses, and the features, are made in
the first; in the other, the second process cannot keep its second block of features.
"""

import sys
from pathlib import Path

import torch
from small import FEATURES, IMAGE_ENCODER, SPECTRUM_ENCODER, killing

from astroclip_book.data.pairs import Pairs, index_pairs
from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.models.moco import MoCo
from astroclip_book.train import features as extraction
from astroclip_book.train import processes
from astroclip_book.train.loop import gather, make_fabric, save
from bookmaking.__main__ import main

BATCH = 16


def measure(fabric, module, loss) -> dict:
    """The mean loss over all processes, and the gradient after their data-parallel mean."""
    trained, _ = fabric.setup(module, torch.optim.SGD(module.parameters(), 0.1))
    value = loss(trained)
    fabric.backward(value)
    gradient = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
    return {"loss": gather(fabric, value.detach()[None]).mean().item(), "gradient": gradient}


def losses(directory: Path) -> None:
    """Losses and gradients of one joint batch, into ``losses.pt``."""
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
    save(results, directory / "losses.pt")


def features(directory: Path) -> None:
    pairs = Pairs(directory / "pairs.h5", index_pairs(directory / "pairs.h5", 0.2, 0)[0])
    encoders = directory / "image_encoder.pt", directory / "spectrum_encoder.pt"
    extraction.extract_features(pairs, *encoders, FEATURES, "cpu", 0, directory)


if __name__ == "__main__":
    directory, unfinished = map(Path, sys.argv[1:3])
    sys.argv[1:] = sys.argv[3:]
    main()
    losses(directory)
    features(directory)
    if processes.rank() == 1:
        extraction.half = killing(extraction.half, 5)  # 4 arrays a block
    features(unfinished)
