"""Pre-training, features and alignment on a small file: what is frozen stays, what is killed goes on."""

import copy
import dataclasses
import shutil

import h5py
import numpy as np
import pytest
import torch
from astropy import units
from small import ALIGNMENT, FEATURES, IMAGE_ENCODER, SPECTRUM_ENCODER, Killed, killing

from astroclip_book.data.pairs import other_seeds
from astroclip_book.errors import BookError
from astroclip_book.evaluate.ablations import other_features
from astroclip_book.model import AstroCLIP
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures, load_checkpoint
from astroclip_book.models.heads import info_nce
from astroclip_book.models.moco import MoCo
from astroclip_book.models.resnet import ResNet
from astroclip_book.train import loop
from astroclip_book.train.features import CachedFeatures, extract_features
from astroclip_book.train.heads import align
from astroclip_book.train.images import leading_components, train_image_encoder
from astroclip_book.train.loop import autocast, make_fabric
from astroclip_book.train.spectra import train_spectrum_encoder


@pytest.fixture(scope="module")
def run(pairs, tmp_path_factory):
    """A directory with every trained file."""
    directory = tmp_path_factory.mktemp("run")
    train_image_encoder(pairs, IMAGE_ENCODER, "cpu", 0, directory)
    (directory / "checkpoint.pt").unlink()
    train_spectrum_encoder(pairs, SPECTRUM_ENCODER, "cpu", 0, directory)
    (directory / "checkpoint.pt").unlink()
    paths = directory / "image_encoder.pt", directory / "spectrum_encoder.pt"
    extract_features(pairs, *paths, FEATURES, "cpu", 0, directory)
    align(directory / "features.h5", ALIGNMENT, "cpu", 0, directory)
    return directory


def weights(path):
    return torch.load(path, weights_only=True)["state"]


def test_trainings_killed_between_epochs_end_with_the_same_weights(pairs, run, tmp_path, monkeypatch):
    trainings = {
        "image_encoder.pt": lambda: train_image_encoder(pairs, IMAGE_ENCODER, "cpu", 0, tmp_path),
        "spectrum_encoder.pt": lambda: train_spectrum_encoder(pairs, SPECTRUM_ENCODER, "cpu", 0, tmp_path),
        "heads.pt": lambda: align(run / "features.h5", ALIGNMENT, "cpu", 0, tmp_path),
    }
    for name, train in trainings.items():
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(loop, "save", killing(loop.save, 1))
            train()
        train()
        (tmp_path / "checkpoint.pt").unlink(missing_ok=True)
        for key, value in weights(run / name).items():
            torch.testing.assert_close(weights(tmp_path / name)[key], value, msg=f"{name}: {key}")
        whole, resumed = (load_checkpoint(place / name)["history"] for place in (run, tmp_path))
        assert whole and resumed.keys() == whole.keys()
        for key, values in whole.items():
            assert resumed[key] == pytest.approx(values, rel=1e-4), f"{name}: {key}"


def test_a_network_is_given_its_inputs_unrounded():
    """A redshift of 0.3 in bfloat16 would be off by up to 0.001."""
    seen = []
    network = torch.nn.Linear(1, 1)
    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    redshift = torch.tensor([[0.3001]])
    with autocast("cpu"):
        make_fabric("cpu").setup(network)(redshift)
    assert seen[0].dtype == torch.float32 and torch.equal(seen[0], redshift)


def test_slurm_does_not_say_how_many_processes_there_are(monkeypatch):
    for name, value in {"JOB_ID": 1, "NTASKS": 4, "PROCID": 0, "LOCALID": 0, "NODELIST": "node1", "NNODES": 1}.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    monkeypatch.setenv("SLURM_JOB_NAME", "book")
    assert make_fabric("cpu").world_size == 1


def test_a_training_that_diverges_is_told(run, tmp_path):
    with pytest.raises(BookError, match="heads, seed 0: the training diverged.*lower its learning rate"):
        align(run / "features.h5", dataclasses.replace(ALIGNMENT, learning_rate=1e36), "cpu", 0, tmp_path)
    losses = [{"validation_loss": loss} for loss in (np.nan, 2.0, np.nan)]
    assert loop.best_epoch(losses, "toy") == 1


