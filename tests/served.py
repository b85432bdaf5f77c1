"""A running emulator for tests: real ports on loopback, its loop in a thread of its own."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection

from leeward.data.store import CandleStore
from leeward.emulator.server import Addresses, Emulator
from leeward.runtime.clock import monotonic_s
from leeward.runtime.emulator import Market, compose, gather_market

SYMBOLS = ("BTCUSDT", "ETHUSDT")
BALANCES = {"USDT": "100000", "BTC": "2", "ETH": "20"}
#: Names of accounts that nobody else has.
fresh_names = (f"trader-{number}" for number in count())
#: A small order, far less than the generated market shows at its best price while it is stepped.
MARKET = {"side": "BUY", "type": "MARKET", "quantity": "0.01"}
NEW_ORDER = {"route": "POST /api/v3/order"}
#: What an answer may take on a busy machine.
_PATIENCE_S = 60.0
#: The emulator speaks plain HTTP: a client that reads no certificates is open twenty times as fast.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Served:
    """Where the emulator listens, and calls of its admin port."""

    addresses: Addresses
    admin: httpx.Client

    @property
    def host(self) -> str:
        return self.addresses.rest.removeprefix("http://")

    def sim(self, method: str, call: str, **body: object) -> Any:
        """Returns the answer of one admin call; raises for a refused one."""
        answer = self.admin.request(method, f"/sim/{call}", json=body or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def account(self, name: str, balances: Mapping[str, str] = BALANCES) -> dict[str, str]:
        """Returns `api_key` and `api_secret` of a new account."""
        made = self.sim("POST", "accounts", id=name, balances=dict(balances))
        return {"api_key": made["api_key"], "api_secret": made["api_secret"]}

    def price(self, symbol: str = "BTCUSDT") -> float:
        url = f"{self.addresses.rest}/api/v3/ticker/price"
        asked = httpx.get(url, params={"symbol": symbol}, timeout=_PATIENCE_S, verify=PLAIN)
        return float(asked.json()["price"])

    def jump(self, symbol: str, price: float) -> None:
        self.sim("POST", "price", symbol=symbol, path=[f"{price:.2f}"])


@cache
def generated(symbols: tuple[str, ...] = SYMBOLS, seed: int = 1) -> Market:
    """Returns the generated market of the emulator."""
    return gather_market(symbols, None, CandleStore(Path("/nonexistent")), None, seed)


@contextmanager
def served(market: Market, **setup: object) -> Iterator[Served]:
    """Yields a running emulator; asserts at the end that it found no defect in itself."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    emulator = Emulator(compose(market, None, setup), monotonic_s)
    addresses: Addresses = _run(loop, emulator.start())
    try:
        with httpx.Client(base_url=addresses.admin, timeout=_PATIENCE_S, verify=PLAIN) as admin:
            yield Served(addresses, admin)
            assert admin.get("/sim/health").json()["failures"] == []
            assert admin.get("/sim/invariants").json()["broken"] == []
    finally:
        _run(loop, emulator.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _run(loop: asyncio.AbstractEventLoop, work: Any) -> Any:
    future: Future[Any] = asyncio.run_coroutine_threadsafe(work, loop)
    return future.result(_PATIENCE_S)


@dataclass(frozen=True)
class Trader:
    """A signing client of our own, just enough for tests: REST by httpx, frames for sockets."""

    running: Served
    api_key: str
    api_secret: str
    http: httpx.Client

    def now_ms(self) -> int:
        return int(self.http.get("/api/v3/time").json()["serverTime"])

    def sign(self, payload: str) -> str:
        return hmac.new(self.api_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()

    def call(self, method: str, path: str, **params: object) -> httpx.Response:
        """Returns the answer of a signed request; `timestamp` is the emulator's unless given."""
        params.setdefault("timestamp", self.now_ms())
        query = str(httpx.QueryParams({name: str(value) for name, value in params.items()}))
        headers = {"X-MBX-APIKEY": self.api_key}
        return self.http.request(
            method, f"{path}?{query}&signature={self.sign(query)}", headers=headers
        )

    def order(self, **params: object) -> httpx.Response:
        """Returns the answer of a new BTCUSDT order."""
        return self.call("POST", "/api/v3/order", **{"symbol": "BTCUSDT", **params})

    def resting(self, client_id: str = "rests") -> Any:
        """Returns the answer to a limit order far from the market."""
        return self.order(
            side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01",
            price=f"{self.running.price() * 0.9:.2f}", newClientOrderId=client_id,
        ).json()  # fmt: skip

    def frame(self, method: str, request_id: object = 1, **params: object) -> str:
        """Returns a signed frame of the WebSocket API."""
        params |= {"apiKey": self.api_key, "timestamp": params.get("timestamp", self.now_ms())}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        signed = {**params, "signature": self.sign(payload)}
        return json.dumps({"id": request_id, "method": method, "params": signed})


@contextmanager
def trader(running: Served, name: str | None = None) -> Iterator[Trader]:
    """Yields a trader with an account of its own."""
    key = running.account(next(fresh_names) if name is None else name)
    with httpx.Client(base_url=running.addresses.rest, timeout=_PATIENCE_S, verify=PLAIN) as http:
        yield Trader(running, key["api_key"], key["api_secret"], http)


async def ask(socket: ClientConnection, frame: str | Mapping[str, object]) -> Any:
    """Returns the next message after sending one."""
    await socket.send(frame if isinstance(frame, str) else json.dumps(frame))
    return await hear(socket)


async def hear(socket: ClientConnection, patience_s: float = _PATIENCE_S) -> Any:
    """Returns the next message; raises TimeoutError where none comes."""
    return json.loads(await asyncio.wait_for(socket.recv(), patience_s))
