"""A server on loopback that hears what is posted to it, and answers as it is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hearing:
    """What was heard; `status` is what every call is answered with."""

    port: int
    status: int = 200
    posts: list[dict[str, Any]] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)

    @property
    def channel(self) -> str:
        patience = "cto=60&rto=60"  # Apprise waits for four seconds else
        return f"json://127.0.0.1:{self.port}/alerts?token=canary-of-the-channel&{patience}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/beat/canary-of-the-heartbeat"

    def titles(self) -> list[str]:
        return [str(each["title"]) for each in self.posts]

    def until(self, is_so: Callable[[], bool], within_s: float = 60.0) -> None:
        """Waits until something is so; fails with what was heard where it is not in time."""
        until_s = time.monotonic() + within_s
        while not is_so():
            assert time.monotonic() < until_s, (self.titles(), self.gets)
            time.sleep(0.02)


@contextmanager
def hearing(port: int = 0) -> Iterator[Hearing]:
    """Yields a server that listens."""

    class Hear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            content, status = self.rfile.read(length), heard.status
            if status == 200:
                heard.posts.append(json.loads(content))
            self._answer(status)

        def do_GET(self) -> None:
            heard.gets.append(self.path)
            self._answer(heard.status)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
            del format, arguments

    server = ThreadingHTTPServer(("127.0.0.1", port), Hear)
    heard = Hearing(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
