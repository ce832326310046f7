"""open_clip's losses as the oracle, in one process and in two.

The package imports torchvision, which the book does without; its module of losses stands alone and is loaded by its path.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
PACKAGE = importlib.util.find_spec("open_clip")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")

pytestmark = pytest.mark.skipif(
    PACKAGE is None, reason="open_clip is not installed: pip install --no-deps open_clip_torch"
)


@pytest.fixture(scope="module", params=["one process", "two processes"])
def results(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("losses") / "result.pt"
    start = (sys.executable,) if request.param == "one process" else TORCHRUN
    command = (*start, HERE / "open_clip_losses.py", Path(PACKAGE.origin).with_name("loss.py"), path)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("info_nce", "ClipLoss"), ("info_nce", "ClipLoss, local"), ("siglip", "SigLipLoss")]
)
def test_loss_and_gradient_are_open_clips(results, ours, theirs):
    ours, theirs = results[ours], results[theirs]
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
    assert theirs["gradient"].norm() > 1e-3
    torch.testing.assert_close(ours["gradient"], theirs["gradient"], rtol=1e-4, atol=1e-7)
