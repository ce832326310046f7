"""A web server on this machine that misbehaves as it is told, one request after the other."""

import hashlib
import random
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 2**14  # bytes sent at a time: what is on its way when a client dies


class RangeServer(ThreadingHTTPServer):
    """Serves one body, whatever the path.

    ``plan`` holds how to answer the next requests, keywords each; after them requests are answered as they should be:
    ``status`` and ``body`` of another answer; ``headers`` set or (None) left out; ``ranges=False``, Range is overlooked;
    ``drop``, bytes after which the connection ends; ``stall``, seconds before the answer.
    """

    daemon_threads = True

    def __init__(self, body: bytes = b"", handler: type | None = None):
        super().__init__(("127.0.0.1", 0), handler or Handler)
        self.change(body)
        self.plan: list[dict] = []
        self.requests: list[dict] = []  # the headers of each
        self.sent = 0
        self.watch = lambda sent: None  # called as bytes go out

    def address(self, name: str = "file.pt") -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def change(self, body: bytes) -> None:
        """Publish another version."""
        self.body, self.etag = body, f'"{hashlib.md5(body).hexdigest()}"'

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """A client that went away is what the tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * PIECE)

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append(dict(self.headers))
        act = server.plan.pop(0) if server.plan else {}
        time.sleep(act.get("stall", 0))
        status, body, headers = self.answer(act)
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers | act.get("headers", {})).items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        end = min(len(body), act.get("drop", len(body)))
        for start in range(0, end, PIECE):
            piece = body[start : min(start + PIECE, end)]
            self.wfile.write(piece)
            server.sent += len(piece)
            server.watch(server.sent)
        length = act.get("headers", {}).get("Content-Length", len(body))
        self.close_connection = end < len(body) or length != len(body)

    def answer(self, act: dict) -> tuple[int, bytes, dict]:
        if "status" in act:
            return act["status"], act.get("body", b""), {}
        body = act.get("body", self.server.body)
        version = {"ETag": self.server.etag, "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        fits = self.headers.get("If-Range", self.server.etag) in version.values()
        if not asked or not act.get("ranges", True) or not fits:
            return 200, body, version
        start = int(asked[1])
        if start >= len(body):
            return 416, b"", {"Content-Range": f"bytes */{len(body)}"}
        return 206, body[start:], version | {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}


def random_bytes(n: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(n)
