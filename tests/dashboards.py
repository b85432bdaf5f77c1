"""A dashboard over a small database, spoken to without a network: raw ASGI, so that nothing of an
ill-meant request is made good by a client."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message

from leeward.dashboard.access import Role, access_of
from leeward.dashboard.guard import COOKIE
from leeward.dashboard.server import build_app, house_of, server_config
from leeward.dashboard.state import Dashboard, dashboard_of
from leeward.database.lease import take_lease
from leeward.monitoring.logs import Log
from leeward.runtime.clock import now_ms
from leeward.runtime.database import open_configured
from leeward.runtime.sections import DashboardSettings
from leeward.runtime.settings import Settings, load_settings, secrets_in
from tests.histories import ACCOUNT, SESSION, life_of_a_position, life_of_an_account

PASSWORD = "canary-password-correct-horse"  # noqa: S105 - looked for in what is served
HOST = "127.0.0.1:8321"
ORIGIN = f"http://{HOST}"
FREE = ((1e9, 1e9), (1e9, 1e9))


@dataclass(frozen=True)
class Answer:
    """`status` 0 stands for no answer: the connection was cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    """Asks the application; remembers every byte that came back."""

    app: ASGIApp
    heard: list[bytes] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        body: bytes = b"",
        address: str = "10.0.0.1",
    ) -> Answer:
        """Returns the answer; `host` is ours unless the headers say otherwise."""
        given = list(headers.items() if isinstance(headers, Mapping) else headers or [])
        if not any(name.lower() == "host" for name, _ in given):
            given.insert(0, ("host", HOST))
        raw, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": _decoded(raw), "raw_path": raw.encode("latin-1", "replace"),
            "query_string": query.encode("latin-1", "replace"), "root_path": "",
            "headers": [
                (n.lower().encode("latin-1", "replace"), v.encode("latin-1", "replace"))
                for n, v in given
            ],
            "client": (address, 4711), "server": ("127.0.0.1", 8321),
        }  # fmt: skip
        sent: list[Message] = []
        pending = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if pending:
                return pending.pop()
            await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return self._remembered(sent)

    def _remembered(self, sent: list[Message]) -> Answer:
        start = next((m for m in sent if m["type"] == "http.response.start"), None)
        body = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
        headers = {} if start is None else {
            n.decode("latin-1").lower(): v.decode("latin-1") for n, v in start["headers"]
        }  # fmt: skip
        status = 0 if start is None else int(start["status"])
        self.heard += [
            body,
            *([] if start is None else (n + b": " + v for n, v in start["headers"])),
        ]
        self.statuses[status] = self.statuses.get(status, 0) + 1
        return Answer(status, headers, body)

    async def socket(self, path: str, headers: Mapping[str, str]) -> list[Message]:
        """Returns what was sent to a socket that hangs up after a moment."""
        given = {"host": HOST, **headers}
        raw, _, query = path.partition("?")
        scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1",
            "scheme": "ws", "path": raw, "raw_path": raw.encode(), "subprotocols": [],
            "query_string": query.encode(), "root_path": "", "client": ("10.0.0.1", 4711),
            "headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in given.items()],
            "server": ("127.0.0.1", 8321),
        }  # fmt: skip
        sent: list[Message] = []
        said: list[Message] = [{"type": "websocket.connect"}]

        async def receive() -> Message:
            if said:
                return said.pop()
            await asyncio.sleep(0.2)
            return {"type": "websocket.disconnect", "code": 1001}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        self.heard += [repr(message).encode() for message in sent]
        return sent


@dataclass
class Scene:
    """A dashboard and the ways in. `cookie` is of a person who is logged in."""

    dashboard: Dashboard
    caller: Caller
    operator: str
    viewer: str
    cookie: str
    csrf: str
    log: io.StringIO
    root: Path

    def bearer(self, secret: str) -> dict[str, str]:
        return {"authorization": f"Bearer {secret}"}

    @property
    def person(self) -> dict[str, str]:
        """What the browser of a person sends."""
        return {"cookie": f"{COOKIE}={self.cookie}", "origin": ORIGIN}

    def state(self) -> tuple[str, bytes, list[str]]:
        """Returns all that could be changed: database, access file, runs."""
        with sqlite3.connect(self.root / "leeward.db") as connection:
            dump = "\n".join(connection.iterdump())
        connection.close()
        access = self.dashboard.access.path.read_bytes()
        return dump, access, [run.run_id for run in self.dashboard.backtests.all()]


def settings_in(folder: Path, *changes: str) -> Settings:
    return load_settings(None, [f"data.dir={folder / 'data'}", *changes])


def write_history(settings: Settings) -> None:
    """Writes an account with two trades, one open position and a heartbeat."""
    database = open_configured(settings)
    lease = take_lease(database, ACCOUNT, "here:1")
    for batch in life_of_an_account(lease.epoch)[:-3]:
        database.record(ACCOUNT, lease.epoch, batch)
    for batch in life_of_a_position(6, epoch=lease.epoch)[:-1]:
        database.record(ACCOUNT, lease.epoch, batch)
    at_ms = now_ms()
    facts = {
        "session": SESSION, "computer_ms": at_ms, "equity": "10007.5", "cash": "9950",
        "prices": {"BTCUSDT": [101.5, at_ms]}, "unprotected_s": {"BTCUSDT": 0.0}, "causes": "",
        "behind_ms": 0, "orders_last_hour": 3,
    }  # fmt: skip
    database.beat(ACCOUNT, lease.epoch, at_ms, facts)
    lease.release()
    database.close()


@asynccontextmanager
async def scene(
    folder: Path, *changes: str, rates: tuple[tuple[float, float], tuple[float, float]] = FREE
) -> AsyncIterator[Scene]:
    """Yields a dashboard over a small database in `folder`, without pages."""
    settings = settings_in(folder, *changes)
    write_history(settings)
    access = access_of(settings)
    access.set_password(PASSWORD)
    operator = access.add_token("canary-op", Role.OPERATOR, now_ms())
    viewer = access.add_token("canary-view", Role.VIEWER, now_ms())
    text = io.StringIO()
    dashboard = dashboard_of(settings, Log(text, now_ms, secrets_in(settings)))
    app = build_app(dashboard, house_of(settings.dashboard), pages=False, rates=rates)
    await dashboard.feed.start()
    try:
        cookie = dashboard.sessions.begin()
        person = dashboard.sessions.find(cookie)
        assert person is not None
        yield Scene(dashboard, Caller(app), operator, viewer, cookie, person.csrf, text, folder)
    finally:
        await dashboard.backtests.close()
        dashboard.feed.close()


@asynccontextmanager
async def on_loopback(app: ASGIApp, settings: DashboardSettings) -> AsyncIterator[int]:
    """Yields the port where the application is served as the dashboard is, over real sockets."""
    config = server_config(app, settings)
    config.lifespan = "off"  # a scene starts its feed itself
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Not `serve`, which would take the signals of the tests.
        serving = asyncio.create_task(server._serve([listener]))
        async with asyncio.timeout(30.0):
            while not server.started:
                await asyncio.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


def _decoded(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)
