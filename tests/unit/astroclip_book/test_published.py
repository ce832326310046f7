"""Published weights, in files of the layouts that Stein et al. and Spender publish, whole, wrong and hostile."""

import argparse
import fractions
import os
import pathlib
import re
import shlex
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from astroclip_book.errors import BookError
from astroclip_book.models.published import load_spender, load_stein
from astroclip_book.models.resnet import ResNet
from astroclip_book.models.spender import SpectrumEncoder

HYPER_PARAMETERS = {
    "base_encoder": "resnet50",
    "emb_dim": 16,
    "num_negatives": 64,
    "encoder_momentum": 0.996,
    "softmax_temperature": 0.2,
    "use_mlp": True,
    "data_dir": None,
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


class Moco(nn.Module):
    """Parameters of Stein et al.'s module, by their names."""

    def __init__(self, depth: int, width: int):
        super().__init__()
        self.encoder_q, self.encoder_k = ResNet(depth, width), ResNet(depth, width)
        n = self.encoder_q.n_features
        for encoder in (self.encoder_q, self.encoder_k):
            encoder(torch.randn(4, 3, 32, 32))  # moves the running statistics
            encoder.fc = nn.Sequential(nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 16))
        for name in ("queue", "val_queue"):
            self.register_buffer(name, torch.randn(16, 64))
            self.register_buffer(f"{name}_ptr", torch.zeros(1, dtype=torch.long))


def lightning(state: dict, hyper_parameters: object = HYPER_PARAMETERS) -> dict:
    """What Lightning puts around a state dict."""
    parameter = nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.SGD([parameter], 0.03, momentum=0.9)
    parameter.sum().backward()
    optimizer.step()
    return {
        "epoch": 49,
        "global_step": 12_345,
        "pytorch-lightning_version": "1.5.10",
        "state_dict": state,
        "callbacks": {"ModelCheckpoint": {"best_model_score": None, "dirpath": "experiments"}},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [{"T_max": 100, "last_epoch": 49}],
        "hparams_name": "kwargs",
        "hyper_parameters": hyper_parameters,
    }


@pytest.fixture
def absent_class(monkeypatch):
    """Makes a class of a module that can be imported while a file is written, and not after."""

    def make(full_name: str, base: type) -> type:
        module_name, name = full_name.rsplit(".", 1)
        parts = module_name.split(".")
        for i in range(1, len(parts) + 1):
            monkeypatch.setitem(sys.modules, ".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
        cls = type(name, (base,), {"__module__": module_name})
        setattr(sys.modules[module_name], name, cls)
        return cls

    return make


@pytest.mark.parametrize(("depth", "width"), [(18, 8), (34, 4), (50, 64)])
def test_stein_round_trip(tmp_path, depth, width):
    source = Moco(depth, width)
    torch.save(lightning(source.state_dict()), tmp_path / "moco.ckpt")
    found = load_stein(tmp_path / "moco.ckpt")
    assert (found["depth"], found["width"]) == (depth, width)
    assert found["hyper_parameters"] == HYPER_PARAMETERS

    encoder = ResNet(depth, width)
    encoder.load_state_dict(found["encoder"])
    n = encoder.n_features
    projection = nn.Sequential(nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 16))
    projection.load_state_dict(found["projection"])
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        features, expected = encoder.eval()(images), source.encoder_q.eval()(images)
        assert torch.equal(features, expected)
        assert not torch.equal(features, source.encoder_k.eval()(images))
        assert torch.equal(projection(features), source.encoder_q.fc(expected))


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "lightning.pytorch.utilities.parsing.AttributeDict",
        "lightning_fabric.utilities.data.AttributeDict",
    ],
)
def test_stein_with_dictionaries_of_lightning(tmp_path, monkeypatch, absent_class, name):
    checkpoint = lightning(Moco(18, 4).state_dict(), absent_class(name, dict)(HYPER_PARAMETERS))
    callback = absent_class("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint", object)
    checkpoint["callbacks"] = {callback: {"best_model_score": np.float64(0.5)}}  # as older versions do
    torch.save(checkpoint, tmp_path / "moco.ckpt")
    monkeypatch.undo()
    parameters = load_stein(tmp_path / "moco.ckpt")["hyper_parameters"]
    assert type(parameters) is dict and parameters == HYPER_PARAMETERS


def test_stein_with_other_kinds_of_hyper_parameters(tmp_path):
    state = Moco(18, 4).state_dict()
    path = tmp_path / "moco.ckpt"
    torch.save(lightning(state, argparse.Namespace(emb_dim=16, place=pathlib.Path("/data"), crop=np.arange(3))), path)
    assert load_stein(path)["hyper_parameters"] == {"emb_dim": 16}
    torch.save({"state_dict": state}, path)
    assert load_stein(path)["hyper_parameters"] == {}


