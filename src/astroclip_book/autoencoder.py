"""Pre-training of the spectrum encoder: it must explain each spectrum, with and without its redshift.

The loss is Spender's fidelity term (Melchior et al. 2023, eq. 2): the latents are decoded to a rest-frame spectrum, seen
at the known redshift, and compared with the data in units of the noise. As the book uses the attended features and
not the latents, the features must also tell where the decoded spectrum fits the data, without being told: their
guess over all redshifts is compared with the likelihood of a template fit whose template is the decoded spectrum. No
redshift is shown to that part.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book.engine import cosine_rate, fit, make_fabric, save, set_rate
from astroclip_book.errors import BookError
from astroclip_book.pairs import WAVELENGTH, Pairs
from astroclip_book.presets import SpectrumEncoder as Config
from astroclip_book.spender import RestFrameDecoder, SpectrumEncoder, mlp

NOISE_FLOOR = 0.2  # of the signal: brighter spectra weigh no more than at S/N 5, lest a few decide the loss


class SpectrumAutoencoder(nn.Module):
    """Normalisation, encoder and decoder.

    Parameters
    ----------
    config : presets.SpectrumEncoder
    noise : (7781,) tensor
        Shape of the noise over wavelength, any scale. Spectra are divided by it before anything else, so that the
        noisy blue end does not set the scale of a z-score.
    """

    def __init__(self, config: Config, noise: torch.Tensor):
        super().__init__()
        self.encoder = SpectrumEncoder(config.width, config.n_latent)
        self.rest_frame = RestFrameDecoder(config.n_latent, torch.from_numpy(WAVELENGTH), config.rest_pixels)
        self.place = mlp((self.encoder.n_features, 256, self.rest_frame.n_shifts))
        self.register_buffer("noise", noise.float())

    def level(self, flux: torch.Tensor) -> torch.Tensor:
        """Mean (n, 1) of spectra (n, 7781), weighted by the inverse variance."""
        weight = self.noise**-2
        return (flux * weight).sum(1, keepdim=True) / weight.sum()

    def weighted(self, flux: torch.Tensor) -> torch.Tensor:
        """Spectra (n, 7781) without their level, in units of the noise's shape.

        The level goes first: divided by the noise, an unknown offset would look like a continuum.
        """
        return (flux - self.level(flux)) / self.noise

    def normalise(self, flux: torch.Tensor) -> torch.Tensor:
        """Flux (n, 7781), up to any constant scale and offset, to unit variance in units of the noise's shape."""
        weighted = self.weighted(flux)
        return weighted / scale(weighted)

    def features(self, flux: torch.Tensor) -> torch.Tensor:
        """Flux (n, 7781) to attended features (n, n_features)."""
        return self.encoder.attend(self.normalise(flux))

    def reconstruct(self, flux: torch.Tensor, redshift: torch.Tensor) -> torch.Tensor:
        """The decoder's model at the known redshift on the observed grid, (n, 7781), in the unit of ``flux``."""
        model = self.rest_frame.observe(self.rest_frame(self.encoder(self.normalise(flux))), redshift)
        return (model - self.level(model)) * scale(self.weighted(flux)) + self.level(flux)

    def forward(self, flux: torch.Tensor, redshift: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean squared residuals (chi² per pixel, with a floor) at the known redshift; cross-entropy of the blind match."""
        x = self.normalise(flux)
        features = self.encoder.attend(x)
        rest = self.rest_frame(self.encoder.mlp(features))
        weight = 1 / (noise_amplitude(x).square() + NOISE_FLOOR**2)
        residual = self.weighted(self.rest_frame.observe(rest, redshift)) - x
        with torch.no_grad():
            likelihood = 0.5 * weight[:, None] * self.rest_frame.match(rest, x, self.noise)
            target = likelihood.softmax(1)
        blind = F.cross_entropy(self.place(features).float(), target)
        return (residual.square().mean(1) * weight).mean(), blind


def scale(weighted: torch.Tensor) -> torch.Tensor:
    """Root mean square (n, 1) of spectra (n, p)."""
    return weighted.square().mean(1, keepdim=True).sqrt().clamp(min=torch.finfo(torch.float32).tiny)


def noise_amplitude(weighted: torch.Tensor) -> torch.Tensor:
    """Standard deviation of white noise in spectra (n, p), from differences of neighbouring pixels; (n,)."""
    return (weighted[:, 1:] - weighted[:, :-1]).abs().median(1).values * (1.4826 / 2**0.5)


def noise_shape(pairs: Pairs, positions: np.ndarray, n_spectra: int = 2000) -> torch.Tensor:
    """How the noise varies with wavelength: (7781,) median over spectra, each relative to its own median noise.

    Measured from differences of neighbouring pixels, since the release carries no ivar. It is not smoothed: the noise
    of a sky line, a few pixels wide, is what else would pass for an emission line.
    """
    flux = pairs.spectra(positions[:: max(1, len(positions) // n_spectra)])
    difference = np.abs(np.diff(flux, axis=1, append=flux[:, -2:-1]))
    difference /= np.median(difference, axis=1, keepdims=True).clip(np.finfo(np.float32).tiny)
    shape = torch.from_numpy(np.median(difference, axis=0))
    return (shape / shape.median()).clamp(min=0.01)


def train_spectrum_encoder(pairs: Pairs, config: Config, device: str, seed: int, directory: Path) -> dict:
    """Pre-train on the training split and write ``directory/spectrum_encoder.pt``.

    Parameters
    ----------
    pairs : Pairs
    config : presets.SpectrumEncoder
    device : str
        ``cpu`` or ``cuda``.
    seed : int
    directory : Path
        Also keeps the checkpoint until the step is done.

    Returns
    -------
    dict
        Losses of the last epoch.

    Raises
    ------
    BookError
        If the training split has fewer objects than a batch.
    """
    train, validation = pairs.index.where("train"), pairs.index.where("validation")
    if len(train) < config.batch_size:
        raise BookError(
            f"{pairs.path} has {len(train)} training pairs, fewer than spectrum_encoder.batch_size = {config.batch_size}: "
            "lower the batch size or use more pairs."
        )
    fabric = make_fabric(device)
    torch.manual_seed(seed)
    model = SpectrumAutoencoder(config, noise_shape(pairs, train)).to(fabric.device)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, fused=True)
    model, optimizer = fabric.setup(model, optimizer)
    steps = len(train) // config.batch_size

    def load(positions: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        positions = np.sort(positions)
        flux = torch.from_numpy(pairs.spectra(positions)).to(fabric.device)
        return flux, torch.from_numpy(pairs.index.redshift[positions]).to(fabric.device)

    def run_epoch(epoch: int, advance: Callable[[], object]) -> dict[str, float]:
        order = np.random.default_rng([seed, epoch]).permutation(train)
        model.train()
        total = np.zeros(2)
        for step in range(steps):
            set_rate(optimizer, config.learning_rate * cosine_rate(epoch * steps + step, config.epochs * steps))
            rest, blind = model(*load(order[step * config.batch_size : (step + 1) * config.batch_size]))
            optimizer.zero_grad()
            fabric.backward(rest + config.blind_weight * blind)
            optimizer.step()
            total += [rest.item(), blind.item()]
            advance()
        rest, blind = (total / steps).tolist()
        return {"train_rest": rest, "train_blind": blind} | validate()

    @torch.no_grad()
    def validate() -> dict[str, float]:
        model.eval()
        parts = [validation[i : i + config.batch_size] for i in range(0, len(validation), config.batch_size)]
        losses = np.array([[loss.item() for loss in model(*load(part))] for part in parts])
        rest, blind = np.average(losses, axis=0, weights=[len(part) for part in parts])
        return {"validation_rest": float(rest), "validation_blind": float(blind)}

    history = fit("spectrum encoder", model, optimizer, config.epochs, steps, run_epoch, directory / "checkpoint.pt", seed)
    state = {name: value.cpu() for name, value in model.module.state_dict().items()}
    save({"config": vars(config), "state": state, "history": history}, directory / "spectrum_encoder.pt")
    return {"spectrum_encoder": {name: values[-1] for name, values in history.items()}}
