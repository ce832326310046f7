"""The survey on disk: the same from any number of workers and after a kill, refused when impossible."""

import hashlib
import multiprocessing
import subprocess
import sys
import time

import numpy as np
import pytest
from arrow import read_all
from small import small_survey

from astroclip_book.data import pairs
from astroclip_book.data.catalog import read_catalog
from mock_survey import structure, survey
from mock_survey.images import artefacts

SMALL = small_survey(230, artefact_fraction=0.1)


def digest(directory):
    return hashlib.sha256((directory / "pairs.h5").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("survey")
    metrics = survey.simulate(SMALL, 7, directory, workers=1)
    return directory, metrics


def test_release_layout_and_catalogue(made):
    directory, metrics = made
    assert sorted(path.name for path in directory.iterdir()) == ["catalog.h5", "pairs.h5"]
    with pairs.open_pairs(directory / "pairs.h5") as file:
        assert [len(file[group]["redshifts"]) for group in pairs.GROUPS] == [23] * 10
    there = read_all(directory / "pairs.h5")
    assert np.isfinite(there["images"]).all() and np.isfinite(there["spectra"]).all()
    assert np.unique(there["targetids"]).size == 230
    catalog = read_catalog(directory / "catalog.h5", there["targetids"])
    assert np.allclose(catalog["Z"], there["redshifts"], atol=1e-6)
    assert set(catalog["MORPHOLOGY"]) <= set(structure.MORPHOLOGIES)
    assert set(catalog["ARTEFACT"]) <= set(artefacts.NAMES)
    assert metrics["survey"]["artefacts"] == (catalog["ARTEFACT"] != "none").sum()
    assert np.allclose(catalog["LOG_SSFR"], catalog["LOG_SFR"] - catalog["LOG_MSTAR"])
    for name, low, high in (("Z_MW", 0.001, 0.06), ("TAGE_MW", 0.5, 13), ("INCLINATION", 0, 90), ("VDISP", 5, 500)):
        assert (catalog[name] >= low).all() and (catalog[name] <= high).all()
    for flag in ("SPIRAL", "BAR", "RING", "MERGER", "QUIESCENT"):
        assert catalog[flag].dtype == bool and 0 < catalog[flag].mean() < 1
    assert (np.isfinite(catalog["PITCH"]) == catalog["SPIRAL"]).all()
    assert np.allclose(catalog["MW_TRANSMISSION_R"], 10 ** (-0.866 * catalog["EBV"]))
    assert 1.2 < np.median(catalog["PSFSIZE_R"]) < 1.5 and 0.003 < np.median(catalog["SKY_NOISE_R"]) < 0.006


def test_two_workers_write_the_same(made, tmp_path):
    survey.simulate(SMALL, 7, tmp_path, workers=2)
    assert digest(tmp_path) == digest(made[0])


def test_killed_run_continues(made, monkeypatch, tmp_path):
    def written() -> int:
        marks = tmp_path / "snr.npy"
        return np.count_nonzero(np.load(marks)) if marks.exists() else 0

    process = multiprocessing.get_context("spawn").Process(target=survey.simulate, args=(SMALL, 7, tmp_path, 1))
    process.start()
    deadline = time.monotonic() + 60
    while written() < 100 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    kept = written() // survey.BLOCK
    assert kept and not (tmp_path / "catalog.h5").exists()
    pairs.open_pairs(tmp_path / "pairs.h5").close()  # a valid file all along
    rendered, render = [], survey.render
    monkeypatch.setattr(survey, "render", lambda *job: rendered.append(job) or render(*job))
    survey.simulate(SMALL, 7, tmp_path, workers=1)
    assert len(rendered) == 5 - kept
    assert digest(tmp_path) == digest(made[0])


def test_a_disk_without_room_is_told_in_words(tmp_path):
    simulate = f"""
from pathlib import Path
from bookmaking.presets import load_preset
from mock_survey.survey import simulate
simulate(load_preset("smoke").survey, 0, Path({str(tmp_path)!r}))"""
    small_disk = f'mount -t tmpfs -o size=4m tmpfs {tmp_path} || exit 77; exec {sys.executable} -c "$0"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", small_disk, simulate]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is not installed, which makes a small disk for a test")
    if result.returncode == 77 or result.stderr.startswith("unshare:"):
        pytest.skip(f"this machine lets nobody make a small disk for a test: {result.stderr.strip()}")
    assert result.returncode == 1 and "BookError" in result.stderr  # no signal
    assert "pairs.h5 of 0.0789 GB was not laid out" in result.stderr and "No space left" in result.stderr