class PublishedMlp(nn.Sequential):
    """Spender's: an empty layer after each activation, also the last, which is empty itself."""

    def __init__(self, n_in: int, n_latent: int):
        layers, sizes = [], (n_in, 128, 64, 32, n_latent)
        for i in range(4):
            activation = nn.PReLU(sizes[i + 1]) if i < 3 else nn.Identity()
            layers += [nn.Linear(sizes[i], sizes[i + 1]), activation, nn.Identity()]
        super().__init__(*layers)


def spender_model(width: int = 128, n_latent: int = 6, redshift: bool = False) -> tuple[nn.Module, nn.Module, dict]:
    """An encoder, the MLP that follows it, and both in a state dict of Spender's names."""
    encoder, mlp = SpectrumEncoder(width, n_latent, position=False), PublishedMlp(2 * width + redshift, n_latent)
    for module in (*encoder.modules(), *mlp.modules()):
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.1, 0.4)
    state = {f"encoder.{name}": value.data for name, value in encoder.named_parameters() if name.startswith("conv")}
    state |= {f"encoder.mlp.{name}": value.data for name, value in mlp.named_parameters()}
    state |= {
        "encoder.instrument.wave_obs": torch.linspace(3600, 9824, 7781),
        "encoder.instrument.skyline_mask": torch.zeros(7781, dtype=torch.bool),
        "decoder.wave_rest": torch.linspace(2000, 9824, 9780),
        "decoder.mlp.0.weight": torch.randn(64, n_latent),
    }
    return encoder, mlp, state


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("redshift", [True, False])
def test_spender_round_trip(tmp_path, wrapped, listed, redshift):
    source, mlp, state = spender_model(redshift=redshift)
    if wrapped:
        state = {name.replace("encoder.mlp.", "encoder.mlp.mlp."): value for name, value in state.items()}
    model = [state, {"lsf.weight": torch.ones(1)}] if listed else state
    torch.save({"model": model, "losses": np.zeros((2, 5, 3))}, tmp_path / "spender.pt")

    found = load_spender(tmp_path / "spender.pt")
    assert (found["width"], found["n_latent"]) == (128, 6)
    encoder = SpectrumEncoder(128, 6, position=False)
    encoder.load_state_dict(found["encoder"])
    missing, unexpected = SpectrumEncoder(128, 6, position=True).load_state_dict(found["encoder"], strict=False)
    assert not unexpected and all(name.startswith("position") for name in missing)
    with torch.no_grad():
        spectra = torch.randn(1, 7781)
        features, expected = encoder.attend(spectra), source.attend(spectra)
        assert torch.equal(features, expected)
        if not redshift:
            assert torch.equal(encoder.mlp(features), mlp(expected))
        else:
            torch.testing.assert_close(encoder.mlp(features), mlp(torch.nn.functional.pad(expected, (0, 1))))


def test_loading_draws_no_random_numbers(tmp_path):
    torch.save(lightning(Moco(18, 4).state_dict()), tmp_path / "moco.ckpt")
    torch.save({"model": spender_model(4, 3)[2]}, tmp_path / "spender.pt")
    before = torch.get_rng_state()
    load_stein(tmp_path / "moco.ckpt"), load_spender(tmp_path / "spender.pt")
    assert torch.equal(torch.get_rng_state(), before)


LOADERS = pytest.mark.parametrize("load", [load_stein, load_spender])


