"""Published weights in the place of a training: files of the layouts that Stein et al. and Spender publish, wrong and hostile ones."""

import dataclasses
import os
import pathlib
import sys
import types

import numpy as np
import pytest
import torch
from small import IMAGE_ENCODER, SPECTRUM_ENCODER
from torch import nn

from astroclip_book.data.views import rgb
from astroclip_book.errors import BookError
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.models.published import adopt_image_encoder, adopt_spectrum_encoder
from astroclip_book.models.resnet import ResNet
from astroclip_book.models.spender import SpectrumEncoder

OPTIONS = {"base_encoder": "resnet18", "emb_dim": 16, "softmax_temperature": 0.2, "use_mlp": True, "data_dir": None}
IMAGE = dataclasses.replace(IMAGE_ENCODER, input="rgb", binning=1, field=96)
SPECTRUM = dataclasses.replace(SPECTRUM_ENCODER, position=False, normalisation="zscore")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def moco(depth=18) -> nn.ModuleDict:
    """Parameters of Stein et al.'s module, by their names."""
    module = nn.ModuleDict()
    for name in ("encoder_q", "encoder_k"):
        encoder = ResNet(depth, IMAGE.width)
        encoder(torch.randn(4, 3, 32, 32))  # moves the running statistics
        n = encoder.n_features
        encoder.fc = nn.Sequential(nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 16))
        module[name] = encoder
    return module


def lightning(state: dict, options: object = OPTIONS) -> dict:
    """What Lightning puts around a state dict."""
    return {
        "epoch": 49,
        "pytorch-lightning_version": "1.5.10",
        "state_dict": state,
        "callbacks": {"ModelCheckpoint": {"best_model_score": np.float64(0.5), "dirpath": pathlib.Path("experiments")}},
        "lr_schedulers": [{"T_max": 100, "last_epoch": 49}],
        "hyper_parameters": options,
    }


def spender(redshift=False) -> tuple[SpectrumEncoder, dict]:
    """An encoder, and its state dict by Spender's names."""
    encoder = SpectrumEncoder(SPECTRUM.width, SPECTRUM.n_latent, position=False)
    state = {f"encoder.{name}": value for name, value in encoder.state_dict().items() if name.startswith("conv")}
    for name, value in encoder.mlp.state_dict().items():
        layer, _, kind = name.partition(".")
        state[f"encoder.mlp.{(0, 1, 3, 4, 6, 7, 9)[int(layer)]}.{kind}"] = value
    if redshift:
        state["encoder.mlp.0.weight"] = nn.functional.pad(state["encoder.mlp.0.weight"], (0, 1), value=3.0)
    others = {"encoder.instrument.wave_obs": torch.zeros(7781), "decoder.mlp.0.weight": torch.zeros(64, 3)}
    return encoder, state | others


def images_of(file: object, directory, pairs, config=IMAGE):
    torch.save(file, directory / "moco.ckpt")
    adopt_image_encoder(pairs, dataclasses.replace(config, weights_path=str(directory / "moco.ckpt")), directory)
    return ImageFeatures.load(directory / "image_encoder.pt")


def spectra_of(file: object, directory, pairs, config=SPECTRUM):
    torch.save(file, directory / "spender.pt")
    adopt_spectrum_encoder(pairs, dataclasses.replace(config, weights_path=str(directory / "spender.pt")), directory)
    return SpectrumFeatures.load(directory / "spectrum_encoder.pt")


@pytest.mark.parametrize("depth", [18, 50])  # of the two kinds of blocks
def test_images_are_encoded_by_the_query_network_of_stein(depth, pairs, tmp_path):
    source, images = moco(depth).eval(), torch.from_numpy(pairs.images(np.arange(3)))
    config = dataclasses.replace(IMAGE, depth=depth)
    found = images_of(lightning(source.state_dict()), tmp_path, pairs, config).encoder
    cut = rgb(images[:, 28:124, 28:124].permute(0, 3, 1, 2))
    source["encoder_q"].fc = nn.Identity()
    torch.testing.assert_close(found(cut), source["encoder_q"](cut), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found(cut), source["encoder_k"](cut), rtol=1e-2)


