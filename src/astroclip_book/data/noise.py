"""The noise of spectra, measured from the spectra themselves, since the release carries no inverse variances."""

from __future__ import annotations

import numpy as np
import torch

from astroclip_book.data.pairs import Pairs

N_SPECTRA = 2000  # that the shape is measured from, up to twice as many: every so many-th of all


def noise_shape(pairs: Pairs, positions: np.ndarray) -> torch.Tensor:
    """How the noise varies with wavelength: (7781,) median over spectra, each relative to its own median noise.

    Measured from differences of neighbouring pixels, since the release carries no ivar. It is not smoothed: the noise
    of a sky line, a few pixels wide, is what else would pass for an emission line.
    """
    flux = pairs.spectra(positions[:: max(1, len(positions) // N_SPECTRA)])
    difference = np.abs(np.diff(flux, axis=1, append=flux[:, -2:-1]))
    difference /= np.median(difference, axis=1, keepdims=True).clip(np.finfo(np.float32).tiny)
    shape = torch.from_numpy(np.median(difference, axis=0))
    return (shape / shape.median()).clamp(min=0.01)


def noise_amplitude(x: torch.Tensor) -> torch.Tensor:
    """Standard deviation of white noise in spectra (n, p), from differences of neighbouring pixels; (n, 1)."""
    return (x[:, 1:] - x[:, :-1]).abs().median(1, keepdim=True).values * (1.4826 / 2**0.5)