def refusal(load, path, message: str) -> str:
    """The one error that names the file."""
    with pytest.raises(BookError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@LOADERS
def test_missing_file(tmp_path, load):
    refusal(load, tmp_path / "none.ckpt", "does not exist: download")


@LOADERS
def test_truncated_file_and_other_files(tmp_path, load):
    path = tmp_path / "cut.ckpt"
    torch.save(lightning(Moco(18, 4).state_dict()), path)
    path.write_bytes(path.read_bytes()[:-5000])
    refusal(load, path, "truncated")
    for content in (b"", b"<html>404</html>", b"PK\x03\x04" + bytes(100)):
        path.write_bytes(content)
        refusal(load, path, "truncated, or no file of torch.save")
    torch.save(torch.zeros(3), path)
    refusal(load, path, "holds Tensor, not a dictionary")


def test_files_of_another_network(tmp_path):
    moco, spender, other = tmp_path / "moco.ckpt", tmp_path / "spender.pt", tmp_path / "other.pt"
    torch.save(lightning(Moco(18, 4).state_dict()), moco)
    torch.save({"model": spender_model(4, 3)[2]}, spender)
    refusal(load_stein, spender, r"no weights encoder_q\.\*, so it is not a MoCo checkpoint")
    refusal(load_spender, moco, r"no weights encoder\.\*, so it is not a model of Spender")
    torch.save({"model": {"encoder.layer1.weight": torch.zeros(3)}}, other)
    refusal(load_spender, other, r"holds no encoder\.conv1\.\*")
    torch.save({"state_dict": {"encoder_q.conv1.weight": "none"}}, other)
    refusal(load_stein, other, "no weights encoder_q")


def deeper(state):
    """ResNet-152 in its third stage."""
    block = {name: value for name, value in state.items() if name.startswith("encoder_q.layer3.1.")}
    return state | {name.replace(".1.", f".{i}.", 1): value for i in range(6, 36) for name, value in block.items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (deeper, r"another architecture, 3 \+ 4 \+ 36 \+ 3 bottleneck blocks: take weights of a ResNet-18"),
        (
            lambda state: state | {f"encoder_q.attention.{i}": torch.zeros(1) for i in range(9)},
            r"\(unexpected (encoder_q\.attention\.\d, ){3}encoder_q\.attention\.3 and 5 more\)",
        ),
        (
            lambda state: {name: value for name, value in state.items() if name != "encoder_q.layer2.0.bn1.bias"},
            r"missing encoder_q\.layer2\.0\.bn1\.bias",
        ),
        (
            lambda state: {name.replace("fc.2.", "fc."): x for name, x in state.items() if ".fc.0." not in name},
            r"unexpected encoder_q\.fc\.bias, encoder_q\.fc\.weight; missing encoder_q\.fc\.0\.bias",
        ),
        (lambda state: state | {"encoder_q.conv1.weight": torch.zeros(4, 5, 7, 7)}, "bands in the wrong number, 5"),
        (
            lambda state: state | {"encoder_q.conv1.weight": torch.zeros(4, 3, 3, 3)},
            r"encoder_q\.conv1\.weight has shape \(4, 3, 3, 3\), not \(4, 3, 7, 7\)",
        ),
        (lambda state: state | {"encoder_q.fc.2.weight": torch.zeros(16, 7)}, r"fc\.2\.weight has shape \(16, 7\)"),
    ],
)
def test_stein_of_another_architecture(tmp_path, change, message):
    torch.save(lightning(change(dict(Moco(50, 4).state_dict()))), tmp_path / "moco.ckpt")
    refusal(load_stein, tmp_path / "moco.ckpt", message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder.conv2.0.weight": torch.zeros(8, 4, 9)}, r"conv2\.0\.weight has shape \(8, 4, 9\), not \(8, 4, 11\)"),
        ({"encoder.conv1.0.weight": torch.zeros(())}, r"encoder\.conv1\.0\.weight has shape \(\), not \(4, 1, 5\)"),
        ({"encoder.mlp.0.weight": torch.zeros(128, 10)}, r"mlp\.0\.weight has shape \(128, 10\), not \(128, 8\)"),
        ({"encoder.mlp.12.weight": torch.zeros(3)}, r"unexpected encoder\.mlp\.12\.weight"),
        ({"encoder.conv4.0.weight": torch.zeros(3)}, r"unexpected encoder\.conv4\.0\.weight"),
        ({"encoder.mlp.9.bias": None}, r"missing encoder\.mlp\.9\.bias"),
    ],
)
def test_spender_of_another_architecture(tmp_path, change, message):
    torch.save({"model": spender_model(4, 3)[2] | change}, tmp_path / "spender.pt")
    refusal(load_spender, tmp_path / "spender.pt", message)


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@LOADERS
def test_code_in_a_file_is_not_executed(tmp_path, load):
    path, proof = tmp_path / "attack.ckpt", tmp_path / "executed"
    state = Moco(18, 4).state_dict()
    torch.save(lightning(state, Attack(proof)) | {"model": spender_model(4, 3)[2]}, path)
    assert "os" in refusal(load, path, r"not opened, since it would execute code \((posix|nt)\.mkdir\)")
    torch.save(Attack(proof), path, _use_new_zipfile_serialization=False)
    refusal(load, path, "no file of torch.save")
    assert not proof.exists()
    torch.load(path, weights_only=False)
    assert proof.exists()  # the attack is one


@LOADERS
def test_a_refusal_says_how_to_keep_the_weights(tmp_path, load):
    path = tmp_path / "it's.ckpt"
    extra = {"model": spender_model(4, 3)[2], "aspect": fractions.Fraction(1, 2)}
    torch.save(lightning(Moco(18, 4).state_dict()) | extra, path)
    message = refusal(load, path, r"execute code \(fractions\.Fraction\): where you trust it")
    *_, code = shlex.split(re.search("python -c .*", message)[0])
    exec(code)  # noqa: S102
    assert load(f"{path}.weights")["width"] == 4


@LOADERS
def test_more_than_weights_behind_a_harmless_name(tmp_path, monkeypatch, absent_class, load):
    path = tmp_path / "odd.ckpt"
    odd = absent_class("lightning.odd.Odd", list)([1, 2])  # to be filled as a list, which its stand-in is not
    torch.save(lightning(Moco(18, 4).state_dict(), odd), path)
    monkeypatch.undo()
    refusal(load, path, "is damaged, or holds more than weights")
