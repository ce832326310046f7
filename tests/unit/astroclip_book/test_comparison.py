"""Frozen features beside others, the probe, attention, and published weights in the place of a training."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from small import COMPARISON, EVALUATION, IMAGE_ENCODER, SPECTRUM_ENCODER, Killed, killing, write_pairs

from astroclip_book.data.pairs import Pairs, index_pairs
from astroclip_book.errors import BookError
from astroclip_book.evaluate import comparison
from astroclip_book.evaluate.attention import LINES, PLACES, REST, attention_at_rest, attention_weights
from astroclip_book.evaluate.comparison import compare_images, compare_spectra, comparison_metrics
from astroclip_book.evaluate.search import nearest_in
from astroclip_book.model import AstroCLIP
from astroclip_book.models.adopt import adopt_image_encoder, adopt_spectrum_encoder
from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures, load_checkpoint
from astroclip_book.models.resnet import ResNet
from astroclip_book.models.spender import SpectrumEncoder
from astroclip_book.train import engine
from astroclip_book.train.parts import join_parts
from astroclip_book.train.probe import Probe
from astroclip_book.train.supervised import Supervised, predict_supervised

COMPARE = {"image": compare_images, "spectrum": compare_spectra}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.h5", per_group=12)
    return Pairs(path, index_pairs(path, 0.2, 0)[0])


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Files as the trainings write them, with the weights of no training."""
    directory = tmp_path_factory.mktemp("encoders")
    torch.manual_seed(0)
    for name, config, network in (
        ("image", IMAGE_ENCODER, ResNet(18, 4)),
        ("spectrum", SPECTRUM_ENCODER, SpectrumAutoencoder(SPECTRUM_ENCODER, torch.ones(7781))),
    ):
        engine.save(
            {"config": vars(config), "state": network.state_dict(), "history": {}}, directory / f"{name}_encoder.pt"
        )
    return directory


@pytest.mark.parametrize("modality", ["image", "spectrum"])
def test_four_ways_on_the_same_test_galaxies(modality, pairs, encoders, tmp_path):
    labels = {
        "redshift": pairs.index.redshift,
        "log_mstar": np.where(pairs.index.redshift > 0.1, 10.0 + pairs.index.redshift, np.nan),
    }
    scores, arrays = COMPARE[modality](
        pairs, labels, encoders / f"{modality}_encoder.pt", COMPARISON, EVALUATION, "cpu", 0, tmp_path
    )
    n = len(pairs.index.where("test"))
    assert {way: score["redshift"]["n"] for way, score in scores.items()} == dict.fromkeys(
        ("frozen", "random", "pca", "supervised"), n
    )
    assert {score["log_mstar"]["n"] for score in scores.values()} == {
        np.isfinite(labels["log_mstar"][pairs.index.where("test")]).sum()
    }
    for way, told in arrays["predicted"].items():
        for label, predicted in told.items():
            truth = labels[label][pairs.index.where("test")]
            known = np.isfinite(truth)
            np.testing.assert_array_equal(np.isfinite(predicted), known)
            assert r2_score(truth[known], predicted[known]) == pytest.approx(scores[way][label]["r2"], abs=1e-6)
    if modality == "image":  # of blobs that redden with redshift
        assert scores["pca"]["redshift"]["r2"] > 0.3
    load = ImageFeatures.load if modality == "image" else SpectrumFeatures.load
    read = pairs.images if modality == "image" else pairs.spectra
    expected = load(encoders / f"{modality}_encoder.pt")(torch.from_numpy(read(np.arange(5))))
    found = arrays["features"][:5]
    expected = expected[
        :, : found.shape[1]
    ]  # what an encoder is judged by; the brightness of a spectrum comes after it
    np.testing.assert_allclose(found, expected, rtol=0.05, atol=0.05 * expected.std())


def test_metrics_give_the_share_of_what_labels_give():
    scores = {
        way: {"redshift": {"r2": r2}}
        for way, r2 in (("frozen", 0.6), ("random", 0.2), ("pca", 0.3), ("supervised", 0.8))
    }
    metrics = comparison_metrics(scores, "image")
    assert metrics["image_encoder"]["of_supervised"] == {"redshift": pytest.approx(0.75)}
    assert metrics["baseline"]["supervised"]["redshift"]["image"]["r2"] == 0.8
    assert "frozen" not in metrics["baseline"]
    scores["supervised"]["redshift"]["r2"] = -0.1  # a share of nothing says nothing
    assert comparison_metrics(scores, "image")["image_encoder"]["of_supervised"] == {}


