"""The published weights of the two encoders, read without executing anything that their files carry.

Images: MoCo v2 of Stein et al. (2022, https://doi.org/10.3847/1538-4357/ac6d63), checkpoints of PyTorch Lightning,
https://github.com/georgestein/ssl-legacysurvey. Spectra: Spender (Melchior et al. 2023,
https://doi.org/10.3847/1538-3881/ace0ff), https://github.com/pmelchior/spender.
"""

from __future__ import annotations

import shlex
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from astroclip_book.errors import BookError
from astroclip_book.models.resnet import BLOCKS, ResNet
from astroclip_book.models.spender import SpectrumEncoder

# What may lie beside weights: losses, paths, options, the states of callbacks. None of it is imported or called.
BYSTANDERS = ("numpy.", "pathlib.", "argparse.", "pytorch_lightning.", "lightning.", "lightning_fabric.")
SPENDER_MLP = (0, 1, 3, 4, 6, 7, 9)  # its layers with parameters; an empty one follows each activation
SHOWN = 4  # names in a message


def load_stein(path: Path) -> dict:
    """The query encoder of a checkpoint of Stein et al.

    Parameters
    ----------
    path : Path
        With ``state_dict``, in it ``encoder_q.*``: a ResNet with torchvision's names, its classifier ``fc`` replaced by
        the projection head, linear, ReLU, linear.

    Returns
    -------
    dict
        ``depth`` (18, 34 or 50) and ``width`` of the `ResNet`; ``encoder``, its state dict; ``projection``, that of
        the head, an ``nn.Sequential`` whose layers 0 and 2 are linear; ``hyper_parameters``, those of the training that
        are numbers, strings, booleans or None.

    Raises
    ------
    BookError
        If the file is missing or damaged, needs code to be executed, or holds another network.
    """
    file = _read(path, "state_dict")
    weights = _with_prefix(path, file.get("state_dict"), "encoder_q.", "a MoCo checkpoint of Stein et al.")
    depth = _depth(path, weights)
    fc = {f"fc.{layer}.{kind}" for layer in (0, 2) for kind in ("weight", "bias")}
    _check_names(path, weights, _shapes(_blank(ResNet, depth, 1)).keys() | fc, "encoder_q.")

    bands = tuple(weights["conv1.weight"].shape[1:2])
    if bands != (3,):
        raise BookError(
            f"{path} is for images with bands in the wrong number, {bands[0] if bands else 'none'} where this book has"
            " 3 (g, r, z): take the weights of a network for three bands."
        )
    width, n_out = weights["bn1.weight"].numel(), weights["fc.2.bias"].numel()
    network = _blank(ResNet, depth, width)
    n = network.n_features
    head = {"fc.0.weight": (n, n), "fc.0.bias": (n,), "fc.2.weight": (n_out, n), "fc.2.bias": (n_out,)}
    _check_shapes(path, weights, _shapes(network) | head, "encoder_q.")
    return {
        "depth": depth,
        "width": width,
        "encoder": {name: value for name, value in weights.items() if name not in fc},
        "projection": {name.removeprefix("fc."): weights[name] for name in sorted(fc)},
        "hyper_parameters": _simple(file.get("hyper_parameters")),
    }


def load_spender(path: Path) -> dict:
    """The encoder of a Spender model, such as ``desi_edr_galaxy`` (spender.desi-edr.galaxyae-b9bc8d12.pt).

    Parameters
    ----------
    path : Path
        With ``model``, a state dict or a list of them, of which the first counts, as in Spender.

    Returns
    -------
    dict
        ``width`` and ``n_latent`` of the `SpectrumEncoder`, 128 and 6 in that model; ``encoder``, its state dict when
        it is made with ``position=False``, as Spender has no positional encoding.

    Raises
    ------
    BookError
        If the file is missing or damaged, needs code to be executed, or holds another network.
    """
    model = _read(path, "model").get("model")
    if isinstance(model, (list, tuple)) and model:
        model = model[0]
    weights = _with_prefix(path, model, "encoder.", "a model of Spender")
    weights = {
        name.replace("mlp.mlp.", "mlp.", 1): value  # the MLP was wrapped once more in older versions
        for name, value in weights.items()
        if not name.startswith("instrument.")
    }
    ours = {_spender_name(name): name for name in _spender_shapes(1, 1)}
    if not any(name.startswith("conv1.") for name in weights):
        raise BookError(f"{path} holds no encoder.conv1.*, so it is no model of Spender: give the file as published.")
    _check_names(path, weights, ours.keys(), "encoder.")

    width, n_latent = weights["conv1.0.bias"].numel(), weights["mlp.9.bias"].numel()
    shapes = {_spender_name(name): shape for name, shape in _spender_shapes(width, n_latent).items()}
    n_out, n_in = shapes["mlp.0.weight"]
    if weights["mlp.0.weight"].shape == (n_out, n_in + 1):  # the last was the redshift, which Spender ignores by now
        weights["mlp.0.weight"] = weights["mlp.0.weight"][:, :-1].contiguous()
    _check_shapes(path, weights, shapes, "encoder.")
    return {"width": width, "n_latent": n_latent, "encoder": {ours[name]: value for name, value in weights.items()}}


