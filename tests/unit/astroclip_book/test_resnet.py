"""ResNet against torchvision's: what that answered is kept by torchvision_outputs.py."""

import json

import numpy as np
import pytest
import torchvision_outputs

from astroclip_book.models.resnet import ResNet


@pytest.mark.parametrize("depth", torchvision_outputs.DEPTHS)
def test_names_outputs_and_statistics_are_torchvisions(depth):
    expected = json.loads(torchvision_outputs.FILE.read_text())[str(depth)]
    found = torchvision_outputs.record(ResNet(depth, 64))
    for key in ("tensors", "layout", "batches"):
        assert found[key] == expected[key]
    for key in ("evaluation", "training"):
        for ours, theirs in zip(found[key], expected[key], strict=True):
            _close(ours, theirs)
    assert found["statistics"].keys() == expected["statistics"].keys()
    for name, theirs in expected["statistics"].items():
        _close(found["statistics"][name], theirs)


def _close(found: list[float], expected: list[float]) -> None:
    """To 1e-4, or 1e-5 of the norm, which comes first: rounding differs between processors."""
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * expected[0])