def test_the_epoch_with_the_least_validation_loss_is_kept(run):
    history = load_checkpoint(run / "heads.pt")["history"]
    assert history["best_epoch"] == np.argmin(history["validation_loss"])
    assert len(history["validation_loss"]) == ALIGNMENT.epochs
    with h5py.File(run / "embeddings.h5") as file:
        image, spectrum, split = (torch.from_numpy(file[name][:]) for name in ("image", "spectrum", "split"))
    torch.testing.assert_close(image.norm(dim=1), torch.ones(len(image)))
    rows = (split == 1).nonzero()[:, 0]
    starts = np.linspace(0, len(rows) - ALIGNMENT.batch_size, -(-len(rows) // ALIGNMENT.batch_size)).astype(int)
    batches = (rows[start : start + ALIGNMENT.batch_size] for start in starts)
    losses = [info_nce(image[r], spectrum[r], 15.5).item() for r in batches]
    assert np.mean(losses) == pytest.approx(min(history["validation_loss"]), abs=1e-4)


def test_frozen_encoders_stay_bit_equal_buffers_included(run, pairs):
    encoder = ImageFeatures.load(run / "image_encoder.pt")
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder.train()  # what a careless training loop does to everything
    images = torch.from_numpy(pairs.images(np.arange(8)))
    encoder(images).sum()
    encoder(images, torch.Generator().manual_seed(0))
    assert any("running_var" in name for name in before)
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(p.requires_grad for p in encoder.parameters())


def test_components_of_images_are_principal_ones_of_the_training(run, pairs):
    features, rows = ImageFeatures.load(run / "image_encoder.pt"), pairs.index.where("train")
    images = torch.from_numpy(pairs.images(rows))
    with autocast("cpu"):
        components = features(images)[:, :8].numpy()
    np.testing.assert_allclose(components.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(np.cov(components.T), np.diag(components.var(0)), atol=0.1)
    assert (np.diff(components.var(0)) < 0).all() and components.var(0).sum() > 0.5 * 32


def test_more_components_than_there_are(pairs):
    with pytest.raises(BookError, match="leading is 33, and there are 32 at most"):
        leading_components(ResNet(18, 4), pairs, dataclasses.replace(IMAGE_ENCODER, leading=33), "cpu")


def test_the_brightness_of_a_spectrum_is_a_feature_that_no_scale_changes(run, pairs):
    encoder = SpectrumFeatures.load(run / "spectrum_encoder.pt")
    flux = torch.from_numpy(pairs.spectra(np.arange(6)))
    noisy = flux + 3 * flux.std() * torch.randn(flux.shape, generator=torch.Generator().manual_seed(0))
    found, scaled, drowned = (encoder(x)[:, -1] for x in (flux, 1e3 * flux, noisy))
    torch.testing.assert_close(scaled, found, rtol=1e-3, atol=1e-3)
    assert (drowned < found).all()
    assert torch.isfinite(encoder(torch.zeros(1, 7781))).all()
    unknown = encoder(flux[:1].expand(300, -1), torch.Generator().manual_seed(0))[:, -1] == 0
    assert unknown.float().mean() == pytest.approx(1 / 3, abs=0.1)


def test_the_first_view_is_the_clean_one(run):
    cached = CachedFeatures.load(run / "features.h5")
    train = cached.where("train")
    for name in ("image", "spectrum"):
        assert cached.views[name].shape[1] == 1 + FEATURES.views
        assert torch.equal(cached.with_views(slice(1)).views[name][:, 0], cached.clean[name][train])
        assert torch.equal(cached.with_views(slice(1, None)).views[name], cached.views[name][:, 1:])


def test_features_as_earlier_works_made_them(run, pairs):
    cached = CachedFeatures.load(run / "features.h5")
    encoders = run / "image_encoder.pt", run / "spectrum_encoder.pt"

    def other(name):
        return other_features(name, cached, pairs, *encoders, "cpu", 0)

    train, n_latent = cached.where("train"), SPECTRUM_ENCODER.n_latent
    latents = other("latents")
    assert latents.clean["spectrum"].shape == (len(pairs.index), n_latent + 1)
    assert latents.views["spectrum"].shape == (len(train), 1 + FEATURES.views, n_latent + 1)
    assert torch.equal(latents.clean["spectrum"][:, -1], cached.clean["spectrum"][:, -1].float())
    assert torch.equal(other("no_brightness").clean["spectrum"], cached.clean["spectrum"][:, :-1])
    assert torch.equal(other("circles").clean["image"], cached.clean["image"][:, 8:])
    assert other("whole").views["image"].shape == (len(train), 1, 32)
    raw, moving = other("raw"), other("moving")
    assert raw.views["image"].shape == (len(train), 1, cached.clean["image"].shape[1])
    assert not torch.allclose(raw.clean["image"], cached.clean["image"])
    # Batches in training mode, running statistics afterwards.
    assert not torch.allclose(moving.views["image"][:, 0], moving.clean["image"][train], rtol=1e-2)
    assert torch.equal(moving.clean["spectrum"], cached.clean["spectrum"])


def test_front_door_gives_the_embeddings_of_the_run(run, pairs):
    model = AstroCLIP.from_run(run)
    positions = np.arange(10)
    with h5py.File(run / "embeddings.h5") as file:
        image, spectrum = file["image"][:10], file["spectrum"][:10]
    flux = pairs.spectra(positions)
    # The run computes in bfloat16 where that is fast, the front door always in float32.
    assert (model.embed_images(pairs.images(positions)) * image).sum(1).min() > 0.98
    assert (model.embed_spectra(flux) * spectrum).sum(1).min() > 0.98
    np.testing.assert_allclose(model.embed_spectra(flux), model.embed_spectra(37 * flux), atol=1e-3)
    others = other_seeds(run / "embeddings.h5")
    assert [other.image.shape for other in others] == [(len(pairs.index), ALIGNMENT.dimension)]
    assert not np.allclose(others[0].image[:10], image)


def test_front_door_does_not_ask_how_bright_a_spectrum_without_its_level_is(run, pairs, caplog):
    model, flux = AstroCLIP.from_run(run), pairs.spectra(np.arange(10)).astype(float)
    with h5py.File(run / "embeddings.h5") as file:
        usual = file["spectrum"][:10]
    assert (model.embed_spectra(1e-30 * flux) * usual).sum(1).min() > 0.98  # in SI units, whose squares vanish
    assert not caplog.text
    mean, median = flux.mean(axis=1, keepdims=True), np.median(flux, axis=1, keepdims=True)
    first = model.embed_spectra((flux - mean) / flux.std(axis=1, keepdims=True))
    np.testing.assert_allclose(model.embed_spectra(flux - median), first, atol=1e-3)
    assert caplog.text.count("10 of 10 came without their level") == 2
    assert (model.embed_spectra(flux - mean) * first).sum(1).min() > 0.999


def test_front_door_refuses_what_it_cannot_embed(run, pairs):
    model, flux = AstroCLIP.from_run(run), pairs.spectra(np.arange(3))
    for spectra, words in (
        (np.ones((1, 7780)), r"\(1, 7780\): expected \(n, 7781\)"),
        (["a"], "spectra must be an array of numbers"),
        (np.where(np.eye(3, 7781), np.nan, flux), r"3 of 3 spectra have values that are not finite \(rows \[0, 1, 2\]"),
        (np.ma.masked_less(flux, 0), "spectra have masked values: spectra_of_arrays"),
        (flux * units.Jy, "spectra have the unit Jy: spectra_of_arrays"),
    ):
        with pytest.raises(BookError, match=words):
            model.embed_spectra(spectra)
    with pytest.raises(BookError, match="only zeros"):
        model.embed_images(np.zeros((1, 152, 152, 3)))
    with pytest.raises(BookError, match="what read_spectra or read_images return, not ndarray"):
        model.look_up(flux)
    for device in ("mps", "gpu", "cuda:0", None):
        with pytest.raises(BookError, match="device must be"):
            AstroCLIP.from_run(run, device)


@pytest.mark.parametrize("train", [train_image_encoder, train_spectrum_encoder])
def test_too_few_pairs_for_a_batch(train, pairs, tmp_path):
    config = IMAGE_ENCODER if train is train_image_encoder else SPECTRUM_ENCODER
    config = dataclasses.replace(config, batch_size=4096)
    with pytest.raises(BookError, match="batch_size = 4096 must be at most the number of training pairs"):
        train(pairs, config, "cpu", 0, tmp_path)


def test_damaged_checkpoints_are_named(run, tmp_path):
    (tmp_path / "image_encoder.pt").write_bytes((run / "image_encoder.pt").read_bytes()[:5000])
    with pytest.raises(BookError, match=r"image_encoder.pt is missing, damaged, or not a checkpoint of this book"):
        ImageFeatures.load(tmp_path / "image_encoder.pt")
    with pytest.raises(BookError, match="spectrum_encoder.pt is missing"):
        SpectrumFeatures.load(tmp_path / "spectrum_encoder.pt")


@pytest.fixture
def moco():
    torch.manual_seed(0)
    return MoCo(IMAGE_ENCODER, make_fabric("cpu"))


def test_moco_queue_takes_the_newest_keys_and_the_key_network_follows_slowly(moco):
    slow, fast = moco.key["encoder"].conv1.weight, moco.query["encoder"].conv1.weight
    fast.data += 1
    before, old = moco.queue.clone(), slow.clone()
    loss = moco(*torch.randn(2, 16, 3, 32, 32), torch.randperm(16))
    torch.testing.assert_close(slow - old, 0.1 * torch.ones_like(old), rtol=0, atol=1e-6)  # 1 - key_momentum
    assert moco.pointer == 16 and torch.equal(moco.queue[16:], before[16:])
    assert not torch.equal(moco.queue[:16], before[:16])
    loss.backward()
    assert fast.grad is not None and slow.grad is None


def test_moco_loss_against_its_definition(moco):
    query, key = torch.randn(2, 16, 3, 32, 32)
    order, queue = torch.randperm(16), moco.queue.clone()
    expected = copy.deepcopy(moco)
    loss = moco(query, key, order)
    # Batch norm sees halves: queries in the given order, keys in the shuffled one.
    q = torch.cat([MoCo.project(expected.query, query[half]) for half in torch.arange(16).chunk(2)])
    k = torch.empty_like(q)
    for half in order.chunk(2):
        k[half] = MoCo.project(expected.key, key[half])
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.T], 1).double() / IMAGE_ENCODER.temperature
    torch.testing.assert_close(loss.double(), (logits.logsumexp(1) - logits[:, 0]).mean(), rtol=1e-5, atol=0)
    torch.testing.assert_close(moco.queue[:16], k, rtol=1e-4, atol=1e-5)


def test_an_encoder_made_anew_does_not_belong_to_the_heads(run, tmp_path):
    shutil.copytree(run, tmp_path, dirs_exist_ok=True)
    checkpoint = load_checkpoint(run / "image_encoder.pt")
    torch.save({**checkpoint, "history": {}}, tmp_path / "image_encoder.pt")
    with pytest.raises(BookError, match="image_encoder.pt does not belong to heads.pt"):
        AstroCLIP.from_run(tmp_path)


def test_moco_refuses_parts_that_do_not_divide_the_batch_and_a_short_queue():
    for name, value, message in (
        ("norm_groups", 3, "batch_size = 16 a multiple"),
        ("queue_size", 8, "queue_size = 8 no less"),
    ):
        with pytest.raises(BookError, match=message):
            MoCo(dataclasses.replace(IMAGE_ENCODER, **{name: value}), make_fabric("cpu"))
