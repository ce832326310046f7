"""Two processes, started by torchrun, do what one does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from astroclip_book import engine
from astroclip_book.errors import BookError
from astroclip_book.pipeline import STEPS
from astroclip_book.storage import read_json, write_json

HERE = Path(__file__).parent
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def run(*command) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def joint(tmp_path_factory):
    """Results of one process and of two."""
    directory = tmp_path_factory.mktemp("joint")
    run(sys.executable, HERE / "joint_losses.py", directory / "one.pt")
    run(*TORCHRUN, HERE / "joint_losses.py", directory / "two.pt")
    return [torch.load(directory / name, weights_only=True) for name in ("one.pt", "two.pt")]


@pytest.mark.parametrize("training", ["info_nce", "siglip", "moco", "spectra"])
def test_two_processes_have_the_loss_and_gradient_of_one_with_the_joint_batch(joint, training):
    one, two = (results[training] for results in joint)
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
    assert one["gradient"].norm() > 1e-3
    assert (two["gradient"] - one["gradient"]).norm() < 1e-4 * one["gradient"].norm()


def test_the_queue_takes_the_keys_of_all_processes(joint):
    one, two = (results["moco"]["queue"] for results in joint)
    torch.testing.assert_close(two, one, rtol=0, atol=1e-5)


def test_torchrun_makes_every_step_and_one_process_finds_them_up_to_date(book, tmp_path):
    """Those that processes share and one that the first makes while the others wait; the rest is there, of the book."""
    shutil.copytree(book.run, tmp_path, dirs_exist_ok=True)
    missing = {name for name, step in STEPS.items() if step.parallel} | {"similarity"}
    write_json(tmp_path / "manifest.json", {k: v for k, v in read_json(tmp_path / "manifest.json").items() if k not in missing})
    steps = ("-m", "astroclip_book", "steps", "smoke", "--run-dir", tmp_path, "--device", "cpu")
    run(*TORCHRUN, *steps)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {name: record["processes"] for name, record in manifest.items() if record["processes"] > 1} == dict.fromkeys(
        ("image_encoder", "spectrum_encoder", "image_comparison", "spectrum_comparison", "alignment", "ablations"), 2
    )
    assert not list((tmp_path / ".partial").glob("*/key"))
    again = run(sys.executable, *steps).stdout.splitlines()
    assert sorted(again) == sorted(f"{name}: up to date" for name in manifest)


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    with pytest.raises(BookError, match=rf"8 processes .* {torch.cuda.device_count()} GPUs: give torchrun --nproc-per-node"):
        engine.make_fabric("cuda")


def test_batches_split_evenly_over_processes(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(BookError, match="alignment.batch_size = 16 does not split evenly over 3 processes"):
        engine.check_batch("alignment", 100, 16)
