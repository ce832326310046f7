"""Pre-training of the spectrum encoder by `autoencoder.SpectrumAutoencoder`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from astroclip_book.config import SpectrumEncoder
from astroclip_book.data.pairs import Pairs
from astroclip_book.models.autoencoder import SpectrumAutoencoder, noise_shape
from astroclip_book.train import loop


def train_spectrum_encoder(pairs: Pairs, config: SpectrumEncoder, device: str, seed: int, directory: Path) -> dict:
    """Pre-train on the training split, write ``directory/spectrum_encoder.pt`` and return losses and scores of the last epoch.

    The directory also keeps the checkpoint. Inverse variances weigh the pixels where the file has them. BookError if the training
    split has fewer objects than a batch.
    """
    train, validation = pairs.index.where("train"), pairs.index.where("validation")
    loop.check_batch("spectrum_encoder", len(train), config.batch_size)
    fabric = loop.make_fabric(device)
    torch.manual_seed(seed)
    model = SpectrumAutoencoder(config, noise_shape(pairs, train)).to(fabric.device)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, fused=True)
    rate = loop.warm_up_and_cosine(optimizer, config.epochs * (len(train) // config.batch_size))
    trained, optimizer = fabric.setup(model, optimizer)

    def load(positions: np.ndarray) -> list[torch.Tensor | None]:
        arrays = pairs.spectra(positions), pairs.index.redshift[positions], pairs.ivar(positions)
        return [None if values is None else torch.from_numpy(values).to(fabric.device) for values in arrays]

    @torch.no_grad()
    def validate() -> dict[str, float]:
        parts = [validation[i : i + config.batch_size] for i in range(0, len(validation), config.batch_size)]
        with loop.autocast(fabric.device):
            losses = [model(*load(part)) for part in parts]
        sizes = [len(part) for part in parts]
        means = {name: np.average([loss[name].item() for loss in losses], weights=sizes) for name in losses[0]}
        return {f"validation_{name}": float(mean) for name, mean in means.items()}

    def encode(positions: np.ndarray) -> torch.Tensor:
        with loop.autocast(fabric.device):
            return model.encoder.attend(model.normalise(load(positions)[0]))

    history, checkpoint = [], directory / "checkpoint.pt"
    parts = {"model": model, "optimizer": optimizer, "rate": rate}
    for epoch in loop.epochs("spectrum encoder", config.epochs, seed, history, checkpoint, **parts):
        order = np.random.default_rng([seed, epoch]).permutation(train)
        model.train()
        terms = []
        for rows in loop.batches(order, config.batch_size, fabric):
            data = load(rows)
            optimizer.zero_grad()
            with loop.autocast(fabric.device):
                losses = trained(*data)
            model.loss(losses).backward()
            optimizer.step()
            rate.step()
            terms.append(torch.stack([term.detach() for term in losses.values()]))
        means = loop.gather(fabric, torch.stack(terms)).mean(0).tolist()
        model.eval()
        scores = {f"train_{name}": value for name, value in zip(losses, means, strict=True)}
        history.append(scores | validate() | {"probe_r2": loop.probe(encode, train, validation, pairs.index.redshift)})
    return loop.finish("spectrum_encoder", config, model.cpu(), history, directory)
