"""An exchange of handmade replies on real loopback sockets: REST over HTTP, streams and the
WebSocket API over WebSockets. What it answers, and how badly, is up to the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from leeward.venues.addresses import Addresses
from leeward.venues.binance_http import BinanceHttp
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.governor import BanFile, Governor
from leeward.venues.signing import ApiKey, hmac_key
from leeward.venues.timing import Clock

NOW_MS = 1_790_000_000_000
KEY = hmac_key("fake-key", "fake-secret")


@dataclass(frozen=True)
class Asked:
    """A request as it arrived: `payload` is the query and the body, byte for byte."""

    method: str
    path: str
    payload: str
    headers: Mapping[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.payload, keep_blank_values=True))


@dataclass(frozen=True)
class Given:
    """One reply. `cut` sends so many bytes of the body and closes; `hang` never answers; `reset`
    closes without a byte."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: bool = False
    reset: bool = False

    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Answering = Callable[[Asked], Given]
Serving = Callable[[ServerConnection], Awaitable[None]]


def error(code: int, text: str, status: int = 400, **headers: str) -> Given:
    return Given(
        {"code": code, "msg": text},
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


@dataclass
class FakeClock:
    """Time that passes only while someone waits, or by `pass_s`."""

    now_ms: int = NOW_MS
    monotonic_s: float = 1000.0
    waited: list[float] = field(default_factory=list)

    def pass_s(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)
        self.monotonic_s += seconds

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.pass_s(seconds)
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now_ms, lambda: self.monotonic_s, self.sleep)


@dataclass
class FakeExchange:
    """`replies` by path ending come first, used up one by one; then `answer`; the exchange's time
    is told on its own."""

    time: FakeClock = field(default_factory=FakeClock)
    replies: dict[str, list[Given]] = field(default_factory=dict)
    answer: Answering | None = None
    asked: list[Asked] = field(default_factory=list)
    addresses: Addresses = field(default_factory=lambda: Addresses("fake", "", "", "", wallet=True))

    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    def script(self, path: str, *replies: Given) -> None:
        self.replies.setdefault(path, []).extend(replies)

    def requests(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.endswith(path)]

    def _reply(self, asked: Asked) -> Given:
        self.asked.append(asked)
        for ending, replies in self.replies.items():
            if asked.path.endswith(ending) and replies:
                return replies.pop(0)
        if asked.path == "/api/v3/time":
            return Given({"serverTime": self.time.now_ms})
        if self.answer is not None:
            return self.answer(asked)
        return error(-1100, f"nothing scripted for {asked.method} {asked.path}", 404)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._serving.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def stop(self) -> None:
        """Ends every connection that is still open."""
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        given = self._reply(Asked(method, path, query + body.decode(), headers))
        if given.hang:
            await asyncio.sleep(60)
        if given.reset:
            return False
        content = given.bytes()
        named = {"Content-Length": str(len(content))} | dict(given.headers)
        lines = [f"HTTP/1.1 {given.status} X", *(f"{n}: {t}" for n, t in named.items()), "", ""]
        sent = content if given.cut is None else content[: given.cut]
        writer.write("\r\n".join(lines).encode() + sent)
        await writer.drain()
        return given.cut is None


@asynccontextmanager
async def exchange_at(
    exchange: FakeExchange, sockets: Serving | None = None
) -> AsyncIterator[FakeExchange]:
    """Serves `exchange`; `sockets` plays both the streams and the WebSocket API."""

    async def played(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            assert sockets is not None
            await sockets(connection)

    server = await asyncio.start_server(exchange._serve, "127.0.0.1", 0)
    rest = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with serve(played, "127.0.0.1", 0) as listening:
        socket = f"ws://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}"
        exchange.addresses = Addresses("fake", rest, socket, f"{socket}/ws-api/v3", wallet=True)
        try:
            yield exchange
        finally:
            server.close()
            await exchange.stop()


def client_of(
    exchange: FakeExchange, key: ApiKey | None = KEY, bans: BanFile | None = None
) -> BinanceRest:
    """Returns our client, on the exchange's clock."""
    http = BinanceHttp(
        exchange.addresses, key, exchange.time.clock, Governor(exchange.addresses.rest, bans)
    )
    return BinanceRest(http)


def run(work: Callable[[], Awaitable[Any]], within_s: float = 60.0) -> Any:
    """Runs `work` on a loop of its own, and fails where it takes longer than it may."""

    async def bounded() -> Any:
        async with asyncio.timeout(within_s):
            return await work()

    return asyncio.run(bounded())
