"""Spectra per second through the published spectrum encoder, against the package `spender` with the same weights.

Ours runs as the book runs it, in bfloat16 where the processor or GPU has it fast; spender's runs as its users run it,
in float32. What it would do in bfloat16, and ours in float32, stands beside it in the file. Before anything is timed,
both must agree. Training is the way forward and back to the weights, without an optimiser.
"""

import copy
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import torch
import torch.nn.functional as F
from _timing import DEVICE, rates
from torch import nn

from astroclip_book.data.pairs import N_WAVELENGTH
from astroclip_book.models.spender import SpectrumEncoder
from astroclip_book.train.loop import autocast

BATCH = 256 if DEVICE == "cuda" else 16
N_LATENT = 6


def spectra(n: int) -> torch.Tensor:
    """Noise around smooth curves, each of mean 0 and variance 1, (n, 7781)."""
    smooth = F.interpolate(torch.randn(n, 1, 20), N_WAVELENGTH, mode="linear")[:, 0]
    flux = smooth + 0.5 * torch.randn(n, N_WAVELENGTH)
    return (flux - flux.mean(1, keepdim=True)) / flux.std(1, keepdim=True)


def with_weights_of(theirs: nn.Module) -> SpectrumEncoder:
    """Our network with spender's weights."""
    ours = SpectrumEncoder(128, N_LATENT, position=False)
    with torch.no_grad():
        for mine, published in zip(ours.parameters(), theirs.parameters(), strict=True):  # in the same order in both
            mine.copy_(published)
    return ours


def check(ours: nn.Module, theirs: nn.Module, x: torch.Tensor, autocast: Callable) -> None:
    """Refuse to time networks that do not compute the same.

    Raises
    ------
    AssertionError
        If ours in float32 is off by more than 1e-5 of spender's in float64, or in the precision of the book by more
        than three times what that costs spender's own network.
    """
    truth = copy.deepcopy(theirs).double()(x.double())
    off = ((ours(x) - truth).abs().max() / truth.abs().max()).item()
    assert off < 1e-5, f"Our spectrum encoder is off by {off:.1e} from spender's in float32."

    def lost(network: nn.Module) -> float:
        with autocast():
            found = copy.deepcopy(network).to(DEVICE)(x.to(DEVICE))
        return ((found.double().cpu() - truth).norm() / truth.norm()).item()

    mine, published = lost(ours), lost(theirs)
    assert mine < max(3 * published, 1e-5), f"bfloat16 costs our encoder {mine:.1e}, spender's {published:.1e}."


def entries():
    """What `make bench` writes."""
    try:
        from spender import SpectrumEncoder as Spender
        from spender.data.desi import DESI
    except ImportError as error:
        print(f"spectrum_encoder_* left out: spender cannot be imported ({error}); pip install -e '.[test]' brings it.")
        return
    torch.manual_seed(0)
    theirs = Spender(DESI(), N_LATENT)
    ours = with_weights_of(theirs)
    fast = partial(autocast, DEVICE)
    with torch.no_grad():
        check(ours, theirs, spectra(8), fast)
    x = spectra(BATCH).to(DEVICE)
    ours, theirs = ours.to(DEVICE), theirs.to(DEVICE)

    def forward(network: nn.Module, precision: Callable) -> torch.Tensor:
        with precision():
            return network(x)

    def seen(network: nn.Module, precision: Callable) -> torch.Tensor:
        with torch.no_grad():
            return forward(network, precision)

    def learned(network: nn.Module, precision: Callable) -> None:
        network.zero_grad()
        forward(network, precision).float().square().mean().backward()

    runs = {"ours": (ours, fast), "theirs": (theirs, nullcontext)}
    with fast():
        if torch.is_autocast_enabled(DEVICE):
            runs |= {"ours_float32": (ours, nullcontext), "theirs_bf16": (theirs, fast)}
    for name, way in (("forward", seen), ("train", learned)):
        timed = {label: partial(way, *run) for label, run in runs.items()}
        yield f"spectrum_encoder_{name}", rates(timed, BATCH, "spectra")
