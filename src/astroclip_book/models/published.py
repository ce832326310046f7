"""Published weights in the place of a training, read without executing anything that their files carry.

Images: MoCo v2 of Stein et al. (2022, https://doi.org/10.3847/1538-4357/ac6d63), checkpoints of PyTorch Lightning,
https://github.com/georgestein/ssl-legacysurvey. Spectra: Spender (Melchior et al. 2023,
https://doi.org/10.3847/1538-3881/ace0ff), https://github.com/pmelchior/spender, such as ``desi_edr_galaxy``.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from astroclip_book.config import ImageEncoder, SpectrumEncoder
from astroclip_book.data.pairs import Pairs
from astroclip_book.errors import BookError
from astroclip_book.models.autoencoder import SpectrumAutoencoder, noise_shape
from astroclip_book.models.resnet import ResNet
from astroclip_book.train.images import leading_components
from astroclip_book.train.loop import finish

# What may lie beside weights: losses, paths, options, the states of callbacks. None of it is imported or called.
BYSTANDERS = ("numpy.", "pathlib.", "argparse.", "pytorch_lightning.", "lightning.", "lightning_fabric.")
SPENDER_MLP = dict(zip("0134679", "0123456", strict=True))  # an empty layer follows each activation


def adopt_image_encoder(pairs: Pairs, config: ImageEncoder, directory: Path) -> dict:
    """Write ``directory/image_encoder.pt`` from the checkpoint that the preset names, as `loop.finish` does.

    In its ``state_dict``, ``encoder_q.*`` is a ResNet with torchvision's names, whose classifier ``fc`` is the projection head.
    Its leading components are found from the pairs. BookError if the file is damaged, needs code to be executed, or holds
    another network than the preset describes.
    """
    weights = _read(config.weights_path, "state_dict", "encoder_q.")
    encoder = ResNet(config.depth, config.width)
    _load(encoder, {name: x for name, x in weights.items() if not name.startswith("fc.")}, config.weights_path)
    leading = leading_components(encoder.eval(), pairs, config, "cpu")
    return finish("image_encoder", config, encoder, [], directory, leading=leading)


def adopt_spectrum_encoder(pairs: Pairs, config: SpectrumEncoder, directory: Path) -> dict:
    """Write ``directory/spectrum_encoder.pt`` from the model that the preset names: ``model``, of a list of them the first.

    Its encoder alone: this book's decoder is another. The noise of the pairs is measured, for augmented views. BookError as above.
    """
    weights = {}
    for name, value in _read(config.weights_path, "model", "encoder.").items():
        block, *rest = name.replace("mlp.mlp.", "mlp.", 1).split(".")  # wrapped once more in older versions
        if block == "mlp":
            rest[0] = SPENDER_MLP.get(rest[0], rest[0] + "?")
        if block != "instrument":
            weights[".".join([block, *rest])] = value
    model = SpectrumAutoencoder(config, noise_shape(pairs, pairs.index.where("train")))
    first = weights.get("mlp.0.weight")
    if first is not None and first.ndim == 2 and first.shape[1] == model.encoder.n_features + 1:
        weights["mlp.0.weight"] = first[:, :-1].contiguous()  # the last was the redshift, which Spender ignores by now
    _load(model.encoder, weights, config.weights_path)
    return finish("spectrum_encoder", config, model, [], directory)


class _Inert:
    """Stands for an object whose class is not imported."""

    def __init__(self, *args): ...

    def __setstate__(self, state): ...


def _read(path: str, key: str, prefix: str) -> dict[str, torch.Tensor]:
    """Weights of this prefix, in what ``torch.save`` wrote: `BYSTANDERS` become inert, anything else but weights is refused."""
    foreign = []
    try:
        called = get_unsafe_globals_in_checkpoint(path)
        foreign = [name for name in called if not name.startswith(BYSTANDERS)]
        # Lightning's dictionary becomes one that the unpickler fills; it refuses to fill subclasses of dict.
        kinds = [OrderedDict if name.endswith(".AttributeDict") else _Inert for name in called]
        with safe_globals([both for both in zip(kinds, called, strict=True) if both[1] not in foreign]):
            file = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        why = f"would execute code ({', '.join(foreign)})" if foreign else f"is damaged ({type(error).__name__})"
        raise BookError(
            f"{path} is not opened: it {why}. Download it again; where you trust it, keep its weights alone: torch.save({{name: "
            "value for name, value in torch.load(path, weights_only=False).items() if name in ('state_dict', 'model')}, other)."
        ) from error
    state = file.get(key) if isinstance(file, dict) else None
    state = state[0] if isinstance(state, (list, tuple)) and state else state
    items = state.items() if isinstance(state, dict) else ()
    weights = {name.removeprefix(prefix): value for name, value in items if str(name).startswith(prefix)}
    if not weights:
        raise BookError(f"{path} holds no weights {prefix}*: give the file as it was published.")
    return weights


def _load(network: nn.Module, weights: dict, path: str) -> None:
    try:
        network.load_state_dict(weights)
    except (RuntimeError, AttributeError) as error:
        what = " ".join(str(error).split())[:400]
        raise BookError(f"{path} holds another network than the preset describes: mend that. {what}") from error
