"""Spender's own package as the oracle: encoder and checkpoint."""

import dataclasses

import numpy as np
import pytest
import torch
from small import write_pairs

from astroclip_book.data.pairs import WAVELENGTH, Pairs, index_pairs
from astroclip_book.models.encoders import SpectrumFeatures
from astroclip_book.models.published import adopt_spectrum_encoder
from astroclip_book.models.spender import SpectrumEncoder
from bookmaking.presets import load_preset

spender = pytest.importorskip("spender", reason="spender is not installed: pip install '.[test]'")


@pytest.fixture(scope="module")
def theirs():
    from spender.data.desi import DESI

    torch.manual_seed(0)
    model = spender.SpectrumAutoencoder(DESI(), torch.linspace(2000, 9824, 9780), n_latent=6)
    for block in (model.encoder.conv1, model.encoder.conv2, model.encoder.conv3):
        block[2].weight.data.uniform_(-0.3, 0.5)  # trained slopes have both signs
    return model


@pytest.fixture(scope="module")
def ours(theirs, tmp_path_factory):
    directory = tmp_path_factory.mktemp("weights")
    torch.save({"model": theirs.state_dict(), "losses": np.zeros((3, 2))}, directory / "spender.desi-edr.galaxyae.pt")
    pairs = Pairs(write_pairs(directory / "pairs.h5"), index_pairs(directory / "pairs.h5", 0.2, 0)[0])
    config = dataclasses.replace(
        load_preset("desi").spectrum_encoder, weights_path=str(directory / "spender.desi-edr.galaxyae.pt")
    )
    adopt_spectrum_encoder(pairs, config, directory)
    found, encoder = SpectrumFeatures.load(directory / "spectrum_encoder.pt"), SpectrumEncoder(128, 6, position=False)
    encoder.load_state_dict(found.model.encoder.state_dict())
    return encoder


@pytest.fixture(scope="module")
def spectra():
    """Continua with lines and noise, normalised as Spender does and as AstroCLIP does, and bright without noise."""
    rng = np.random.default_rng(0)
    continuum = 1 + 0.4 * np.sin(WAVELENGTH / rng.uniform(700, 1500, (6, 1)) + rng.uniform(0, 6, (6, 1)))
    for row, place in zip(continuum, rng.uniform(4000, 9000, (6, 5)), strict=True):
        row += sum(np.exp(-0.5 * ((WAVELENGTH - line) / 4) ** 2) for line in place)
    continuum[:4] += rng.normal(0, 0.5, (4, 7781))
    continuum[2:4] -= continuum[2:4].mean(1, keepdims=True)
    return torch.from_numpy(continuum).float()


def test_features_and_latents_are_spenders(theirs, ours, spectra):
    with torch.no_grad():
        values, attention = theirs.encoder._downsample(spectra)
        features = (values * attention.softmax(-1)).sum(-1)
        torch.testing.assert_close(ours.attend(spectra), features, rtol=0, atol=1e-5)
        torch.testing.assert_close(ours(spectra), theirs.encode(spectra), rtol=0, atol=1e-5)


def test_gradients_are_spenders(theirs, ours, spectra):
    names = [name for name, p in ours.named_parameters() if name.startswith("conv") and p.requires_grad]
    gradients = []
    for network in (ours, theirs.encoder):
        network.zero_grad()
        network(spectra[:4]).square().sum().backward()
        gradients.append([dict(network.named_parameters())[name].grad for name in names])
    for name, mine, other in zip(names, *gradients, strict=True):
        assert (mine - other).norm() < 1e-2 * other.norm(), name


def test_bfloat16_is_as_close_as_spenders_own(theirs, ours, spectra):
    with torch.no_grad():
        exact = theirs.encode(spectra)
        with torch.autocast("cpu", torch.bfloat16):
            errors = [(network(spectra).float() - exact).abs().mean() for network in (ours, theirs.encoder)]
    assert errors[0] < 3 * errors[1]
