"""The three terms of Spender's loss: a spectrum explained, likeness kept, redshift ignored.

Fidelity: Melchior et al. 2023, https://doi.org/10.3847/1538-3881/ace0ff, eq. 2. Similarity and consistency: Liang et al.
2023, https://doi.org/10.3847/1538-3881/ace100, in the form and with the constants of version 0.3 of
https://github.com/pmelchior/spender, which measures both in units of the spread of the batch. Spender sums over the
objects of a batch, here is their mean.
"""

from __future__ import annotations

import torch

SLOPE, CONTRAST = 5.0, 5.0  # of the sigmoids that compare distances of latents with distances of spectra
CENTRE, SPREAD = 5000.0, 2000.0  # angstrom, of the wavelengths at rest that count in the similarity of spectra
NORMALISED_IN = (4000.0, 7000.0)  # angstrom at rest, where the median of spectra to compare is 1


def fidelity(residual: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Half the squared residuals in units of the variance, a pixel.

    Parameters
    ----------
    residual : (n, p) tensor
        Observed less reconstructed spectra.
    weight : (n, p) or (n, 1) tensor
        Inverse variances; 0 where a pixel is not to count.

    Returns
    -------
    scalar tensor
        0.5 where what remains is noise.
    """
    return 0.5 * (weight * residual.square()).mean()


def similarity(latent: torch.Tensor, rest: torch.Tensor, wavelength: torch.Tensor) -> torch.Tensor:
    """Whether spectra that are alike at rest have latents that are alike, and the reverse.

    Parameters
    ----------
    latent : (n, n_latent) tensor
    rest : (n, n_rest) tensor
        The decoded spectra at rest.
    wavelength : (n_rest,) tensor
        In Å.

    Returns
    -------
    scalar tensor
        Mean over pairs: about 0.15 where all distances agree, 1 where none does.
    """
    inside = (wavelength > NORMALISED_IN[0]) & (wavelength < NORMALISED_IN[1])
    rest = rest / rest[:, inside].median(1, keepdim=True).values
    weight = torch.exp(-((0.5 * (wavelength - CENTRE) / SPREAD) ** 2)).to(rest.dtype)
    difference = SLOPE * (_distances(latent) - _distances(rest * weight.sqrt()))
    terms = torch.sigmoid(difference - CONTRAST / 2) + torch.sigmoid(-difference - CONTRAST / 2)
    return (terms.sum() - terms.diagonal().sum()) / len(latent) ** 2


def consistency(latent: torch.Tensor, again: torch.Tensor) -> torch.Tensor:
    """Whether a spectrum keeps its latents when it is observed at another redshift, with other noise.

    Parameters
    ----------
    latent, again : (n, n_latent) tensors

    Returns
    -------
    scalar tensor
        0 where all are kept, 0.5 at most.
    """
    change = (again - latent).square().mean(1) / latent.var(0).mean()
    return (torch.sigmoid(change) - 0.5).mean()


def _distances(x: torch.Tensor) -> torch.Tensor:
    """Squared distances (n, n) of rows, in units of the mean over all pairs."""
    squared = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").square()
    return squared * (len(x) * (len(x) - 1)) / squared.sum()
