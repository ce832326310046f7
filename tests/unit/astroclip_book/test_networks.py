"""Encoders and decoder as functions."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision_outputs

from astroclip_book.data.pairs import WAVELENGTH
from astroclip_book.models.autoencoder import RestFrameDecoder, mean
from astroclip_book.models.resnet import ResNet
from astroclip_book.models.spender import SpectrumEncoder


@pytest.mark.parametrize("depth", torchvision_outputs.DEPTHS)
def test_names_outputs_and_statistics_of_resnet_are_torchvisions(depth):
    """What that answered is kept by torchvision_outputs.py; rounding, to 1e-5 of the norm, differs between processors."""
    expected = json.loads(torchvision_outputs.FILE.read_text(encoding="utf-8"))[str(depth)]
    found = torchvision_outputs.record(ResNet(depth, 64))
    for key in ("tensors", "layout", "batches"):
        assert found[key] == expected[key]
    assert found["statistics"].keys() == expected["statistics"].keys()
    for key in ("evaluation", "training", "statistics"):
        both = [values[key].values() if key == "statistics" else values[key] for values in (found, expected)]
        for ours, theirs in zip(*both, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * theirs[0])


@pytest.mark.parametrize("slope", [0.25, -0.3])
def test_spectrum_encoder_with_positions_equals_its_definition_gradients_included(slope):
    """Without positions it is Spender's, the oracle of tests/peers."""
    torch.manual_seed(0)
    encoder = SpectrumEncoder(4, 3, position=True)
    for block in (encoder.conv1, encoder.conv2, encoder.conv3):
        block[2].weight.data[::2] = slope
    x = torch.randn(2, 7781).cumsum(1)
    x = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)
    _, norm, activation = encoder.conv1
    first = encoder.conv1[0](x[:, None]) + encoder.position(encoder.waves).T
    hidden = F.max_pool1d(activation(norm(first)), 5, padding=2)
    hidden = encoder.conv3(F.max_pool1d(encoder.conv2(hidden), 11, padding=5))
    values, attention = hidden[:, :8], hidden[:, 8:]
    expected = (values * torch.softmax(attention, -1)).sum(-1)
    parameters = {name: p for name, p in encoder.named_parameters() if p.requires_grad and not name.startswith("mlp")}
    gradients = torch.autograd.grad(expected.square().sum(), parameters.values())
    found = encoder.attend(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(encoder(x), encoder.mlp(expected), rtol=1e-4, atol=1e-5)
    again = torch.autograd.grad(found.square().sum(), parameters.values())
    for name, mine, theirs in zip(parameters, again, gradients, strict=True):
        assert (mine - theirs).norm() < 2e-3 * theirs.norm(), name


def test_encoder_knows_where_it_looks():
    torch.manual_seed(0)
    encoder = SpectrumEncoder(4, 3, position=True).eval()
    line = torch.exp(-0.5 * ((torch.arange(7781) - 2000) / 3.0) ** 2)[None]
    moved = line.roll(2750, 1)  # by whole pooling cells, so that nothing else differs
    assert (encoder.attend(line) - encoder.attend(moved)).abs().max() > 2e-3
    encoder.position.weight.data.zero_()
    torch.testing.assert_close(encoder.attend(line), encoder.attend(moved), rtol=0, atol=1e-4)


def rest_wavelength(decoder):
    return torch.exp(decoder.log_low + decoder.log_step * torch.arange(decoder.n_rest, dtype=torch.float64))


def test_match_finds_the_redshift_whatever_level_and_scale():
    decoder = RestFrameDecoder(2, torch.from_numpy(WAVELENGTH), 4096)
    places = torch.tensor([3728.0, 4960, 5008, 6565])[:, None]
    lines = torch.exp(-0.5 * ((rest_wavelength(decoder) - places) / 6) ** 2).sum(0).float()
    rest = (lines + torch.linspace(2, 1, 4096)).repeat(2, 1)
    truth, noise = torch.tensor([0.1, 0.43]), torch.linspace(3, 1, 7781)
    flux = decoder.observe(rest, truth)
    x = 7 * (flux - mean(flux, noise)) / noise
    likelihood = decoder.match(rest, x, noise)
    found = torch.expm1(decoder.log_step * likelihood.argmax(1))
    torch.testing.assert_close(found, truth, rtol=0, atol=6e-4)
    # At the truth nothing is left to explain.
    torch.testing.assert_close(likelihood.amax(1), x.square().sum(1), rtol=0.02, atol=0)


def test_decoder_puts_a_rest_frame_line_where_it_is_observed():
    decoder = RestFrameDecoder(2, torch.from_numpy(WAVELENGTH), 4096)
    line = torch.exp(-0.5 * ((rest_wavelength(decoder) - 5008.24) / 5) ** 2).float()
    redshift = torch.tensor([0.0, 0.1, 0.43])
    peak = WAVELENGTH[decoder.observe(line.expand(3, -1), redshift).argmax(1).numpy()]
    np.testing.assert_allclose(peak, 5008.24 * (1 + redshift.numpy()), atol=1.5)
