"""Downloads from a server that drops, refuses, lies and changes, by processes that are killed."""

import hashlib
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import h5py
import pytest
import yaml
from range_server import RangeServer, random_bytes

from astroclip_book.data.files import lock
from astroclip_book.errors import BookError
from real_sky.downloads import fetch
from real_sky.downloads.download import download_dataset
from real_sky.downloads.sources import load_dataset, trusted

NAME = "weights.pt"


def weights(n: int = 300_000, seed: int = 0) -> bytes:
    """A zip archive of about n bytes, as torch.save writes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("archive/data/0"), random_bytes(n, seed))
    return file.getvalue()


@pytest.fixture
def server():
    with RangeServer(weights()) as server:
        yield server


@pytest.fixture
def waits(monkeypatch):
    """Seconds that would have been waited between attempts."""
    waits = []
    monkeypatch.setattr(fetch, "time", SimpleNamespace(sleep=waits.append))
    return waits


@pytest.fixture
def get(tmp_path, server, waits):
    """Download the server's file, described as in datasets/ but for some values."""

    def get(**values) -> bytes:
        source = {"file": NAME, "what": "weights", "format": "torch", "gigabytes": 0.001, "sha256": None,
                  "addresses": [server.address()], "by_hand": None}  # fmt: skip
        dataset = tmp_path / "set.yaml"
        dataset.write_text(yaml.safe_dump({"weights": source | values}))
        return download_dataset(str(dataset), tmp_path / "data")["weights"].read_bytes()

    get.path = tmp_path / "data" / NAME
    get.record = tmp_path / "data" / f"{NAME}.json"
    return get


def ranges(server) -> list[str | None]:
    return [request.get("Range") for request in server.requests]


def parts(get) -> list[str]:
    return [path.name for path in (get.path.parent / ".partial").glob("*.part")]


def refused(get, match: str, **values) -> str:
    """The message; nothing stands under the final name."""
    with pytest.raises(BookError, match=match) as caught:
        get(**values)
    assert not get.path.exists() and not get.record.exists()
    return str(caught.value)


def test_a_file_is_downloaded_once_and_its_checksum_recorded(get, server, capsys):
    assert get() == server.body
    record = json.loads(get.record.read_text())
    assert record["sha256"] == hashlib.sha256(server.body).hexdigest() and record["address"] == server.address()
    assert parts(get) == []
    assert get() == server.body and len(server.requests) == 1
    assert "weights" in capsys.readouterr().out


def test_dropped_connections_are_resumed_by_range(get, server, waits):
    random.seed(0)
    server.plan = [{"drop": random.randrange(70_000, 100_000)} for _ in range(3)]
    assert get() == server.body
    assert len(server.requests) == 4 and all(ranges(server)[1:])
    assert server.sent < len(server.body) + 3 * fetch.CHUNK  # a chunk is lost with its connection
    assert server.requests[1]["If-Range"] == server.etag and server.requests[0]["Accept-Encoding"] == "identity"
    assert waits == [1, 1, 1]


