"""Where the spectrum encoder looks, and whether its attention moves with the lines."""

from __future__ import annotations

import numpy as np
import torch

from astroclip_book.data.pairs import WAVELENGTH
from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.models.spender import KERNELS

PLACES = WAVELENGTH[:: KERNELS[0] * KERNELS[1]]  # angstrom, where the encoder's attention weighs what it reads
REST = np.arange(3600.0, 7000.0, 10.0)  # angstrom
LINES = {
    "[O II]": 3728.5,
    "H beta": 4862.7,
    "[O III]": 5008.2,
    "H alpha": 6564.6,
}  # vacuum wavelengths at rest, angstrom
MOST = 1000  # objects: the mean is then known to a few per cent


@torch.inference_mode()
def attention_weights(
    model: SpectrumAutoencoder, flux: np.ndarray, redshift: np.ndarray, block: int = 256
) -> np.ndarray:
    """How much each place of a spectrum counts, on average over the features.

    Parameters
    ----------
    model : SpectrumAutoencoder
    flux : (n, 7781) array
    redshift : (n,) array
    block : int
        Spectra at a time.

    Returns
    -------
    (n, places) float32 array
        At `PLACES`, with the mean 1.
    """
    parts = []
    for start in range(0, len(flux), block):
        rows = slice(start, start + block)
        x = model.normalise(*(torch.from_numpy(values[rows]).to(model.noise.device) for values in (flux, redshift)))
        _, weights = model.encoder.attention(x)
        parts.append((weights.mean(1) * weights.shape[2]).cpu().numpy())
    return np.concatenate(parts)


def attention_at_rest(
    weights: np.ndarray, redshift: np.ndarray, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Mean attention against wavelength at rest, and how much of it is due to the lines.

    A place of the spectrograph that every galaxy's encoder looks at would look like attention to some wavelength at rest.
    Redshifts dealt out anew keep the one and lose the other.

    Parameters
    ----------
    weights : (n, places) array
        From `attention_weights`.
    redshift : (n,) array
    seed : int

    Returns
    -------
    curves : dict of (p,) arrays
        ``rest``, wavelengths in Å; ``mean``; ``shuffled``, with redshifts dealt out anew.
    lines : dict
        For each of `LINES`, mean over shuffled there; 1 if the encoder did not care.
    """
    shuffled = np.random.default_rng(seed).permutation(redshift)
    curves = {"rest": REST, "mean": _mean_at_rest(weights, redshift), "shuffled": _mean_at_rest(weights, shuffled)}
    ratio = curves["mean"] / curves["shuffled"]
    return curves, {name: float(np.interp(line, REST, ratio)) for name, line in LINES.items()}


def _mean_at_rest(weights: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    rows = [
        np.interp(REST * (1 + z), PLACES, row, left=np.nan, right=np.nan)
        for row, z in zip(weights, redshift, strict=True)
    ]
    return np.nanmean(rows, axis=0)
