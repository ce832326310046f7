"""Downloads from a server that drops, refuses, lies and changes, by processes that are killed."""

import hashlib
import random
import re
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from range_server import RangeServer, random_bytes

from astroclip_book.data.files import lock
from astroclip_book.errors import BookError
from real_sky import download
from real_sky.download import download_dataset, load_dataset

BODY, OTHER = (b"PK\x03\x04" + random_bytes(299_996, seed) for seed in (0, 1))  # as torch writes files


@pytest.fixture
def server():
    with RangeServer(BODY) as server:
        yield server


@pytest.fixture
def waits(monkeypatch):
    """Seconds that would have been waited between attempts."""
    waits = []
    monkeypatch.setattr(download, "time", SimpleNamespace(sleep=waits.append))
    return waits


def write_set(directory, server, **values):
    source = {"file": "weights.pt", "what": "weights", "sha256": None, "addresses": [server.address()], "by_hand": ""}
    (directory / "set.yaml").write_text(yaml.safe_dump({"weights": source | values}), encoding="utf-8")
    return str(directory / "set.yaml")


@pytest.fixture
def get(tmp_path, server, waits):
    """Download the server's file, described as in datasets/ but for some values."""

    def get(**values) -> bytes:
        return download_dataset(write_set(tmp_path, server, **values), tmp_path / "data")["weights"].read_bytes()

    get.path = tmp_path / "data" / "weights.pt"
    return get


def ranges(server) -> list[str | None]:
    return [request.get("Range") for request in server.requests]


def refused(get, match: str, **values):
    """A message; nothing stands under the final name."""
    with pytest.raises(BookError, match=match):
        get(**values)
    assert not get.path.exists()


def test_a_file_is_downloaded_once(get, server, capsys):
    assert get() == BODY == get() and len(server.requests) == 1
    assert "complete, weights" in capsys.readouterr().out
    assert [path.suffix for path in get.path.parent.iterdir() if path != get.path] == [".lock"]


def test_dropped_connections_are_resumed_by_range(get, server):
    server.plan = [{"drop": drop} for drop in (70_000, 80_000, 90_000)]
    assert get() == BODY
    assert len(server.requests) == 4 and all(ranges(server)[1:])
    assert server.sent < len(BODY) + 3 * download.CHUNK  # a chunk is lost with its connection
    assert server.requests[1]["If-Range"] == server.etag and server.requests[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("headers", [{"ETag": None}, {"ETag": 'W/"weak"'}])
def test_the_date_names_a_version_where_a_strong_tag_is_missing(get, server, headers):
    server.plan = [{"drop": 200_000, "headers": headers}, {"headers": headers}]
    assert get() == BODY
    assert server.requests[1]["If-Range"].startswith("Mon, 01 Jan 2024") and ranges(server)[1]


@pytest.mark.parametrize("second", [{"ranges": False}, {"headers": {"Content-Range": "bytes 0-299999/300000"}}])
def test_what_does_not_go_on_where_the_part_ends_begins_anew(get, server, second):
    server.plan = [{"drop": 200_000}, second]
    assert get() == BODY


def test_versions_are_not_stitched(get, server):
    server.plan = [{"drop": 200_000}]
    server.watch = lambda sent: server.change(OTHER) if sent >= 200_000 and server.body is BODY else None
    assert get() == OTHER


def test_a_mirror_begins_its_own_part(get, server):
    """Two servers may have two versions."""
    server.plan = [{"drop": 200_000}, {"status": 404}]
    assert get(addresses=[server.address("first"), server.address("second")]) == BODY
    assert ranges(server)[2] is None


@pytest.mark.parametrize("status", [403, 404, 410])
def test_what_is_not_there_is_asked_for_once(get, server, status):
    server.plan = [{"status": status, "body": b"nothing"}]
    told = f"{get.path} .weights.*{server.address()}.* answers {status}.*\nAsk the authors. Put the file there"
    refused(get, f"(?s){told}", by_hand="Ask the authors.")
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again(get, server, waits):
    server.plan = [{"status": 503}, {"status": 429}, {"status": 500}]
    assert get() == BODY and waits[:3] == [2, 4, 8]


def test_an_address_that_nothing_answers_at_is_given_up(get, server):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}/x"
        refused(get, "connection failed .*without a new byte", addresses=[gone])
        assert get(addresses=[gone, server.address()]) == BODY


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_not_taken_for_the_file_and_costs_no_part(get, server, kind):
    page = {"body": b"\n<!DOCTYPE html><html>Log in</html>", "headers": {"Content-Type": kind}, "ranges": False}
    server.plan = [{"drop": 200_000}, page]
    refused(get, "web page")
    assert get() == BODY and ranges(server)[2] is not None


