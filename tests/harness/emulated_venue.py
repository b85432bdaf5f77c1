"""A venue over the emulator's heart, without sockets: the real client's requests and parsing, the
exchange's real rules, and a network between them that loses, delays and doubles by a seed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

from leeward.domain.answers import NotSent, Unknown
from leeward.emulator.answers import BUSY_1008, UNKNOWN_1007
from leeward.emulator.catalogue import BY_ROUTE
from leeward.emulator.exchange import Exchange
from leeward.emulator.operations import Call as Operated
from leeward.emulator.rejections import Rejection
from leeward.emulator.rest_parameters import Parameters
from leeward.venues.binance_codec_events import user_event
from leeward.venues.binance_http import BinanceHttp, Call, Reply
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.binance_user_stream import Gap, Told
from leeward.venues.governor import Governor
from leeward.venues.timing import ServerClock
from tests.harness.virtual_loop import VirtualLoop

ME = "main"
#: So long it may take until an audit finds what the stream did not tell.
AUDITED_S = 75.0
#: Queries whose answers may lag behind, and the fields that date what they show.
_LAGGING = (
    "/api/v3/order",
    "/api/v3/openOrders",
    "/api/v3/myTrades",
    "/api/v3/orderList",
    "/api/v3/openOrderList",
)
_DATES = ("updateTime", "transactionTime", "time")
_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head></html>"


@dataclass(frozen=True)
class Mix:
    """How often each fault strikes a request, or a message of the user stream."""

    not_sent: float = 0.0
    lost_executed: float = 0.0
    lost_unexecuted: float = 0.0
    late: float = 0.0  #: the answer is lost, and the request arrives some seconds later
    gateway: float = 0.0  #: 502, executed or not by coin
    timeout: float = 0.0  #: -1007, executed or not by coin
    busy: float = 0.0
    truncated: float = 0.0
    too_fast: float = 0.0
    lag: float = 0.0  #: after a placement, queries do not know of it for some seconds
    zero_balance: float = 0.0
    silent_drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    gap: float = 0.0

    def times(self, factor: float) -> Mix:
        return Mix(**{name: value * factor for name, value in vars(self).items()})


CALM = Mix()
#: The mix of the long runs.
SOAK = Mix(
    gateway=0.01, lost_executed=0.002, lost_unexecuted=0.001, late=0.0005, timeout=0.002,
    truncated=0.0005, too_fast=0.001, not_sent=0.002, lag=0.005, zero_balance=0.0005,
    silent_drop=0.002, duplicate=0.005, reorder=0.01, gap=0.001,
)  # fmt: skip
#: Far worse than any exchange: what the crash campaign runs in.
STORM = Mix(
    gateway=0.03, lost_executed=0.05, lost_unexecuted=0.03, late=0.02, timeout=0.03, busy=0.01,
    truncated=0.01, too_fast=0.01, not_sent=0.02, lag=0.05, zero_balance=0.01,
    silent_drop=0.05, duplicate=0.05, reorder=0.05, gap=0.02,
)  # fmt: skip

Deaf = Callable[[Told], None]


@dataclass
class Outside:
    """The exchange and the network to it. It lives on through every crash of what trades on it.

    `down_until_s` is the loop's time until which nothing answers; `calls` counts what arrived.
    """

    exchange: Exchange
    loop: VirtualLoop
    chance: Random
    mix: Mix
    start_us: int = field(init=False)
    down_until_s: float = 0.0
    #: Until when nobody can be blamed for a position without a stop.
    excused_until_s: float = 0.0
    #: How far the clock of the computer that trades is off.
    step_ms: int = 0
    calls: int = 0
    struck: dict[str, int] = field(default_factory=dict)
    #: When a fault struck last.
    struck_s: float = -3600.0
    #: Coins that are not ours, in the exchange's units, by asset.
    foreign: dict[str, int] = field(default_factory=dict)
    #: Called whenever something may have changed at the exchange.
    moved: Callable[[], None] = lambda: None
    _listener: Deaf | None = None
    _lag_since_ms: int = 0
    _lag_until_s: float = 0.0
    _held: Told | None = None
    _last_s: float = 0.0

    def __post_init__(self) -> None:
        self.start_us = self.exchange.time_us

    @property
    def now_us(self) -> int:
        return self.start_us + int(self.loop.time() * 1e6)

    def now_ms(self) -> int:
        return self.now_us // 1000

    def listen(self, listener: Deaf | None) -> None:
        """Sends the account's events to `listener` from now on; whoever listened before is gone."""
        self._listener, self._held = listener, None

    def excuse(self, seconds: float) -> None:
        """Says that the exchange refuses its service for so long."""
        self.excused_until_s = max(self.excused_until_s, self.loop.time() + seconds)

    async def cut(self, seconds: float) -> None:
        """Cuts the user stream for a while: what happens meanwhile is not told."""
        listener, self._listener = self._listener, None
        self.excuse(seconds)
        await asyncio.sleep(seconds)
        if listener is not None and self._listener is None:
            self.listen(listener)
            self._deliver(Gap("the socket was cut"))

    async def live(self) -> None:
        """Lets the market move by itself, until cancelled."""
        while True:
            due_us = self.exchange.next_event_us()
            wait_s = 3600.0 if due_us is None else max(0.0, (due_us - self.now_us) / 1e6)
            await asyncio.sleep(wait_s + 1e-6)
            self.catch_up()

    def catch_up(self) -> None:
        self.exchange.advance(self.now_us)
        self._tell()

    def coin(self, probability: float, name: str) -> bool:
        """Returns whether a fault strikes, and counts it."""
        if probability <= 0 or self.chance.random() >= probability:
            return False
        self.strike(name)
        return True

    def strike(self, name: str) -> None:
        """Counts a fault, or what somebody else did."""
        self.struck[name] = self.struck.get(name, 0) + 1
        self.struck_s = self.loop.time()

    def execute(self, call: Call) -> Reply:
        """Does one request on the exchange now."""
        self.catch_up()
        self.calls += 1
        operation = BY_ROUTE[f"{call.method} {call.path}"]
        parameters = Parameters(call.parameters)
        try:
            body = operation.answer(Operated(self.exchange, parameters, ME, None, []))
        except Rejection as refused:
            return Reply(refused.http_status, json.dumps(refused.body()).encode())
        finally:
            self._tell()
        if call.method in {"POST", "PUT"} and self.coin(self.mix.lag, "lag"):
            self._lag_since_ms = self.now_ms()
            self._lag_until_s = self.loop.time() + self.chance.uniform(0.2, 8)
        return Reply(200, json.dumps(self._shown(call, body)).encode())

    def _shown(self, call: Call, body: object) -> object:
        """Returns the answer as a lagging or a confused server shows it."""
        if call.path == "/api/v3/account" and self.coin(self.mix.zero_balance, "zero_balance"):
            return {**cast("dict[str, object]", body), "balances": []}
        lagging = call.method == "GET" and call.path in _LAGGING
        if not lagging or self.loop.time() >= self._lag_until_s:
            return body
        if isinstance(body, list):
            return [each for each in body if _date(each) < self._lag_since_ms]
        if _date(body) < self._lag_since_ms:
            return body
        self.strike("hidden")
        raise _Hidden

    def _tell(self) -> None:
        """Sends what the exchange emitted, as an unreliable stream does."""
        self.moved()
        for message in self.exchange.drain():
            if message.channel != ("user", ME):
                continue
            if (
                self._listener is None
            ):  # a new process asks for everything, and so does a new socket
                continue
            if self.coin(self.mix.gap, "gap"):
                self._deliver(Gap("the connection was lost"))
            if self.coin(self.mix.silent_drop, "silent_drop"):
                self.excuse(AUDITED_S)  # what nobody tells is found by the next audit
                continue
            told: Told = user_event(message.payload)
            if self._held is not None:
                self._deliver(told)
                told, self._held = self._held, None
            elif self.coin(self.mix.reorder, "reorder"):
                self._held = told
                self.loop.call_later(1.0, self._release)
                continue
            self._deliver(told)
            if self.coin(self.mix.duplicate, "duplicate"):
                self._deliver(told)

    def _release(self) -> None:
        """Sends what waits for the next message, where none comes."""
        if self._held is not None:
            held, self._held = self._held, None
            self._deliver(held)

    def _deliver(self, told: Told) -> None:
        listener = self._listener
        arrives_s = self.loop.time() + self.chance.uniform(0.005, 0.1)
        # One connection: nothing overtakes what was sent before, but by the faults.
        self._last_s = max(self._last_s + 1e-6, arrives_s)

        def arrive() -> None:
            if listener is not None and listener is self._listener:
                listener(told)

        self.loop.call_at(self._last_s, arrive)


