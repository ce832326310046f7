"""ResNet against torchvision's: what that answered (torchvision_outputs.py), and itself where it is installed."""

import json

import numpy as np
import pytest
import torch
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


def test_equals_torchvision_where_it_imports():
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another torch
        pytest.skip(f"torchvision does not import: {error}")
    for depth in torchvision_outputs.DEPTHS:
        theirs, ours = torchvision_outputs.torchvision_network(depth), ResNet(depth, 64)
        ours.load_state_dict(theirs.state_dict())
        images = torchvision_outputs.images()
        for training in (True, False):  # the second sees the statistics that the first left
            found, expected = ours.train(training)(images), theirs.train(training)(images)
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        for name, value in theirs.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def _close(found: list[float], expected: list[float]) -> None:
    """To 1e-4, or 1e-5 of the norm, which comes first: rounding differs between processors."""
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * expected[0])
