"""Where the spectrum encoder looks."""

from __future__ import annotations

import numpy as np
import torch

from astroclip_book.data.pairs import WAVELENGTH
from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.models.spender import KERNELS

PLACES = WAVELENGTH[:: KERNELS[0] * KERNELS[1]]  # angstrom, where the encoder's attention weighs what it reads


@torch.inference_mode()
def attention_weights(model: SpectrumAutoencoder, flux: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """How much each of `PLACES` in spectra (n, 7781) counts, on average over the features: (n, places), of mean 1."""
    parts = []
    for rows in np.array_split(np.arange(len(flux)), len(flux) // 256 + 1):
        x = model.normalise(*(torch.from_numpy(values[rows]).to(model.noise.device) for values in (flux, redshift)))
        _, weights = model.encoder.attention(x)
        parts.append((weights.mean(1) * weights.shape[2]).cpu().numpy())
    return np.concatenate(parts)
