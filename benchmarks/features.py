"""FLOP/s that frozen features reach with the published networks, as a share of what the device reaches in a product.

ResNet-50 on 96 pixels and Spender at full width run as `features` runs them, clean views from pixels in memory: cutting
out, stretch and normalisation take their time and count for nothing. Work is counted as in the published networks,
2 FLOP for each multiply-add, whatever ours computes in their place; a counter of operations must come within 3 % of it.
"""

import dataclasses

import torch
from _timing import DEVICE, in_turns
from torch.utils.flop_counter import FlopCounterMode

from astroclip_book.data.pairs import IMAGE_SIZE, N_WAVELENGTH
from astroclip_book.models.autoencoder import SpectrumAutoencoder
from astroclip_book.models.encoders import ImageFeatures, SpectrumFeatures
from astroclip_book.models.resnet import ResNet
from astroclip_book.train.loop import autocast
from bookmaking.presets import load_preset

BATCH, SIDE = (512, 8192) if DEVICE == "cuda" else (32, 4096)
HEAD = 2048 * 2048 + 2048 * 128  # multiply-adds of the projection that the features do without
FLOP = {"image": 2 * (0.755e9 - HEAD), "spectrum": 2 * 0.957e9}  # of one object


def networks() -> dict:
    """The modules that make features, with random weights."""
    preset = load_preset("gpu")
    image = dataclasses.replace(preset.image_encoder, input="rgb")
    spectrum = dataclasses.replace(preset.spectrum_encoder, position=False, normalisation="zscore")
    return {
        "image": ImageFeatures(ResNet(image.depth, image.width), image).to(DEVICE),
        "spectrum": SpectrumFeatures(SpectrumAutoencoder(spectrum, torch.ones(N_WAVELENGTH))).to(DEVICE),
    }


def check(name: str, network: torch.nn.Module, pixels: torch.Tensor) -> None:
    """Refuse to time a network of another size.

    Raises
    ------
    AssertionError
        If it takes more than 3 % more or fewer operations than published.
    """
    with FlopCounterMode(display=False) as counter:
        network(pixels)
    counted = counter.get_total_flops() / len(pixels)
    off = counted / FLOP[name] - 1
    assert abs(off) < 0.03, f"The {name} encoder takes {counted / 1e9:.3f} GFLOP, {off:+.1%} of what is published."


def entries():
    """What `make bench` writes."""
    torch.manual_seed(0)
    modules = networks()
    pixels = {
        "image": 0.05 * torch.randn(BATCH, IMAGE_SIZE, IMAGE_SIZE, 3, device=DEVICE),
        "spectrum": torch.randn(BATCH, N_WAVELENGTH, device=DEVICE),
    }
    with torch.inference_mode(), autocast(DEVICE):
        for name, module in modules.items():
            check(name, module, pixels[name][:2])
        kind = torch.get_autocast_dtype(DEVICE) if torch.is_autocast_enabled(DEVICE) else torch.float32
        square = torch.randn(SIDE, SIDE, device=DEVICE).to(kind)
        product = torch.empty_like(square)
        runs = {name: lambda name=name: modules[name](pixels[name]) for name in modules}
        seconds = in_turns({**runs, "product": lambda: torch.mm(square, square, out=product)})
    rates = {name: BATCH * FLOP[name] / seconds[name] / 1e12 for name in modules}
    theirs = 2 * SIDE**3 / seconds["product"] / 1e12
    ours = BATCH * sum(FLOP.values()) / sum(seconds[name] for name in modules) / 1e12
    yield (
        "features_flops_fraction",
        {
            "ratio": ours / theirs,
            "ours": ours,
            "theirs": theirs,
            "unit": "TFLOP/s",
            **{f"{name}_fraction": rate / theirs for name, rate in rates.items()},
            **{f"{name}s_per_second".replace("spectrums", "spectra"): BATCH / seconds[name] for name in modules},
        },
    )
