"""Two processes, started by torchrun, do what one does."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import joint_work
import numpy as np
import pytest
import torch
import yaml
from small import Killed, killing
from threadpoolctl import threadpool_limits

from astroclip_book.data.files import read_json
from astroclip_book.errors import BookError
from astroclip_book.train import features, loop
from bookmaking.presets import ROOT, load_preset
from bookmaking.store.run import Run

HERE = Path(__file__).parents[1]
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@contextlib.contextmanager
def one_thread():
    """As the processes of torchrun have: sums are then added up in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def alone(encoders, tmp_path_factory):
    """What one process makes of all."""
    directory = tmp_path_factory.mktemp("alone")
    shutil.copytree(encoders, directory, dirs_exist_ok=True)
    with one_thread():
        joint_work.losses(directory)
        joint_work.features(directory)
    return directory


@pytest.fixture(scope="module")
def together(pairs, encoders, tmp_path_factory):
    """What two processes make, by the command `make` and of what one left when it was killed; and how a job ends when one fails."""
    directory, unfinished = (tmp_path_factory.mktemp(name) for name in ("together", "unfinished"))
    for place in (directory, unfinished):
        shutil.copytree(encoders, place, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch, one_thread(), pytest.raises(Killed):
        patch.setattr(features, "half", killing(features.half, 5))
        joint_work.features(directory)
    preset = yaml.safe_load((ROOT / "presets" / "smoke.yaml").read_text(encoding="utf-8"))
    preset["data"]["pairs_path"] = str(pairs.path)
    for section in ("image_encoder", "spectrum_encoder"):
        preset[section] |= {"width": 4, "epochs": 1, "batch_size": 16}
    (directory / "few.yaml").write_text(yaml.safe_dump(preset), encoding="utf-8")
    make = "make", "features.h5", directory / "few.yaml", "--run-dir", directory / "run", "--device", "cpu"
    command = [*TORCHRUN, HERE / "joint_work.py", directory, unfinished, *make]
    source = Path(loop.__file__).parents[2]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{source}{os.pathsep}{HERE}"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=500)
    return directory, unfinished, result


@pytest.fixture
def joint(alone, together):
    """Losses and gradients of one process and of two."""
    return [torch.load(directory / "losses.pt", weights_only=True) for directory in (alone, together[0])]


@pytest.mark.parametrize("training", ["moco", "spectra"])
def test_two_processes_have_the_loss_and_gradient_of_one_with_the_joint_batch(joint, training):
    one, two = (results[training] for results in joint)
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
    assert one["gradient"].norm() > 1e-3
    assert (two["gradient"] - one["gradient"]).norm() < 1e-4 * one["gradient"].norm()


def test_the_queue_takes_the_keys_of_all_processes(joint):
    one, two = (results["moco"]["queue"] for results in joint)
    torch.testing.assert_close(two, one, rtol=0, atol=1e-5)


def assert_same_features(one, other):
    with h5py.File(one / "features.h5") as expected, h5py.File(other / "features.h5") as found:
        for name in ("image/clean", "image/views", "spectrum/clean", "spectrum/views", "targetid", "split"):
            np.testing.assert_array_equal(expected[name][:], found[name][:], err_msg=name)
        assert np.abs(found["image/views"][:, 0] - found["image/views"][:, 1]).max() > 0.01


def test_features_do_not_depend_on_the_number_of_processes(alone, together):
    assert_same_features(alone, together[0])


def test_a_process_that_fails_ends_the_job_and_one_alone_goes_on_from_there(alone, together):
    _, unfinished, result = together
    assert result.returncode == 1 and "small.Killed" in result.stderr
    assert (unfinished / "block.32.npz").exists() and not (unfinished / "block.96.npz").exists()  # it was to make both
    with one_thread():
        joint_work.features(unfinished)
    assert_same_features(alone, unfinished)


def test_torchrun_makes_features_and_one_process_finds_them_up_to_date(together):
    """The first makes the index while the other waits, and both train."""
    directory, _, result = together
    manifest = read_json(directory / "run" / "manifest.json")
    joint = {name for name, record in manifest.items() if record["processes"] == 2}
    assert joint == {"image_encoder", "spectrum_encoder", "features"}, result.stdout + result.stderr
    assert manifest.keys() - joint == {"index"}
    assert not list((directory / "run" / ".partial").glob("*/key"))
    alone = Run(load_preset(directory / "few.yaml"), directory / "run")
    assert not any(map(alone.problem, manifest))


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    with pytest.raises(BookError, match=r"8 processes .* \d GPUs: give torchrun --nproc-per-node"):
        loop.make_fabric("cuda")


def test_no_two_epochs_processes_or_seeds_draw_the_same(monkeypatch):
    seeds = set()
    for rank in range(4):
        monkeypatch.setenv("RANK", str(rank))
        seeds |= {loop.epoch_seed(seed, epoch) for seed in range(4) for epoch in range(4)}
    assert len(seeds) == 4**3


def test_batches_split_evenly_over_processes(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(BookError, match="alignment.batch_size = 16 must be .* multiple of .* processes, 3"):
        loop.check_batch("alignment", 100, 16)