def test_an_interrupted_download_goes_on_at_the_next_call(get, server, monkeypatch):
    server.plan = [{"drop": 200_000}]
    monkeypatch.setattr(fetch, "time", SimpleNamespace(sleep=lambda _: signal.raise_signal(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        get()
    assert not get.path.exists() and len(parts(get)) == 1
    assert get() == server.body and ranges(server)[1].startswith("bytes=")


def test_a_server_without_ranges_begins_anew(get, server):
    server.plan = [{"drop": 200_000}, {"ranges": False}]
    assert get() == server.body
    assert ranges(server)[1] is not None


def test_a_server_without_ranges_that_drops_always_is_given_up(get, server, waits):
    server.plan = [{"drop": 200_000, "ranges": False}] * 20
    refused(get, "without a new byte")
    assert waits == [1, 2, 4, 8, 16, 30]


@pytest.mark.parametrize("trusting", [False, True])
def test_versions_are_not_stitched(get, server, trusting):
    """Whether the server heeds the If-Range, or we see the other version ourselves."""
    before, after = weights(seed=1), weights(seed=2)
    server.change(before)
    server.plan = [{"drop": 200_000}, {"trusting": trusting}]
    server.watch = lambda sent: server.change(after) if sent >= 200_000 and server.body is before else None
    assert get() == after


@pytest.mark.parametrize("headers", [{"ETag": None}, {"ETag": 'W/"weak"'}])
def test_the_date_names_a_version_where_a_strong_tag_is_missing(get, server, headers):
    server.plan = [{"drop": 200_000, "headers": headers}, {"headers": headers}]
    assert get() == server.body
    assert server.requests[1]["If-Range"].startswith("Mon, 01 Jan 2024") and ranges(server)[1]


def test_a_file_without_any_version_begins_anew(get, server):
    server.plan = [{"drop": 200_000, "headers": {"ETag": None, "Last-Modified": None}}]
    assert get() == server.body
    assert ranges(server) == [None, None]


def test_a_range_that_begins_elsewhere_is_not_appended(get, server):
    length = len(server.body)
    server.plan = [{"drop": 200_000}, {"headers": {"Content-Range": f"bytes 0-{length - 1}/{length}"}}]
    assert get() == server.body and ranges(server)[2] is None


def test_a_part_that_is_complete_needs_no_server(get, server, tmp_path):
    """Killed before the rename."""
    part = fetch.Part(tmp_path / "data" / ".partial", NAME, server.address())
    part.path.parent.mkdir(parents=True)
    part.begin({"size": len(server.body), "ETag": server.etag, "Last-Modified": None})
    part.path.write_bytes(server.body)
    assert get() == server.body and server.requests == []


@pytest.mark.parametrize("too_long", [0, 1000])
def test_a_part_longer_than_the_file_begins_anew(get, server, tmp_path, too_long):
    """Known to us, or by the server's 416."""
    part = fetch.Part(tmp_path / "data" / ".partial", NAME, server.address())
    part.path.parent.mkdir(parents=True)
    part.begin({"size": len(server.body) + too_long, "ETag": server.etag, "Last-Modified": None})
    part.path.write_bytes(server.body + b"x")
    assert get() == server.body
    assert len(server.requests) == (2 if too_long else 1)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_what_is_not_there_is_asked_for_once(get, server, status):
    server.plan = [{"status": status, "body": b"nothing"}]
    message = refused(get, f"answers {status}", by_hand="Ask the authors.")
    assert server.address() in message and "Ask the authors. Put the file there" in message and str(get.path) in message
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again(get, server, waits):
    server.plan = [{"status": 503}, {"status": 429}, {"status": 500}]
    assert get() == server.body and waits == [2, 4, 8]


def test_an_address_that_nothing_answers_at_is_soon_given_up(get, server, waits):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}/x"
        assert get(addresses=[gone, server.address()]) == server.body and waits == [2, 4]
        get.path.unlink()
        get.record.unlink()
        refused(get, r"connection failed \(\[Errno \d+\] Connection refused\)", addresses=[gone])


def test_a_server_that_falls_silent_is_asked_again(get, server, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", (1, 0.1))
    server.plan = [{"stall": 0.3}]
    assert get() == server.body and len(server.requests) == 2


def test_mirrors_are_tried_in_turn(get, server):
    server.plan = [{"status": 404}]
    first, second = server.address("first"), server.address("second")
    assert get(addresses=[first, second]) == server.body
    assert json.loads(get.record.read_text())["address"] == second


def test_a_mirror_begins_its_own_part(get, server):
    """Two servers may have two versions."""
    server.plan = [{"drop": 200_000}, {"status": 404}]
    assert get(addresses=[server.address("first"), server.address("second")]) == server.body
    assert ranges(server)[2] is None and parts(get) == []


def test_a_body_shorter_than_announced_is_not_taken(get, server):
    length = len(server.body)
    server.plan = [{"headers": {"Content-Length": str(length + 1000)}}] * 10
    refused(get, "attempts without a new byte")
    assert len(server.requests) < 10


@pytest.mark.parametrize("kind", ["torch", "hdf5"])
def test_a_file_cut_short_by_a_wrong_length_is_seen(get, server, tmp_path, kind):
    if kind == "hdf5":
        with h5py.File(tmp_path / "whole.h5", "w") as file:
            file["x"] = list(range(100_000))
        server.change((tmp_path / "whole.h5").read_bytes())
    server.plan = [{"headers": {"Content-Length": str(len(server.body) - 1000)}}]
    refused(get, "is no whole", format=kind)
    assert parts(get) == [] and get(format=kind) == server.body


@pytest.mark.parametrize("headers, match", [
    ({"Content-Length": None, "Connection": "close"}, "how long"), ({"Content-Length": "-1"}, "how long"),
    ({"Content-Encoding": "gzip"}, "compresses"),
])  # fmt: skip
def test_answers_whose_end_cannot_be_checked_are_refused(get, server, headers, match):
    server.plan = [{"headers": headers, "drop": 1000}]
    refused(get, match if "Content-Encoding" not in headers else "compresses|gzip")


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_not_taken_for_the_file_and_costs_no_part(get, server, kind):
    page = {"body": b"\n<!DOCTYPE html><html>Log in</html>", "headers": {"Content-Type": kind}, "ranges": False}
    server.plan = [{"drop": 200_000}, page]
    refused(get, "web page", format="hdf5")
    assert len(parts(get)) == 1
    assert get() == server.body and ranges(server)[2] is not None


def test_another_kind_of_file_is_not_taken(get, server):
    refused(get, r"is no whole HDF5 file .*begins with 'PK", format="hdf5")


def test_a_body_that_is_not_the_published_one_is_not_taken(get, server):
    right = server.body
    server.plan = [{"body": weights(seed=3)}]
    refused(get, "SHA-256", sha256=hashlib.sha256(right).hexdigest())
    assert parts(get) == [] and get(sha256=hashlib.sha256(right).hexdigest()[:8]) == right


def test_a_corrupted_mirror_is_passed_over(get, server):
    right = server.body
    server.plan = [{"body": weights(seed=3)}]
    addresses = [server.address("first"), server.address("second")]
    assert get(sha256=hashlib.sha256(right).hexdigest(), addresses=addresses) == right


def test_a_second_download_has_to_be_the_first(get, server):
    get()
    get.path.unlink()
    server.change(weights(seed=3))
    with pytest.raises(BookError, match="when it was first downloaded .* delete .*json"):
        get()
    assert not get.path.exists()
    get.record.unlink()
    assert get() == server.body


def test_a_file_is_hashed_again_only_when_it_changed(get, server, monkeypatch):
    body = get()
    monkeypatch.setattr("real_sky.downloads.integrity._sha256", lambda *_: pytest.fail("hashed"))
    assert get() == body
    monkeypatch.undo()
    os.utime(get.path)
    assert get() == body
    get.path.write_bytes(body[:-1] + b"x")
    with pytest.raises(BookError, match="no whole file|SHA-256"):
        get()
    assert get.path.exists() and len(server.requests) == 1  # a person's to delete


def test_what_needs_a_hand_is_told_first_and_verified_then(get, server, capsys):
    message = refused(get, "needs a hand: Log in", addresses=[], by_hand="Log in, take trained_model/x.")
    assert message in capsys.readouterr().out
    get.path.write_bytes(server.body[:1000])
    with pytest.raises(BookError, match="no whole file of torch.save"):
        get(addresses=[])
    get.path.write_bytes(server.body)
    assert get(addresses=[]) == server.body and get.record.exists()


def test_space_is_checked_before_anything_is_fetched(get, server, monkeypatch):
    with pytest.raises(BookError, match=r"needs 1,000,000.0 GB more in .*GB are free.*--data-dir"):
        get(gigabytes=1e6)
    assert server.requests == []
    usage = fetch.shutil.disk_usage(get.path.parent)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    refused(get, "weights.pt needs 0.0 GB more", gigabytes=0)  # by what the server announces


def test_two_calls_at_a_time(get, server):
    with lock(get.path.parent / ".partial" / f"{NAME}.lock"):
        refused(get, "Another process is downloading")
    assert get() == server.body


def test_a_place_that_cannot_be_written_to(get, tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(BookError, match="cannot be made or written to"):
        get()


@pytest.mark.parametrize("target", ["http://example.invalid/x", "file:///etc/passwd", "ftp://example.invalid/x"])
def test_redirects_do_not_leave_https(get, server, target):
    server.plan = [{"status": 302, "headers": {"Location": target}}]
    refused(get, "not https://")


def test_a_redirect_keeps_the_name(get, server):
    server.plan = [{"status": 302, "headers": {"Location": server.address("../../elsewhere.sh"),
                                               "Content-Disposition": "attachment; filename=/tmp/x"}}]  # fmt: skip
    assert get() == server.body


@pytest.mark.parametrize("values, match", [
    ({"file": "../weights.pt"}, "plain name"), ({"file": "/etc/passwd"}, "plain name"), ({"file": ".hidden"}, "plain name"),
    ({"addresses": ["http://example.org/x"]}, "not https"), ({"addresses": ["file:///x"]}, "not https"),
    ({"sha256": "nonsense"}, "hexadecimal"), ({"format": "pickle"}, "format must be one of"), ({"extra": 1}, "unknown key extra"),
])  # fmt: skip
def test_a_description_that_is_wrong(get, values, match):
    refused(get, match, **values)


def test_the_books_data_sets():
    sources = load_dataset("desi")
    assert set(sources) == {"pairs", "catalog", "image_encoder", "spectrum_encoder"}
    assert all(source.addresses or source.by_hand for source in sources.values())
    with pytest.raises(BookError, match="Use one of: desi"):
        load_dataset("sdss")
    assert not trusted("http://localhost.example.org/x") and trusted("http://localhost:8000/x")


def test_the_command(server, tmp_path):
    source = {"file": NAME, "what": "weights", "format": "torch", "gigabytes": 0.001, "sha256": None,
              "addresses": [server.address()], "by_hand": None}  # fmt: skip
    (tmp_path / "set.yaml").write_text(
        yaml.safe_dump({"weights": source, "more": source | {"file": "b.pt", "addresses": []}})
    )
    command = [sys.executable, "-m", "bookmaking", "data", tmp_path / "set.yaml", "--data-dir", tmp_path / "data"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "Error: " in result.stderr and "b.pt (weights) needs a hand" in result.stderr
    assert (tmp_path / "data" / NAME).read_bytes() == server.body and "weights.pt: complete" in result.stdout


def test_killed_ten_times_at_random(tmp_path):
    """Its own process, killed when so many bytes are out."""
    body = weights(2**26)
    generator = random.Random(0)
    kills = sorted(generator.sample(range(2**21, len(body), 2**16), 10))
    with RangeServer(body) as server:
        source = {"file": NAME, "what": "weights", "format": "torch", "gigabytes": 0.1, "sha256": None,
                  "addresses": [server.address()], "by_hand": None}  # fmt: skip
        (tmp_path / "set.yaml").write_text(yaml.safe_dump({"weights": source}))
        call = f"from real_sky.downloads.download import download_dataset as d; d({str(tmp_path / 'set.yaml')!r}, {str(tmp_path)!r})"

        def kill(sent):
            if kills and sent >= kills[0]:
                kills.pop(0)
                server.watch = lambda sent: None  # once a process
                process.kill()

        codes = []
        while not codes or codes[-1]:
            process = subprocess.Popen(
                [sys.executable, "-c", call], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            server.watch = kill
            codes.append(process.wait())
    assert codes == [-signal.SIGKILL] * 10 + [0]
    assert (tmp_path / NAME).read_bytes() == body
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["sha256"] == hashlib.sha256(body).hexdigest()
    assert server.sent < 1.2 * len(body)