class _Hidden(Exception):
    """The order is there, and the answer says it is not."""


def _date(shown: object) -> int:
    found = shown if isinstance(shown, dict) else {}
    return next((int(found[name]) for name in _DATES if name in found), 0)


Passing = Callable[[str], None]


@dataclass
class EmulatedHttp:
    """Takes the place of `BinanceHttp`: `passing` is told where each request is, and may kill."""

    outside: Outside
    passing: Passing = lambda _: None
    governor: Governor = field(default_factory=lambda: Governor("emulated"))
    server_clock: ServerClock = field(init=False)

    def __post_init__(self) -> None:
        self.server_clock = ServerClock(self.outside.loop.time)
        self.server_clock.offer(self.outside.loop.time(), self.outside.loop.time(), self._now_ms())

    def _now_ms(self) -> int:
        return self.outside.now_ms()

    async def aclose(self) -> None:
        """Nothing is open."""

    async def sync(self) -> bool:
        return True

    async def send(self, call: Call) -> Reply | NotSent | Unknown:
        label = label_of(call)
        self.passing(f"{label}: before it leaves")
        outside, mix, chance = self.outside, self.outside.mix, self.outside.chance
        if outside.coin(mix.not_sent, "not_sent"):
            await asyncio.sleep(chance.uniform(0.01, 1))
            return NotSent("no connection")
        await asyncio.sleep(chance.uniform(0.01, 0.04))
        if outside.loop.time() < outside.down_until_s:
            return Reply(503, _GATEWAY)
        answer = await self._answered(call, label)
        await asyncio.sleep(chance.uniform(0.01, 0.04))
        self.passing(f"{label}: after the answer")
        return answer

    async def _answered(self, call: Call, label: str) -> Reply | Unknown:
        outside, mix, chance = self.outside, self.outside.mix, self.outside.chance
        if outside.coin(mix.too_fast, "too_fast"):
            return Reply(429, b'{"code":-1003,"msg":"Too much request weight used."}', 2.0)
        if outside.coin(mix.busy, "busy"):
            return Reply(503, json.dumps({"code": -1008, "msg": BUSY_1008}).encode())
        if outside.coin(mix.lost_unexecuted, "lost_unexecuted"):
            await asyncio.sleep(chance.uniform(0.1, 15))
            return Unknown("no answer")
        if outside.coin(mix.late, "late"):
            outside.loop.call_later(chance.uniform(0.5, 4.5), _quietly, outside, call)
            return Unknown("the connection was cut")
        if outside.coin(mix.gateway, "gateway"):
            self._perhaps(call)
            return Reply(502, _GATEWAY)
        if outside.coin(mix.timeout, "timeout"):
            self._perhaps(call)
            await asyncio.sleep(10)
            return Reply(504, json.dumps({"code": -1007, "msg": UNKNOWN_1007}).encode())
        try:
            reply = outside.execute(call)
        except _Hidden:
            return Reply(400, b'{"code":-2013,"msg":"Order does not exist."}')
        self.passing(f"{label}: executed, not answered")
        if outside.coin(mix.lost_executed, "lost_executed"):
            await asyncio.sleep(chance.uniform(0, 15))
            return Unknown("no answer")
        if outside.coin(mix.truncated, "truncated"):
            return Reply(reply.status, reply.body[: len(reply.body) // 2])
        return reply

    def _perhaps(self, call: Call) -> None:
        if self.outside.chance.random() < 0.5:
            _quietly(self.outside, call)


def _quietly(outside: Outside, call: Call) -> None:
    with suppress(_Hidden):
        outside.execute(call)


_LABELS: Mapping[tuple[str, str], str] = {
    ("POST", "order"): "order",
    ("POST", "order/cancelReplace"): "raise of a stop",
    ("POST", "orderList/oco"): "stop and target",
    ("POST", "orderList/opo"): "entry with stop",
    ("POST", "orderList/opoco"): "entry with stop and target",
    ("DELETE", "order"): "cancel",
    ("DELETE", "orderList"): "cancel of a list",
    ("DELETE", "openOrders"): "cancel of everything",
    ("GET", "order"): "question for an order",
    ("GET", "orderList"): "question for a list",
    ("GET", "openOrders"): "question for open orders",
    ("GET", "openOrderList"): "question for open lists",
    ("GET", "myTrades"): "question for trades",
    ("GET", "account"): "question for balances",
    ("GET", "exchangeInfo"): "question for rules",
    ("GET", "ticker/price"): "question for the price",
}


def label_of(call: Call) -> str:
    """Returns what a request is for, in words that name a crash point."""
    name = call.path.removeprefix("/api/v3/")
    label = _LABELS.get((call.method, name), f"{call.method} {name}")
    if label != "order":
        return label
    if call.parameters.get("side") == "BUY":
        return "entry"
    return "stop" if call.parameters.get("type") == "STOP_LOSS" else "exit"


def venue_of(outside: Outside, passing: Passing = lambda _: None) -> BinanceRest:
    """Returns the real client of the exchange, over a network without sockets."""
    http: Any = EmulatedHttp(outside, passing)
    return BinanceRest(cast("BinanceHttp", http))
