"""Frozen features beside others, the probe, attention."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsRegressor
from small import COMPARISON, IMAGE_ENCODER, Killed, killing

from astroclip_book.evaluate.comparison import compare, predict_supervised
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.models.spender import PLACES
from astroclip_book.train import loop
from astroclip_book.train.loop import probe


@pytest.mark.parametrize("modality", ["image", "spectrum"])
def test_four_ways_on_the_same_test_galaxies(modality, pairs, encoders, tmp_path):
    z, path = pairs.index.redshift, encoders / f"{modality}_encoder.pt"
    labels = {"redshift": z, "log_mstar": np.where(z > 0.1, 10.0 + z, np.nan)}
    arrays = compare(modality, pairs, labels, path, COMPARISON, "cpu", 0, tmp_path)
    n, n_test = len(pairs.index), len(pairs.index.where("test"))
    assert arrays["frozen"].shape == arrays["random"].shape and arrays["pca"].shape == (n, COMPARISON.components)
    assert {name: told.shape for name, told in arrays["supervised"].items()} == dict.fromkeys(labels, (n_test,))
    if modality == "image":  # of blobs that redden with redshift
        near = KNeighborsRegressor(4).fit(arrays["pca"], labels["redshift"])
        assert near.score(arrays["pca"], labels["redshift"]) > 0.3
    kind, read = (ImageFeatures, pairs.images) if modality == "image" else (SpectrumFeatures, pairs.spectra)
    x, encoder, found = torch.from_numpy(read(np.arange(5))), kind.load(path), arrays["frozen"][:5]
    # what it is judged by: the encoder's own features, without brightness and light in circles
    expected = encoder.encoder(encoder.seen(x)) if modality == "image" else encoder(x)[:, :-1]
    np.testing.assert_allclose(found, expected, rtol=0.05, atol=0.05 * expected.std())


def supervised(pairs, x, labels, checkpoint, epochs=4):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 8), torch.nn.Linear(8, labels.shape[1]))
    shape = dataclasses.replace(IMAGE_ENCODER, batch_size=16, learning_rate=0.05)
    return predict_supervised(network, x, labels, pairs.index, shape, epochs, "cpu", 0, checkpoint)


def test_supervised_network_learns_labels_and_passes_over_unknown_ones(pairs, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(pairs.index), 3)).astype(np.float32)
    labels = np.stack([x[:, 0] * 2 + 5, np.where(rng.uniform(size=len(x)) < 0.3, np.nan, x[:, 1] - 7)], 1)
    predicted, losses = supervised(pairs, x, labels, tmp_path / "a.pt", epochs=40)
    assert len(losses) == 40 and losses.min() < 0.1 * losses[0]
    test = pairs.index.where("test")
    assert np.abs(predicted[:, 0] - labels[test, 0]).mean() < 0.2
    assert np.nanmean(np.abs(predicted[:, 1] - labels[test, 1])) < 0.2


def test_supervised_training_killed_between_epochs_ends_the_same(pairs, tmp_path, monkeypatch):
    x = np.random.default_rng(0).normal(size=(len(pairs.index), 3)).astype(np.float32)
    labels = x[:, :2].astype(float)
    whole, _ = supervised(pairs, x, labels, tmp_path / "whole.pt")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "save", killing(loop.save, 2))
        supervised(pairs, x, labels, tmp_path / "killed.pt")
    resumed, losses = supervised(pairs, x, labels, tmp_path / "killed.pt")
    assert len(losses) == 4
    np.testing.assert_allclose(resumed, whole, rtol=1e-5)


def test_probe_sees_what_features_tell_and_nothing_else():
    rng = np.random.default_rng(0)
    redshift = rng.uniform(0, 0.5, 3000)
    others = np.arange(2000), np.arange(2000, 3000), redshift
    telling = torch.from_numpy(np.stack([redshift, redshift**2], 1))
    assert probe(lambda rows: telling[rows], *others) > 0.95
    assert probe(lambda rows: torch.randn(len(rows), 2), *others) < 0.1


def test_attention_weights_have_mean_one_at_the_places(encoders, pairs):
    frozen = SpectrumFeatures.load(encoders / "spectrum_encoder.pt")
    weights = frozen.attention(pairs.spectra(np.arange(5)))
    assert weights.shape == (5, len(PLACES))
    np.testing.assert_allclose(weights.mean(1), 1, rtol=1e-5)
