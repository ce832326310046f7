"""Normalisations by name, weights of pixels, and the terms of the loss."""

import dataclasses

import numpy as np
import pytest
import torch
from small import SPECTRUM_ENCODER

from astroclip_book.data.pairs import WAVELENGTH
from astroclip_book.models.autoencoder import SpectrumAutoencoder, noise_amplitude

NOISE = torch.linspace(3, 1, 7781)


def model(**values) -> SpectrumAutoencoder:
    torch.manual_seed(0)
    return SpectrumAutoencoder(dataclasses.replace(SPECTRUM_ENCODER, **values), NOISE).eval()


BOTH = pytest.mark.parametrize("normalisation", ["weighted", "zscore"])


@pytest.fixture
def flux():
    torch.manual_seed(1)
    wavelength = torch.from_numpy(WAVELENGTH).float()
    shape = 2 * torch.sin(wavelength / 900) * torch.tensor([[1.0], [2.0], [0.5]])
    return 5 + shape + 0.3 * NOISE * torch.randn(3, 7781)


@pytest.fixture
def redshift():
    return torch.tensor([0.1, 0.3, 0.5])


def test_zscore_has_mean_zero_and_variance_one(flux):
    x = model(normalisation="zscore").normalise(flux)
    torch.testing.assert_close(x, (flux - flux.mean(1, keepdim=True)) / flux.std(1, keepdim=True), rtol=1e-3, atol=1e-3)


def test_weighted_is_in_units_of_the_noise(flux):
    encoder = model(normalisation="weighted")
    x = encoder.normalise(flux)
    torch.testing.assert_close(x.square().mean(1), torch.ones(3))
    torch.testing.assert_close(x, encoder.normalise(4 * flux + 20), rtol=0, atol=2e-4)


@BOTH
def test_real_spectra_with_their_inverse_variances(normalisation, realdata):
    """Four galaxies, one without signal, two quasars beyond the range: nothing blows up."""
    with np.load(realdata / "desi_spectra.npz") as file:
        flux, redshift, ivar = (torch.from_numpy(file[name]).float() for name in ("flux", "redshift", "ivar"))
    encoder = model(normalisation=normalisation)
    x = encoder.normalise(flux)
    assert x.isfinite().all() and x.abs().median(1).values.max() < 5
    with torch.no_grad():
        assert all(term.isfinite() for term in encoder(flux, redshift.clamp(max=0.8), ivar).values())


@BOTH
def test_reconstruction_comes_back_in_the_unit_of_the_flux(normalisation, flux, redshift):
    encoder = model(normalisation=normalisation)
    with torch.no_grad():
        once = encoder.reconstruct(flux, redshift)
        torch.testing.assert_close(encoder.reconstruct(7 * flux, redshift), 7 * once, rtol=1e-3, atol=1e-2)


@BOTH
def test_the_noise_is_estimated_as_a_true_ivar_tells_it_and_masked_pixels_do_not_count(normalisation, flux, redshift):
    encoder, ivar = model(normalisation=normalisation), ((0.3 * NOISE) ** -2).expand(3, -1).clone()
    with torch.no_grad():
        estimated, known = (encoder(flux, redshift, *given)["fidelity"] for given in ((), (ivar,)))
        torch.testing.assert_close(estimated, known, rtol=0.1, atol=0)
        ivar[:, 1000:2000] = 0
        masked = encoder(flux, redshift, ivar)
    assert all(term.isfinite() for term in masked.values()) and masked["fidelity"] < 0.95 * known


def test_terms_without_weight_are_not_computed_and_all_have_values_in_mixed_precision(flux, redshift):
    with torch.no_grad():
        assert model(blind_weight=0.0)(flux, redshift).keys() == {"fidelity"}
        encoder = model()
        losses = encoder(flux, redshift)
        with torch.autocast("cpu", torch.bfloat16):
            assert all(term.isfinite() for term in encoder(flux, redshift).values())
    torch.testing.assert_close(encoder.loss(losses), losses["fidelity"] + 0.1 * losses["blind"])


def test_the_encoder_alone_sees_distortions_and_in_training_alone(flux, redshift):
    encoder, seen = model(), []
    encoder.encoder.attend = lambda x: seen.append(x) or x.new_zeros(len(x), encoder.encoder.n_features)
    with torch.no_grad():
        clean = encoder(flux, redshift)["fidelity"]
        torch.testing.assert_close(seen[0], encoder.normalise(flux))
        torch.testing.assert_close(encoder.train()(flux, redshift)["fidelity"], clean)
    assert not torch.allclose(seen[1], seen[0], atol=0.01)


def test_noise_is_measured_whatever_lies_under_it():
    smooth = torch.linspace(0, 100, 7781)
    measured = noise_amplitude(smooth + torch.tensor([[0.5], [2.0]]) * torch.randn(2, 7781))
    torch.testing.assert_close(measured, torch.tensor([[0.5], [2.0]]), rtol=0.05, atol=0)