def supervised(pairs, x, labels, checkpoint, epochs=4):
    torch.manual_seed(0)
    network = Supervised(torch.nn.Linear(x.shape[1], 8), 8, labels.shape[1])
    return predict_supervised(
        network, lambda rows: x[rows], lambda x, _: x, labels, pairs.index, epochs, 16, 0.05, "cpu", 0, checkpoint
    )


def test_supervised_network_learns_labels_and_passes_over_unknown_ones(pairs, tmp_path):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(len(pairs.index), 3))).float()
    labels = np.stack([x[:, 0] * 2 + 5, np.where(rng.uniform(size=len(x)) < 0.3, np.nan, x[:, 1] - 7)], 1)
    predicted = supervised(pairs, x, labels, tmp_path / "a.pt", epochs=40)
    test = pairs.index.where("test")
    assert np.abs(predicted[:, 0] - labels[test, 0]).mean() < 0.2
    assert np.nanmean(np.abs(predicted[:, 1] - labels[test, 1])) < 0.2


def test_supervised_training_killed_between_epochs_ends_the_same(pairs, tmp_path, monkeypatch):
    x = torch.randn(len(pairs.index), 3)
    labels = x[:, :2].numpy().astype(float)
    whole = supervised(pairs, x, labels, tmp_path / "whole.pt")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(engine, "save", killing(engine.save, 2))
        supervised(pairs, x, labels, tmp_path / "killed.pt")
    np.testing.assert_allclose(supervised(pairs, x, labels, tmp_path / "killed.pt"), whole, rtol=1e-5)


def test_probe_sees_what_features_tell_and_nothing_else():
    rng = np.random.default_rng(0)
    redshift = rng.uniform(0, 0.5, 3000)
    probe = Probe(np.arange(2000), np.arange(2000, 3000), redshift[:2000], redshift[2000:])
    telling = torch.from_numpy(np.stack([redshift, redshift**2], 1))
    assert probe(lambda rows: telling[rows]) > 0.95
    assert probe(lambda rows: torch.randn(len(rows), 2)) < 0.1


def test_nobody_is_their_own_neighbour():
    rng = np.random.default_rng(0)
    features = np.repeat(rng.normal(size=(10, 6)), 2, axis=0) * [1, 1, 1, 1, 1, 1e4]
    queries = np.array([4, 7])
    members = nearest_in(features, queries, 3)
    assert members.shape == (2, 3)
    assert members[:, 0].tolist() == [5, 6]  # the copies
    assert not (members == queries[:, None]).any()


def test_attention_weights_have_mean_one_at_the_places(encoders, pairs):
    model = SpectrumFeatures.load(encoders / "spectrum_encoder.pt").model
    weights = attention_weights(model, pairs.spectra(np.arange(5)), pairs.index.redshift[:5], block=2)
    assert weights.shape == (5, len(PLACES))
    np.testing.assert_allclose(weights.mean(1), 1, rtol=1e-5)


@pytest.mark.parametrize("moving", [True, False])
def test_attention_to_a_line_is_told_from_attention_to_a_place(moving):
    redshift = np.random.default_rng(0).uniform(0.02, 0.3, 800)
    centre = LINES["H alpha"] * (1 + redshift) if moving else np.full(800, 7500.0)
    weights = 1 + 5 * np.exp(-0.5 * ((PLACES - centre[:, None]) / 40) ** 2)
    curves, lines = attention_at_rest(weights, redshift, 0)
    assert curves["rest"].shape == curves["mean"].shape == curves["shuffled"].shape == REST.shape
    assert (lines["H alpha"] > 2) == moving
    assert lines["[O II]"] == pytest.approx(1, abs=0.25)


