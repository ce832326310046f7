"""Published weights, in files of the published layouts, through the chapters of the encoders in the place of a training."""

import json
import shutil

import nbformat
import pytest
import torch
from test_notebooks import alone

from astroclip_book.presets import ROOT, load_preset
from astroclip_book.resnet import ResNet
from astroclip_book.spender import SpectrumEncoder

PRESET = load_preset("smoke")
LAYERS = (0, 1, 3, 4, 6, 7, 9)  # with parameters, in Spender's MLP


def stein(path):
    network = ResNet(PRESET.image_encoder.depth, PRESET.image_encoder.width)
    n = network.n_features
    network.fc = torch.nn.Sequential(torch.nn.Linear(n, n), torch.nn.ReLU(), torch.nn.Linear(n, 128))
    torch.save({"state_dict": {f"encoder_q.{name}": value for name, value in network.state_dict().items()}}, path)
    return f'-p image_encoder_weights_path "{path}"', "-p input rgb"


def spender(path):
    encoder = SpectrumEncoder(PRESET.spectrum_encoder.width, PRESET.spectrum_encoder.n_latent, position=False)
    model = {f"encoder.{name}": value for name, value in encoder.state_dict().items() if name.startswith("conv")}
    for name, value in encoder.mlp.state_dict().items():
        layer, _, kind = name.partition(".")
        model[f"encoder.mlp.{LAYERS[int(layer)]}.{kind}"] = value
    torch.save({"model": model}, path)
    return f'-p spectrum_encoder_weights_path "{path}"', "-p position False", "-p normalisation median"


@pytest.mark.parametrize(
    ("chapter", "write", "figures"), [("02_image_encoder", stein, 3), ("03_spectrum_encoder", spender, 3)]
)
def test_chapters_say_what_was_not_trained_and_show_the_rest(chapter, write, figures, book, tmp_path):
    run = tmp_path / "run"  # a copy: steps are made again with other parameters
    shutil.copytree(book.run, run)
    given = write(tmp_path / "published.pt")
    result = alone(
        ROOT / "notebooks" / f"{chapter}.md", tmp_path / "executed.ipynb", "-p preset smoke", f'-p run_dir "{run}"', "-p device cpu", *given
    )
    assert result.returncode == 0, result.stderr
    outputs = str([cell.get("outputs") for cell in nbformat.read(tmp_path / "executed.ipynb", as_version=4).cells])
    assert "the weights are those of `published.pt`" in outputs
    assert outputs.count("image/png") == figures
    frozen = json.loads((run / "metrics.json").read_text())[f"{chapter[3:]}"]["frozen"]
    assert frozen["redshift"]["n"] > 0
