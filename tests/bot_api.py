"""A local server that speaks as much of Telegram's Bot API as a bot needs, and misbehaves on
demand."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "123456:canary-token-of-the-bot"  # noqa: S105 - made up
_ME = {"id": 1, "is_bot": True, "first_name": "Leeward", "username": "leeward_bot"}


@dataclass
class BotApi:
    """What the bot said, and what it is told. `failures` are answers, by method, that are given
    before it works again: a status and the body."""

    port: int = 0
    said: list[dict[str, Any]] = field(default_factory=list)
    edited: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    failures: dict[str, deque[tuple[int, bytes]]] = field(default_factory=dict)
    _updates: list[dict[str, Any]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _new: threading.Event = field(default_factory=threading.Event)
    _latest: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, method: str, *answers: tuple[int, bytes]) -> None:
        self.failures[method] = deque(answers)

    def write(self, chat: int, text: str, user: int | None = None) -> None:
        """Has somebody write to the bot."""
        message = {**self._message(chat, user), "text": text}
        if text.startswith("/"):
            length = len(text.split(maxsplit=1)[0])
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        self._update({"message": message})

    def press(self, chat: int, data: str, user: int | None = None) -> None:
        """Has somebody press a button below the bot's last message."""
        message = {**self._message(chat, 1), "text": "a question"}
        query = {
            "id": str(next(self._numbers)), "from": _person(user or chat), "message": message,
            "chat_instance": "1", "data": data,
        }  # fmt: skip
        self._update({"callback_query": query})

    def answer_after(self, act: Callable[[], None], within_s: float = 60.0) -> str:
        """Returns the words of the bot that follow on what somebody does."""
        known = len(self.said) + len(self.edited)
        act()
        until_s = time.monotonic() + within_s
        while len(self.said) + len(self.edited) == known:
            assert time.monotonic() < until_s, (self.asked[-10:], self.said[-2:])
            time.sleep(0.02)
        return self._latest

    def buttons(self) -> dict[str, str]:
        """Returns what the buttons of the bot's last message send: label -> data."""
        rows = json.loads(self.said[-1]["reply_markup"])["inline_keyboard"]
        return {each["text"]: each["callback_data"] for row in rows for each in row}

    def _message(self, chat: int, user: int | None) -> dict[str, Any]:
        return {
            "message_id": next(self._numbers), "date": 1_700_000_000,
            "chat": {"id": chat, "type": "private", "first_name": "Somebody"},
            "from": _person(user or chat),
        }  # fmt: skip

    def _update(self, content: dict[str, Any]) -> None:
        self._updates.append({"update_id": next(self._numbers), **content})
        self._new.set()

    def reply(self, method: str, given: dict[str, Any]) -> tuple[int, bytes]:
        self.asked.append(method)
        waiting = self.failures.get(method)
        if waiting:
            return waiting.popleft()
        result: Any = True
        match method:
            case "getMe":
                result = _ME
            case "getUpdates":
                result = self._poll(int(given.get("offset", 0)), float(given.get("timeout", 0)))
            case "sendMessage" | "editMessageText":
                self._latest = str(given["text"])
                (self.said if method == "sendMessage" else self.edited).append(given)
                chat = int(given["chat_id"])
                result = {**self._message(chat, 1), "text": given["text"]}
            case _:
                pass
        return 200, json.dumps({"ok": True, "result": result}).encode()

    def _poll(self, offset: int, timeout_s: float) -> list[dict[str, Any]]:
        until_s = time.monotonic() + min(timeout_s, 1.0)
        while True:
            self._new.clear()
            self._updates = [each for each in self._updates if each["update_id"] >= offset]
            left_s = until_s - time.monotonic()
            if self._updates or left_s <= 0:
                return list(self._updates)
            self._new.wait(left_s)


def _person(number: int) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": "Somebody"}


def too_many(seconds: int) -> tuple[int, bytes]:
    """Returns Telegram's answer to one who writes too often."""
    said = {
        "ok": False, "error_code": 429, "description": f"Too Many Requests: retry after {seconds}",
        "parameters": {"retry_after": seconds},
    }  # fmt: skip
    return 429, json.dumps(said).encode()


@contextmanager
def bot_api() -> Iterator[BotApi]:
    """Yields a server that listens on loopback."""
    api = BotApi()

    class Speak(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            prefix, _, method = self.path.rpartition("/")
            if prefix != f"/bot{TOKEN}":
                body = {"ok": False, "error_code": 401, "description": "Unauthorized"}
                self._answer(401, json.dumps(body).encode())
                return
            self._answer(*api.reply(method, dict(parse_qsl(content))))

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError):  # who polled has gone
                self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
            del format, arguments

    server = ThreadingHTTPServer(("127.0.0.1", 0), Speak)
    server.daemon_threads = True
    api.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