@pytest.fixture
def published(tmp_path):
    """Files as Stein et al. and Spender publish them, of small networks."""
    torch.manual_seed(1)
    resnet, spectra = ResNet(18, 4), SpectrumEncoder(4, 3, position=False)
    head = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 128))
    state = {f"encoder_q.{name}": value for name, value in resnet.state_dict().items()}
    state |= {f"encoder_q.fc.{name}": value for name, value in head.state_dict().items()}
    torch.save({"state_dict": state, "hyper_parameters": {"softmax_temperature": 0.2}}, tmp_path / "stein.ckpt")
    places = (0, 1, 3, 4, 6, 7, 9)
    model = {f"encoder.{name}": value for name, value in spectra.state_dict().items() if name.startswith("conv")}
    for name, value in spectra.mlp.state_dict().items():
        layer, _, kind = name.partition(".")
        model[f"encoder.mlp.{places[int(layer)]}.{kind}"] = value
    torch.save({"model": model}, tmp_path / "spender.pt")
    return tmp_path, resnet.eval(), spectra


def test_published_weights_take_the_place_of_a_training(published, pairs):
    directory, resnet, spectra = published
    image = dataclasses.replace(
        IMAGE_ENCODER, weights_path=str(directory / "stein.ckpt"), input="rgb", binning=1, field=96
    )
    spectrum = dataclasses.replace(
        SPECTRUM_ENCODER, weights_path=str(directory / "spender.pt"), position=False, normalisation="median"
    )
    metrics = adopt_image_encoder(image, directory)
    adopt_spectrum_encoder(pairs, spectrum, directory)
    assert metrics["image_encoder"]["published"] == {"softmax_temperature": 0.2}
    assert load_checkpoint(directory / "image_encoder.pt")["projection"].keys() == {
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    }

    images = torch.from_numpy(pairs.images(np.arange(3)))
    cut = images[:, 28:124, 28:124].permute(0, 3, 1, 2)
    from astroclip_book.data.stretch import rgb

    frozen = ImageFeatures.load(directory / "image_encoder.pt")
    torch.testing.assert_close(frozen(images), resnet(rgb(cut)), rtol=1e-4, atol=1e-5)

    flux, redshift = torch.from_numpy(pairs.spectra(np.arange(3))), torch.from_numpy(pairs.index.redshift[:3])
    encoder = SpectrumFeatures.load(directory / "spectrum_encoder.pt")
    torch.testing.assert_close(encoder(flux, redshift)[:, :-1], spectra.attend(encoder.model.normalise(flux, redshift)))
    again = encoder.augmented(flux, redshift, torch.Generator().manual_seed(0))
    assert 0 < (again - encoder(flux, redshift)).abs().max() < 1


def test_redshifts_are_asked_for_where_the_normalisation_needs_them(published, pairs):
    directory, *_ = published
    config = dataclasses.replace(
        SPECTRUM_ENCODER, weights_path=str(directory / "spender.pt"), position=False, normalisation="median"
    )
    adopt_spectrum_encoder(pairs, config, directory)
    heads = torch.nn.ModuleDict({"image": torch.nn.Identity(), "spectrum": torch.nn.Identity()})
    model = AstroCLIP(torch.nn.Identity(), SpectrumFeatures.load(directory / "spectrum_encoder.pt"), heads)
    assert model.embed_spectra(pairs.spectra(np.arange(3)), pairs.index.redshift[:3]).shape == (3, 8 + 1)
    with pytest.raises(BookError, match="give the redshifts"):
        model.embed_spectra(pairs.spectra(np.arange(3)))


def test_a_preset_that_describes_another_network_is_corrected(published, pairs):
    directory, *_ = published
    image = dataclasses.replace(IMAGE_ENCODER, weights_path=str(directory / "stein.ckpt"), depth=50, width=64)
    with pytest.raises(BookError, match=r"stein.ckpt holds another network .* set image_encoder's depth: 18, width: 4"):
        adopt_image_encoder(image, directory)
    spectrum = dataclasses.replace(SPECTRUM_ENCODER, weights_path=str(directory / "spender.pt"), n_latent=6)
    with pytest.raises(BookError, match="set spectrum_encoder's n_latent: 3, position: False"):
        adopt_spectrum_encoder(pairs, spectrum, directory)


def test_components_come_from_a_bounded_number_of_objects(monkeypatch, tmp_path):
    monkeypatch.setattr(comparison, "N_COMPONENTS_FROM", 50)
    x, seen = torch.randn(400, 3, 4), []

    def read(rows):
        seen.append(len(rows))
        return x[rows]

    found = join_parts(comparison._components(read, np.arange(0, 400, 2), 400, 5, 0, tmp_path / "pca"), "features")
    assert found.shape == (400, 5)
    assert sum(seen) == 50 + 400
