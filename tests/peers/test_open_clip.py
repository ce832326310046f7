"""open_clip's losses as the oracle.

The package imports torchvision, which the book does without; its module of losses stands alone and is loaded by its path.
"""

import importlib.util
from pathlib import Path

import pytest
import torch

from astroclip_book.models.heads import info_nce, siglip

PACKAGE = importlib.util.find_spec("open_clip")
SCALE, BIAS = torch.tensor(15.5), torch.tensor(-4.0)

pytestmark = pytest.mark.skipif(
    PACKAGE is None, reason="open_clip is not installed: pip install --no-deps open_clip_torch"
)


@pytest.fixture(scope="module")
def theirs():
    spec = importlib.util.spec_from_file_location("open_clip_loss", Path(PACKAGE.origin).with_name("loss.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("ours", "name", "given"), [(info_nce, "ClipLoss", (SCALE,)), (siglip, "SigLipLoss", (SCALE, BIAS))]
)
def test_loss_and_gradient_are_open_clips(theirs, ours, name, given):
    torch.manual_seed(0)
    pairs = torch.nn.functional.normalize(torch.randn(2, 16, 12), dim=-1).requires_grad_()
    losses = [loss(*pairs, *given) for loss in (ours, getattr(theirs, name)())]
    gradients = [torch.autograd.grad(loss, pairs)[0] for loss in losses]
    torch.testing.assert_close(*losses, rtol=1e-5, atol=0)
    assert gradients[1].norm() > 1e-3
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-7)