@pytest.mark.parametrize("module", ["pytorch_lightning.utilities.parsing", "lightning_fabric.utilities.data"])
def test_classes_of_lightning_are_not_needed(tmp_path, pairs, monkeypatch, module):
    for i in range(1, 4):
        name = ".".join(module.split(".")[:i])
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules[module].AttributeDict = type("AttributeDict", (dict,), {"__module__": module})
    checkpoint = lightning(moco().state_dict(), sys.modules[module].AttributeDict(OPTIONS))
    torch.save(checkpoint, tmp_path / "file")
    monkeypatch.undo()
    (tmp_path / "file").rename(tmp_path / "moco.ckpt")
    adopt_image_encoder(pairs, dataclasses.replace(IMAGE, weights_path=str(tmp_path / "moco.ckpt")), tmp_path)
    assert ImageFeatures.load(tmp_path / "image_encoder.pt").encoder.n_features == 32


def test_older_files_of_spender_are_read(pairs, tmp_path):
    """A list, with wrapped names and a network that is given the redshift; tests/peers reads what Spender writes today."""
    source, state = spender(redshift=True)
    state = {name.replace("encoder.mlp.", "encoder.mlp.mlp."): value for name, value in state.items()}
    file = {"model": [state, {"lsf.weight": torch.ones(1)}], "losses": np.zeros((2, 5, 3))}
    found = spectra_of(file, tmp_path, pairs)
    flux = torch.from_numpy(pairs.spectra(np.arange(3)))
    x = found.model.normalise(flux)
    torch.testing.assert_close(found(flux)[:, :-1], source.attend(x))
    torch.testing.assert_close(found.model.encoder(x), source(x))
    again = found(flux, torch.Generator().manual_seed(0))
    assert 0 < (again - found(flux))[:, :-1].abs().max() < 1


def test_damaged_files_and_other_files_are_named(tmp_path, pairs):
    config = dataclasses.replace(IMAGE, weights_path=str(tmp_path / "moco.ckpt"))
    torch.save(lightning(moco().state_dict()), tmp_path / "moco.ckpt")
    whole = (tmp_path / "moco.ckpt").read_bytes()
    for content in (whole[:-5000], b"", b"<html>404</html>", b"PK\x03\x04" + bytes(100)):
        (tmp_path / "moco.ckpt").write_bytes(content)
        with pytest.raises(BookError, match=r"moco.ckpt is not opened: it is damaged"):
            adopt_image_encoder(pairs, config, tmp_path)
    for content in (torch.zeros(3), {"model": {}}, {"state_dict": {"encoder.weight": torch.zeros(3)}}):
        with pytest.raises(BookError, match=r"moco.ckpt holds no weights encoder_q\.\*"):
            images_of(content, tmp_path, pairs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_q.attention": torch.zeros(1)}, r'Unexpected key\(s\) in state_dict: "attention"'),
        ({"encoder_q.conv1.weight": torch.zeros(4, 5, 7, 7)}, r"conv1\.weight.*\[4, 5, 7, 7\].*\[4, 3, 7, 7\]"),
        ({"encoder.conv2.0.weight": torch.zeros(8, 4, 9)}, r"conv2\.0\.weight.*\[8, 4, 9\].*\[8, 4, 11\]"),
        ({"encoder.mlp.12.weight": torch.zeros(3)}, r"Unexpected key.*mlp\.12\?\.weight"),
    ],
)
def test_another_architecture(tmp_path, pairs, change, message):
    with pytest.raises(BookError, match=r"\.(ckpt|pt) holds another network than the preset describes.*" + message):
        if "encoder_q" in next(iter(change)):
            images_of(lightning(moco().state_dict() | change), tmp_path, pairs)
        else:
            spectra_of({"model": spender()[1] | change}, tmp_path, pairs)


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_is_not_executed(tmp_path, pairs):
    proof = tmp_path / "executed"
    with pytest.raises(BookError, match=r"would execute code \((posix|nt)\.mkdir\).*weights_only=False"):
        images_of(lightning(moco().state_dict(), Attack(proof)), tmp_path, pairs)
    assert not proof.exists()
    torch.save(Attack(proof), tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    with pytest.raises(BookError, match="old.ckpt is not opened"):
        adopt_image_encoder(pairs, dataclasses.replace(IMAGE, weights_path=str(tmp_path / "old.ckpt")), tmp_path)
    assert not proof.exists()
    torch.load(tmp_path / "moco.ckpt", weights_only=False)
    assert proof.exists()  # the attack is one