class _Bystander:
    """Stands for an object whose class is not imported: keeps what it is given, does nothing."""

    state = None

    def __init__(self, *args):
        pass

    def __setstate__(self, state):
        self.state = state


def _read(path: Path, section: str) -> dict:
    """What ``torch.save`` wrote, `BYSTANDERS` replaced by inert objects, anything else but weights refused."""
    path = Path(path)
    if not path.is_file():
        raise BookError(f"{path} does not exist: download the published weights, and give the place of the file.")
    resave = (
        f"import torch; torch.save({{{section!r}: torch.load({str(path)!r}, weights_only=False)[{section!r}]}},"
        f" {str(path) + '.weights'!r})"
    )
    remedy = f"where you trust it, keep its weights alone and use that file:\npython -c {shlex.quote(resave)}"
    try:
        called = sorted(get_unsafe_globals_in_checkpoint(path))
    except Exception as error:  # torch raises many kinds for a damaged file
        kind = type(error).__name__
        raise BookError(f"{path} is truncated, or no file of torch.save ({kind}): download it again.") from error
    foreign = [name for name in called if not name.startswith(BYSTANDERS)]
    if foreign:
        raise BookError(f"{path} is not opened, since it would execute code ({_few(foreign)}): {remedy}")
    try:
        with safe_globals([(_stand_in(name), name) for name in called]):
            file = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise BookError(
            f"{path} is damaged, or holds more than weights ({type(error).__name__}): download it again, or, {remedy}"
        ) from error
    if not isinstance(file, dict):
        kind = type(file).__name__
        raise BookError(f"{path} holds {kind}, not a dictionary with {section!r}: give the file as published.")
    return file


def _stand_in(name: str) -> type:
    # Lightning's dictionary becomes one that the unpickler fills; it refuses to fill subclasses of dict.
    return OrderedDict if name.endswith(".AttributeDict") else _Bystander


def _simple(parameters: object) -> dict:
    if isinstance(parameters, _Bystander):  # argparse.Namespace
        parameters = parameters.state
    items = parameters.items() if isinstance(parameters, dict) else ()
    return {name: value for name, value in items if value is None or isinstance(value, (bool, int, float, str))}


def _with_prefix(path: Path, state: object, prefix: str, what: str) -> dict[str, torch.Tensor]:
    items = state.items() if isinstance(state, dict) else ()
    weights = {
        name.removeprefix(prefix): value
        for name, value in items
        if isinstance(name, str) and name.startswith(prefix) and isinstance(value, torch.Tensor)
    }
    if not weights:
        raise BookError(f"{path} holds no weights {prefix}*, so it is not {what}: give the file as published.")
    return weights


def _depth(path: Path, weights: dict[str, torch.Tensor]) -> int:
    """Which ResNet has these blocks."""
    stages = [{name.split(".")[1] for name in weights if name.startswith(f"layer{stage}.")} for stage in (1, 2, 3, 4)]
    blocks, bottleneck = tuple(map(len, stages)), "layer1.0.conv3.weight" in weights
    for depth, counts in BLOCKS.items():
        if blocks == counts and bottleneck == (depth >= 50):
            return depth
    kind, counts = "bottleneck" if bottleneck else "basic", " + ".join(map(str, blocks))
    raise BookError(
        f"{path} holds another architecture, {counts} {kind} blocks:"
        f" take weights of a ResNet-{', ResNet-'.join(map(str, BLOCKS))}."
    )


def _blank(network: type[nn.Module], *sizes: int | bool) -> nn.Module:
    with torch.device("meta"):  # no memory, and no random numbers drawn
        return network(*sizes)


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def _spender_shapes(width: int, n_latent: int) -> dict[str, tuple[int, ...]]:
    """In our names."""
    return _shapes(_blank(SpectrumEncoder, width, n_latent, False))


def _spender_name(ours: str) -> str:
    block, layer, kind = ours.split(".")
    return f"mlp.{SPENDER_MLP[int(layer)]}.{kind}" if block == "mlp" else ours


def _check_names(path: Path, found: dict[str, torch.Tensor], expected: set[str], prefix: str) -> None:
    wrong = [
        f"{what} {_few(sorted(prefix + name for name in names))}"
        for what, names in (("unexpected", found.keys() - expected), ("missing", expected - found.keys()))
        if names
    ]
    if wrong:
        raise BookError(f"{path} holds another architecture ({'; '.join(wrong)}): give the file as published.")


def _check_shapes(path: Path, found: dict[str, torch.Tensor], expected: dict[str, tuple], prefix: str) -> None:
    for name, shape in expected.items():
        if found[name].shape != shape:
            raise BookError(
                f"{path} holds another architecture ({prefix}{name} has shape {tuple(found[name].shape)}, not {shape}):"
                " give the file as published."
            )


def _few(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
