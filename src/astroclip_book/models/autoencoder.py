"""Spectra explained: normalisation, encoder, decoder, and what the pair is trained for.

The first aim is Spender's (Melchior et al. 2023, https://doi.org/10.3847/1538-3881/ace0ff, eq. 2): the latents are decoded to a
rest-frame spectrum, seen at the known redshift, and compared with the data in units of the noise. As the book uses the
attended features and not the latents, the features must also tell where the decoded spectrum fits the data, without
being told: their guess over all redshifts is compared with the likelihood of a template fit whose template is the
decoded spectrum. No redshift is shown to that part. The noise is measured from the spectra themselves, since the release
carries no inverse variances.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from astroclip_book.config import SpectrumEncoder as Config
from astroclip_book.data.distortions import distorted
from astroclip_book.data.pairs import REDSHIFTS, WAVELENGTH, Pairs
from astroclip_book.models.spender import SpectrumEncoder, mlp

NOISE_FLOOR = 0.2  # of the signal: brighter spectra weigh no more than at S/N 5, lest a few decide the loss
N_SPECTRA = 2000  # that the shape of the noise is measured from, up to twice as many: every so many-th of all
Z_MAX = REDSHIFTS[1]  # largest redshift at which the whole observed range stays on the grid at rest
TINY = torch.finfo(torch.float32).tiny


class RestFrameDecoder(nn.Module):
    """Latents (n, n_latent) to rest-frame spectra (n, n_rest), seen at any redshift; the observed ``wavelength`` (p,) is in Å.

    As in Spender's, a small network makes the spectrum; here it is smaller, and the grid uniform in log wavelength, where
    redshift is a shift.
    """

    def __init__(self, n_latent: int, wavelength: torch.Tensor, n_rest: int):
        super().__init__()
        self.mlp = mlp((n_latent, 64, 256, n_rest))
        low, high = wavelength[0] / (1 + Z_MAX), wavelength[-1]
        self.log_low, self.n_rest = low.log().item(), n_rest
        self.log_step = (high.log().item() - self.log_low) / (n_rest - 1)
        self.n_shifts = int(math.log1p(Z_MAX) / self.log_step) + 1
        place = (wavelength.double().log() - self.log_low) / self.log_step  # of each observed pixel, at z = 0
        self.register_buffer("place", place.clamp(max=n_rest - 1), persistent=False)

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """(n, n_latent) to rest-frame spectra (n, n_rest)."""
        return self.mlp(latent).float()

    def observe(self, rest: torch.Tensor, redshift: torch.Tensor) -> torch.Tensor:
        """Rest-frame spectra (n, n_rest) at redshifts (n,), on the observed grid (n, p), by linear interpolation."""
        place = self.place - torch.log1p(redshift.double())[:, None] / self.log_step
        place = place.clamp(0, self.n_rest - 1.001).float()
        left = place.long()
        return torch.lerp(rest.gather(1, left), rest.gather(1, left + 1), place - left)

    def match(self, rest: torch.Tensor, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """How much of observed spectra x (n, p), without level and divided by ``noise`` (p,), a rest-frame spectrum explains.

        The cross-correlation of Tonry & Davis (1979, https://doi.org/10.1086/112569) in units of the noise, the template's
        amplitude and level being free: decrease of the sum of squares (n, n_shifts) at equal steps in log(1 + z) from 0 on.
        """
        weight = self._gather_light(noise[None] ** -2)
        size = 2 ** (self.n_rest + self.n_shifts).bit_length()
        template, square = (torch.fft.rfft(values, size).conj() for values in (rest, rest.square()))

        def correlate(observed: torch.Tensor, transform: torch.Tensor) -> torch.Tensor:
            return torch.fft.irfft(torch.fft.rfft(observed, size) * transform, size)[:, : self.n_shifts]

        cross = correlate(self._gather_light(x / noise), template)
        norm = correlate(weight, square) - correlate(weight, template).square() / weight.sum()
        return cross.clamp(min=0).square() / norm.clamp(min=1e-6 * norm.amax())

    def _gather_light(self, values: torch.Tensor) -> torch.Tensor:
        """(n, p) on the observed grid to sums (n, n_rest) on the logarithmic one: the adjoint of `observe` at z = 0."""
        left = self.place.long().expand(len(values), -1)
        fraction = (self.place - self.place.long()).float()
        empty = values.new_zeros(len(values), self.n_rest + 1)
        return empty.scatter_add(1, left, values * (1 - fraction)).scatter_add(1, left + 1, values * fraction)[:, :-1]


class SpectrumAutoencoder(nn.Module):
    """Normalisation, encoder and decoder of spectra (n, 7781), whose ``noise`` has this shape (7781,), in any scale.

    Normalisations by name, each dividing by an amplitude:

    - ``weighted``: without the level, in units of the noise's shape, to unit variance, so that the noisy blue end does
      not set the scale. The level goes first: divided by the noise, an unknown offset would look like a continuum.
    - ``zscore``: without the mean, to unit variance, as AstroCLIP.
    """

    def __init__(self, config: Config, noise: torch.Tensor):
        super().__init__()
        self.config = config
        self.encoder = SpectrumEncoder(config.width, config.n_latent, config.position)
        self.rest_frame = self.place = None
        if not config.weights_path:  # published weights come without this book's decoder
            self.rest_frame = RestFrameDecoder(config.n_latent, torch.from_numpy(WAVELENGTH), config.rest_pixels)
        if self.rest_frame and config.blind_weight:
            self.place = mlp((self.encoder.n_features, 256, self.rest_frame.n_shifts))
        self.register_buffer("noise", noise.float())

    @property
    def unit(self) -> torch.Tensor:
        """What pixels are divided by beside the amplitude, (7781,)."""
        return self.noise if self.config.normalisation == "weighted" else torch.ones_like(self.noise)

    def level(self, flux: torch.Tensor) -> torch.Tensor:
        """What is subtracted from spectra, (n, 1): their mean, weighted by the inverse square of the unit."""
        return mean(flux, self.unit)

    def amplitude(self, flux: torch.Tensor) -> torch.Tensor:
        """What spectra are divided by, (n, 1)."""
        return _rms((flux - self.level(flux)) / self.unit)

    def normalise(self, flux: torch.Tensor) -> torch.Tensor:
        """Flux (n, 7781) in any constant scale to what the encoder sees."""
        return (flux - self.level(flux)) / self.unit / self.amplitude(flux)

    def white(self, flux: torch.Tensor) -> torch.Tensor:
        """Spectra without their level, in units of the noise's shape."""
        return (flux - mean(flux, self.noise)) / self.noise

    def reconstruct(self, flux: torch.Tensor, redshift: torch.Tensor) -> torch.Tensor:
        """The decoder's model at the known redshift on the observed grid, (n, 7781), in the unit of ``flux``."""
        model = self.rest_frame.observe(self.rest_frame(self.encoder(self.normalise(flux))), redshift)
        return (model - self.level(model)) * self.amplitude(flux) + self.level(flux)

    def forward(
        self, flux: torch.Tensor, redshift: torch.Tensor, ivar: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """The terms of the loss that have a weight, each a scalar: ``fidelity``, 0.5 where what remains is noise, and ``blind``.

        Inverse variances (n, 7781) are 0 for pixels that are not to count; without them, the noise is estimated from the spectra.
        """
        amplitude, white = self.amplitude(flux), self.white(flux)
        sigma = noise_amplitude(white)
        x = (flux - self.level(flux)) / self.unit / amplitude
        seen = self.normalise(distorted(flux, self.noise * sigma)) if self.training else x
        features = self.encoder.attend(seen)
        rest = self.rest_frame(self.encoder.mlp(features))
        model = self.rest_frame.observe(rest, redshift)
        residual = (model - self.level(model)) / self.unit - x
        losses = {"fidelity": 0.5 * (self._weight(sigma, amplitude, ivar) * residual.square()).mean()}
        if self.config.blind_weight:
            guess, truth = self.place(features).float(), self._likelihood(white, sigma, rest).softmax(1)
            losses["blind"] = F.cross_entropy(guess, truth)
        return losses

    def loss(self, losses: dict[str, torch.Tensor]) -> torch.Tensor:
        """The weighted sum of the terms that `forward` returns."""
        return losses["fidelity"] + self.config.blind_weight * losses.get("blind", 0)

    def _weight(self, sigma: torch.Tensor, amplitude: torch.Tensor, ivar: torch.Tensor | None) -> torch.Tensor:
        """Inverse variance (n, 7781) of normalised pixels; without ``ivar`` the noise is ``sigma`` (n, 1) of its shape."""
        variance = (self.noise * sigma).square() if ivar is None else 1 / ivar
        return 1 / (variance / (self.unit * amplitude).square() + NOISE_FLOOR**2)

    @torch.no_grad()
    def _likelihood(self, white: torch.Tensor, sigma: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        """Logarithm, up to a constant, of the likelihood (n, n_shifts) of each redshift, whatever the normalisation."""
        signal = _rms(white)
        weight = 1 / ((sigma / signal).square() + NOISE_FLOOR**2)
        return 0.5 * weight * self.rest_frame.match(rest, white / signal, self.noise)


def mean(flux: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
    """Mean (n, 1) of spectra (n, p), weighted by the inverse square of a unit (p,)."""
    weight = unit**-2
    return (flux * weight).sum(1, keepdim=True) / weight.sum()


def _rms(x: torch.Tensor) -> torch.Tensor:
    return x.square().mean(1, keepdim=True).sqrt().clamp(min=TINY)


def noise_amplitude(x: torch.Tensor) -> torch.Tensor:
    """Standard deviation of white noise in spectra (n, p), from differences of neighbouring pixels; (n, 1)."""
    return (x[:, 1:] - x[:, :-1]).abs().median(1, keepdim=True).values * (1.4826 / 2**0.5)


def noise_shape(pairs: Pairs, positions: np.ndarray) -> torch.Tensor:
    """How the noise varies with wavelength: (7781,) median over spectra, each relative to its own median noise.

    Measured from differences of neighbouring pixels and not smoothed: the noise of a sky line, a few pixels wide, is what
    else would pass for an emission line.
    """
    flux = pairs.spectra(positions[:: max(1, len(positions) // N_SPECTRA)])
    difference = np.abs(np.diff(flux, axis=1, append=flux[:, -2:-1]))
    difference /= np.median(difference, axis=1, keepdims=True).clip(TINY)
    shape = torch.from_numpy(np.median(difference, axis=0))
    return (shape / shape.median()).clamp(min=0.01)
