"""Normalisations by name, weights of pixels, and the terms of the loss."""

import dataclasses

import numpy as np
import pytest
import torch
from small import SPECTRUM_ENCODER

from astroclip_book.data.pairs import WAVELENGTH
from astroclip_book.errors import BookError
from astroclip_book.models.autoencoder import NOISE_FLOOR, SpectrumAutoencoder, noise_amplitude

NOISE = torch.linspace(3, 1, 7781)


def model(**values) -> SpectrumAutoencoder:
    torch.manual_seed(0)
    return SpectrumAutoencoder(dataclasses.replace(SPECTRUM_ENCODER, **values), NOISE).eval()


@pytest.fixture
def flux():
    torch.manual_seed(1)
    wavelength = torch.from_numpy(WAVELENGTH).float()
    return (
        5 + 2 * torch.sin(wavelength / 900) * torch.tensor([[1.0], [2.0], [0.5]]) + 0.3 * NOISE * torch.randn(3, 7781)
    )


@pytest.fixture
def redshift():
    return torch.tensor([0.1, 0.3, 0.5])


def test_zscore_has_mean_zero_and_variance_one(flux):
    x = model(normalisation="zscore").normalise(flux)
    torch.testing.assert_close(x, (flux - flux.mean(1, keepdim=True)) / flux.std(1, keepdim=True), rtol=1e-3, atol=1e-3)


def test_median_is_of_the_flat_part_at_rest(flux, redshift):
    x = model(normalisation="median").normalise(flux, redshift)
    for values, raw, z in zip(x, flux, redshift, strict=True):
        inside = (WAVELENGTH / (1 + z.item()) > 5300) & (WAVELENGTH / (1 + z.item()) < 5850)
        np.testing.assert_allclose(values, raw / np.median(raw[inside]), rtol=1e-3)


def test_median_survives_spectra_without_signal_there(flux):
    """A median that is negative, or a window that left the spectrograph, must neither flip nor blow up a spectrum."""
    x = model(normalisation="median").normalise(torch.cat([-flux[:1], flux[:1]]), torch.tensor([0.1, 0.9]))
    assert x.isfinite().all()
    assert x.square().mean(1).sqrt().max() < 3
    assert x[0].mean() < 0


def test_weighted_is_in_units_of_the_noise(flux):
    encoder = model(normalisation="weighted")
    x = encoder.normalise(flux)
    torch.testing.assert_close(x.square().mean(1), torch.ones(3))
    torch.testing.assert_close(x, encoder.normalise(4 * flux + 20), rtol=0, atol=2e-4)


@pytest.mark.parametrize("normalisation", ["weighted", "zscore", "median"])
def test_real_spectra_with_their_inverse_variances(normalisation, realdata):
    """Four galaxies, one without signal, two quasars beyond the range: nothing blows up, and bright ones have median 1."""
    with np.load(realdata / "desi_spectra.npz") as file:
        flux, redshift, ivar = (torch.from_numpy(file[name]).float() for name in ("flux", "redshift", "ivar"))
    encoder = model(normalisation=normalisation)
    x = encoder.normalise(flux, redshift)
    assert x.isfinite().all()
    assert x.abs().median(1).values.max() < 5
    with torch.no_grad():
        assert all(term.isfinite() for term in encoder(flux, redshift.clamp(max=0.8), ivar).values())


def test_median_without_redshift_is_refused(flux):
    with pytest.raises(BookError, match="give the redshifts, or use a run with"):
        model(normalisation="median").normalise(flux)


@pytest.mark.parametrize("normalisation", ["weighted", "zscore", "median"])
def test_reconstruction_comes_back_in_the_unit_of_the_flux(normalisation, flux, redshift):
    encoder = model(normalisation=normalisation)
    with torch.no_grad():
        once = encoder.reconstruct(flux, redshift)
        torch.testing.assert_close(encoder.reconstruct(7 * flux, redshift), 7 * once, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("normalisation", ["weighted", "zscore", "median"])
def test_estimated_weights_are_those_of_the_true_ivar(normalisation, flux, redshift):
    encoder = model(normalisation=normalisation)
    amplitude = encoder.amplitude(flux, redshift)
    ivar = ((0.3 * NOISE) ** -2).expand(3, -1)
    sigma = noise_amplitude(encoder.white(flux))
    known, estimated = encoder._weight(sigma, amplitude, ivar), encoder._weight(sigma, amplitude, None)
    torch.testing.assert_close(estimated, known, rtol=0.1, atol=0)
    torch.testing.assert_close(
        known, 1 / (1 / (ivar * (encoder.unit * amplitude) ** 2) + NOISE_FLOOR**2), rtol=1e-4, atol=0
    )


def test_masked_pixels_do_not_count(flux, redshift):
    encoder = model()
    ivar = torch.ones_like(flux)
    ivar[:, 1000:2000] = 0
    losses = []
    for spoilt in (0.0, 50.0):
        spectra = flux.clone()
        spectra[:, 1000:2000] += spoilt
        losses.append((encoder._weight(torch.ones(3, 1), torch.ones(3, 1), ivar) * spectra.square()).mean())
    torch.testing.assert_close(*losses)
    with torch.no_grad():
        assert all(term.isfinite() for term in encoder(flux, redshift, ivar).values())


def test_terms_without_weight_are_not_computed(flux, redshift):
    with torch.no_grad():
        assert model(blind_weight=0.0)(flux, redshift).keys() == {"fidelity"}
        encoder = model()
        losses = encoder(flux, redshift)
    torch.testing.assert_close(encoder.loss(losses), losses["fidelity"] + 0.1 * losses["blind"])


def test_every_term_has_a_value_in_mixed_precision(flux, redshift):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert all(term.isfinite() for term in model()(flux, redshift).values())


def test_noise_is_measured_whatever_lies_under_it():
    smooth = torch.linspace(0, 100, 7781)
    measured = noise_amplitude(smooth + torch.tensor([[0.5], [2.0]]) * torch.randn(2, 7781))
    torch.testing.assert_close(measured, torch.tensor([[0.5], [2.0]]), rtol=0.05, atol=0)
