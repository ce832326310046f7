"""Pre-training of the spectrum encoder by `autoencoder.SpectrumAutoencoder`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from astroclip_book.config import SpectrumEncoder
from astroclip_book.data.noise import noise_shape
from astroclip_book.data.pairs import Pairs
from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.train.engine import Descent, check_batch, fit, gather, make_fabric, save, share
from astroclip_book.train.probe import Probe


def train_spectrum_encoder(pairs: Pairs, config: SpectrumEncoder, device: str, seed: int, directory: Path) -> dict:
    """Pre-train on the training split and write ``directory/spectrum_encoder.pt``.

    Parameters
    ----------
    pairs : Pairs
        Their inverse variances weigh the pixels where the file has them.
    config : presets.SpectrumEncoder
    device : str
        ``cpu`` or ``cuda``.
    seed : int
    directory : Path
        Also keeps the checkpoint until the step is done.

    Returns
    -------
    dict
        Losses and scores of the last epoch.

    Raises
    ------
    BookError
        If the training split has fewer objects than a step takes.
    """
    train, validation = pairs.index.where("train"), pairs.index.where("validation")
    check_batch("spectrum_encoder", len(train), config.batch_size)
    fabric = make_fabric(device)
    torch.manual_seed(seed)
    model = SpectrumAutoencoder(config, noise_shape(pairs, train)).to(fabric.device)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, fused=True)
    model, optimizer = fabric.setup(model, optimizer)
    batches = len(train) // config.batch_size
    descend = Descent(fabric, model, optimizer, config.learning_rate, config.epochs * batches)

    def load(positions: np.ndarray) -> list[torch.Tensor | None]:
        positions = np.sort(positions)
        arrays = pairs.spectra(positions), pairs.index.redshift[positions], pairs.ivar(positions)
        return [None if values is None else torch.from_numpy(values).to(fabric.device) for values in arrays]

    def run_epoch(epoch: int, advance: Callable[[], object]) -> dict[str, float]:
        rows = np.random.default_rng([seed, epoch]).permutation(train)
        model.train()
        names: list[str] = []
        terms: list[torch.Tensor] = []

        def loss(data: list) -> torch.Tensor:
            losses = model(*data)
            terms.append(torch.stack([term.detach() for term in losses.values()]))
            names[:] = losses
            return model.module.loss(losses)

        for batch in range(batches):
            data = load(share(fabric, rows[batch * config.batch_size : (batch + 1) * config.batch_size]))
            descend(epoch * batches + batch, partial(loss, data))
            advance()
        means = gather(fabric, torch.stack(terms)).mean(0).tolist()
        model.eval()
        scores = {f"train_{name}": value for name, value in zip(names, means, strict=True)}
        return scores | validate() | {"probe_r2": probe(encode)}

    @torch.no_grad()
    def validate() -> dict[str, float]:
        parts = [validation[i : i + config.batch_size] for i in range(0, len(validation), config.batch_size)]
        losses = [model(*load(part)) for part in parts]
        weights = [len(part) for part in parts]
        return {
            f"validation_{name}": float(np.average([loss[name].item() for loss in losses], weights=weights))
            for name in losses[0]
        }

    def encode(positions: np.ndarray) -> torch.Tensor:
        flux, redshift, _ = load(positions)
        with fabric.autocast():
            return model.module.features(flux, redshift)

    probe = Probe(train, validation, pairs.index.redshift[train], pairs.index.redshift[validation])
    history = fit(
        "spectrum encoder",
        fabric,
        model,
        optimizer,
        config.epochs,
        batches,
        run_epoch,
        directory / "checkpoint.pt",
        seed,
    )
    state = {name: value.cpu() for name, value in model.module.state_dict().items()}
    save({"config": vars(config), "state": state, "history": history}, directory / "spectrum_encoder.pt")
    return {"spectrum_encoder": {name: values[-1] for name, values in history.items()}}