@pytest.mark.parametrize("name", ["pairs.h5", "catalog.hdf5", "image.fits"])
def test_a_file_begins_as_files_of_its_kind(server, tmp_path, name):
    description = write_set(tmp_path, server, file=name)
    with pytest.raises(BookError, match="something else than the file"):
        download_dataset(description, tmp_path)
    (tmp_path / name).write_bytes(BODY)
    with pytest.raises(BookError, match=f"{name} does not begin as files .*Move it away"):
        download_dataset(description, tmp_path)


def test_a_body_that_is_not_the_published_one_is_not_taken(get, server):
    right, mirrors = hashlib.sha256(BODY).hexdigest(), [server.address("first"), server.address("second")]
    server.plan = [{"body": OTHER}]
    refused(get, "what arrived has the SHA-256", sha256=right)
    server.plan = [{"body": OTHER}]
    assert get(sha256=right[:8], addresses=mirrors) == BODY
    get.path.write_bytes(OTHER)
    with pytest.raises(BookError, match="Move it away"):
        get(sha256=right)
    assert get.path.exists()  # a person's to delete


def test_what_needs_a_hand_is_told(get):
    refused(get, "needs a hand:\nLog in, take x. Put the file there", addresses=[], by_hand="Log in, take x.")
    get.path.write_bytes(BODY)
    assert get(addresses=[]) == BODY


def test_a_full_disk_is_told(get, server, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(download.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
        refused(get, "No space for 0.0 GB more. Make room.*--data-dir")
    assert get() == BODY


def test_redirects_stay_on_this_machine_or_https_and_keep_the_name(get, server):
    server.plan = [{"status": 302, "headers": {"Location": server.address("../../elsewhere.sh")}}]
    assert get() == BODY
    get.path.unlink()
    refused(get, "No connection adapters|not https", addresses=["ftp://example.invalid/x"])
    server.plan = [{"status": 302, "headers": {"Location": f"http://0.0.0.0:{server.server_port}/x"}}]
    refused(get, "not https://")


@pytest.mark.parametrize("headers, match", [
    ({"Content-Length": None, "Connection": "close"}, "how long"), ({"Content-Length": "999999"}, "attempts without a new byte"),
])  # fmt: skip
def test_an_answer_that_is_cut_short_is_not_taken(get, server, headers, match):
    server.plan = [{"headers": headers}] * 10
    refused(get, match)


def test_a_place_that_is_busy_or_cannot_be_written_to(get, tmp_path):
    with lock(get.path.with_name("weights.pt.lock")):
        refused(get, "Another process is downloading")
    (tmp_path / "file").touch()
    with pytest.raises(BookError, match="name another --data-dir"):
        download_dataset("desi", tmp_path / "file")


def test_a_description_that_is_wrong(get):
    refused(get, "does not describe files as .*desi.yaml does: .*extra", extra=1)
    with pytest.raises(BookError, match="Use one of: desi"):
        load_dataset("sdss")
    assert all(one.by_hand for one in load_dataset("desi").values())


def test_the_command(server, tmp_path):
    command = [sys.executable, "-m", "bookmaking", "data", write_set(tmp_path, server), "--data-dir"]
    server.plan = [{"status": 404}]
    for status, said in ((1, "Error: .*answers 404"), (0, "weights.pt: complete")):
        result = subprocess.run([*command, tmp_path / "data"], capture_output=True, text=True, check=False)
        assert result.returncode == status and re.search(said, result.stdout + result.stderr, re.DOTALL)


def test_killed_twice_at_random(tmp_path):
    """Its own process, killed when so many bytes are out."""
    body = BODY[:4] + random_bytes(2**25)
    kills = sorted(random.Random(0).sample(range(2**21, len(body), 2**16), 2))
    with RangeServer(body) as server:
        call = f"from real_sky.download import download_dataset as d; d({write_set(tmp_path, server)!r}, {str(tmp_path)!r})"

        def kill(sent):
            if kills and sent >= kills[0]:
                kills.pop(0)
                server.watch = lambda sent: None  # once a process
                process.kill()

        codes = []
        while not codes or codes[-1]:
            process = subprocess.Popen([sys.executable, "-c", call], stderr=subprocess.DEVNULL)
            server.watch = kill
            codes.append(process.wait())
    assert codes == [-signal.SIGKILL] * 2 + [0]
    assert (tmp_path / "weights.pt").read_bytes() == body and server.sent < 1.2 * len(body)
