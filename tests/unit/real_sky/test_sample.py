"""Real pairs from two services, which a stand-in plays: it is busy, slow, broken and refuses; processes are killed."""

import json
import re
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import urllib3
import yaml
from survey_services import Surveys

from astroclip_book.data.pairs import GROUPS
from astroclip_book.errors import BookError
from real_sky import parquet, sample
from real_sky.download import ROOT, download_dataset

N, FAULTS = 24, {"faint": [3, 17], "edge": [5], "dark": [8], "nowhere": [11]}
PAIRS = N - 5
CONSTRAINTS = {"data_release": ["DESI-EDR"], "spectype": ["GALAXY"], "redshift": [0.01, 0.5]}


@pytest.fixture(scope="module")
def started():
    with Surveys(N, **FAULTS) as server:
        yield server


@pytest.fixture
def surveys(started):
    started.plan, started.requests, started.sent, started.watch = [], [], 0, lambda sent: None
    return started


@pytest.fixture
def described(tmp_path, surveys):
    """The path of a description of the sample, with some values changed."""

    def described(**changed) -> str:
        values = yaml.safe_load((ROOT / "datasets" / "sample.yaml").read_text(encoding="utf-8"))
        values |= {"n": PAIRS, "pause": 0, "constraints": CONSTRAINTS, "fields": [{"ra": [149, 151.5], "dec": [1, 3]}]}
        values |= {"spectra": surveys.address("").rstrip("/"), "images": surveys.address("cutout")} | changed
        (tmp_path / "set.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        return str(tmp_path / "set.yaml")

    return described


@pytest.fixture(autouse=True)
def hasty_and_small(monkeypatch):
    monkeypatch.setattr(sample, "TIMEOUT", urllib3.Timeout(connect=10, read=10))
    monkeypatch.setattr(sample, "RETRIES", sample.RETRIES.new(backoff_factor=0.001))
    monkeypatch.setattr(sample, "BATCH", 8)
    monkeypatch.setattr(sample, "SMALLEST", 10)
    monkeypatch.setattr(parquet, "SMALLEST", 10)


def check(output, surveys):
    """That the file holds what the services have."""
    with h5py.File(output) as file:
        there = {name: np.concatenate([file[group][name][:] for group in GROUPS]) for name in file["0"]}
    known = {one["targetid"]: one for one in surveys.galaxies}
    assert len(there["targetids"]) == PAIRS == len(set(there["targetids"]))
    for i, targetid in enumerate(there["targetids"]):
        one = known[targetid]
        seen, flux = np.array(one["ivar"]) > 0, np.array(one["flux"])
        np.testing.assert_array_equal(there["images"][i], one["image"])
        np.testing.assert_array_equal(there["ivar"][i], one["ivar"])
        np.testing.assert_allclose(there["spectra"][i][seen], flux[seen], rtol=1e-6, atol=1e-6)
        assert there["redshifts"][i] == np.float32(one["redshift"]) and (there["spectra"][i] != 0).all()


def test_a_sample_is_what_the_services_have_however_busy_slow_and_broken_they_are(described, surveys, tmp_path, capsys):
    busy, slow = {"status": 429, "headers": {"Retry-After": "1"}}, {"stall": 11}
    surveys.plan = [busy, {"status": 500}, {}, slow, {"drop": 9}, {}]
    surveys.plan += [{"status": 503}] * 5 + [{}, {"drop": 100_000}]
    start = time.monotonic()
    output = download_dataset(described(), tmp_path / "data")["pairs"]
    check(output, surveys)
    requests, failed = len(surveys.requests), 10
    assert requests == 1 + N + 3 + failed and all("astroclip-book" in one["User-Agent"] for one in surveys.requests)
    assert time.monotonic() - start > 1 + 10  # it waited as it was told, and until the timeout
    manifest = json.loads(output.with_suffix(".json").read_text())
    faulty = {39_000_000_000_000_000 + i for numbers in FAULTS.values() for i in numbers}
    assert {int(one) for one in manifest["left_out"]} == faulty
    assert manifest["found"] == N and "none" in manifest["masses"]
    for number, words in ((3, "fainter than 19.5"), (5, "edge of the survey"), (8, "49%"), (11, "404.*no such place")):
        assert re.search(words, manifest["left_out"][str(39_000_000_000_000_000 + number)])
    assert [one["ra"] for one in manifest["pairs"]] == sorted(one["ra"] for one in manifest["pairs"])
    assert download_dataset(described(), tmp_path / "data")["pairs"] == output and len(surveys.requests) == requests
    assert "complete, real pairs" in capsys.readouterr().out


def test_what_stays_broken_is_told_and_what_arrived_is_kept(described, surveys, tmp_path):
    surveys.plan = [{}, {}, {}] + [{"status": 500}] * 100
    with pytest.raises(BookError, match="does not answer .*too many 500.*kept in .*run the same command again"):
        download_dataset(described(), tmp_path)
    surveys.plan, before = [], len(surveys.requests)
    check(download_dataset(described(), tmp_path)["pairs"], surveys)
    assert before == 3 + 18
    assert len(surveys.requests) - before == N - 2 + 3  # neither the list nor the two first images again


@pytest.mark.parametrize("answer, words", [
    ({"status": 400, "body": b'{"errorMessage": "Unknown field"}'}, "refuses find.*400.*Unknown field"),
    ({"status": 200, "body": b"<html>Log in</html>"}, "another form.*Log in"),
    ({"status": 200, "body": b'[{"status": {}}, {"sparcl_id": "uuid-1"}]'}, "another form.*targetid"),
    ({"status": 200, "body": b'[{"status": {}}]'}, "of 0 galaxies 0 became pairs"),
])  # fmt: skip
def test_refusals_are_told(described, surveys, tmp_path, answer, words):
    surveys.plan = [answer]
    with pytest.raises(BookError, match=words):
        download_dataset(described(), tmp_path)


def test_a_description_that_is_wrong_or_asks_for_too_much(described, surveys, tmp_path):
    with pytest.raises(BookError, match="unknown key depth"):
        download_dataset(described(depth=3), tmp_path)
    with pytest.raises(BookError, match="of 24 galaxies 0 became pairs, 10 are needed. r = .*fainter than 10"):
        download_dataset(described(faintest=10), tmp_path)


def test_killed_twice(described, surveys, tmp_path):
    """Its own process, killed when so many bytes are out: it loses one answer, and asks again for what was nowhere."""
    call = f"""
from real_sky import download, parquet, sample
parquet.SMALLEST = sample.SMALLEST = 10
sample.BATCH = 8
download.download_dataset({described()!r}, {str(tmp_path / "data")!r})"""
    kills, codes = [1_500_000, 5_000_000], []

    def kill(sent):
        if kills and sent >= kills[0]:
            kills.pop(0)
            process.kill()

    surveys.watch = kill
    while not codes or codes[-1]:
        process = subprocess.Popen([sys.executable, "-c", call], stderr=subprocess.DEVNULL)
        codes.append(process.wait())
    assert codes == [-signal.SIGKILL] * 2 + [0]
    assert len(surveys.requests) <= 1 + N + 3 + 4  # each process loses an answer, and asks again for what was nowhere
    check(tmp_path / "data" / "sample.h5", surveys)
