"""The emulator under load: `python -m benchmarks.emulator_work WORK NUMBER...`.

The server is `leeward emulator` in a process of its own, its clients are ours, in this process;
what goes between them goes through sockets on loopback.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx

from benchmarks.child import tell
from leeward.domain.answers import Acked
from leeward.domain.money import Quantity
from leeward.domain.order_requests import OrderRequest
from leeward.domain.orders import OrderType, Side
from leeward.domain.timeframe import Timeframe
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.venues.addresses import addresses_of
from leeward.venues.binance_codec import decode
from leeward.venues.binance_codec_events import ApiReply, api_frame
from leeward.venues.binance_codec_orders import order
from leeward.venues.binance_codec_requests import place
from leeward.venues.binance_http import BinanceHttp
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.binance_stream import CandleStream, Wanted, following
from leeward.venues.governor import Governor, Lane
from leeward.venues.signing import hmac_key, signed_parameters
from leeward.venues.sockets import Socket, open_socket
from leeward.venues.timing import Clock

_CONNECTIONS = 8
_MINUTE = Timeframe.parse("1m")
_LOT = Quantity(Decimal("0.001"))
_CLOCK = Clock(now_ms, monotonic_s)
_NO_LIMIT = 10**9
_STEPS_AN_HOUR = 4
_MINUTES_AHEAD = 3
_TICKS_S = os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass
class Server:
    """A running emulator: its process, its addresses and its admin port."""

    process: subprocess.Popen[str]
    addresses: dict[str, str]
    admin: httpx.Client
    _numbers: Iterator[int] = field(default_factory=count)

    def sim(self, method: str, call: str, **body: object) -> dict[str, object]:
        answer = self.admin.request(method, f"/sim/{call}", json=body or None)
        answer.raise_for_status()
        found: dict[str, object] = answer.json()
        return found

    def pushed(self) -> int:
        """Returns how many messages the server has pushed so far."""
        return int(str(self.sim("GET", "health")["pushed"]))

    def cpu_s(self) -> float:
        """Returns the processor seconds the server has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").split()
        return (int(fields[13]) + int(fields[14])) / _TICKS_S

    def resident_mib(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="utf-8").split()
        return int(fields[1]) * _PAGE_MIB

    def client(self) -> BinanceRest:
        """Returns our client with an account of its own. Its governor knows no limits: its own
        count of unfilled orders would hold it back, as it should on the real exchange."""
        balances = {"USDT": "1000000000", "BTC": "1000"}
        made = self.sim("POST", "accounts", id=f"bench{next(self._numbers)}", balances=balances)
        where = addresses_of("emulator", self.addresses["rest"])
        key = hmac_key(str(made["api_key"]), str(made["api_secret"]))
        governor = Governor(where.rest)
        governor.set_limits(_NO_LIMIT, {"10S": _NO_LIMIT, "1D": _NO_LIMIT})
        return BinanceRest(BinanceHttp(where, key, _CLOCK, governor))


@contextmanager
def serving(symbols: Sequence[str], *options: str) -> Iterator[Server]:
    """Runs `leeward emulator` on generated candles for the block."""
    with TemporaryDirectory(prefix="leeward-bench-") as folder:
        command = [str(Path(sys.executable).with_name("leeward")), "emulator", "--json", *options]
        process = subprocess.Popen(
            [*command, "--symbols", ",".join(symbols)],
            env={**os.environ, "LEEWARD_DATA__DIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            addresses = json.loads(process.stdout.readline())
            with httpx.Client(base_url=addresses["admin"], timeout=120) as admin:
                yield Server(process, addresses, admin)
                health = admin.get("/sim/health").json()
                assert not health["failures"], health["failures"][0]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


def time_rest(runs: int, orders: int) -> None:
    """Times market orders over REST: `_CONNECTIONS` at a time, each of an account of its own."""

    async def trade(client: BinanceRest) -> None:
        for request in _orders(orders // _CONNECTIONS):
            answer = await client.place(request, Lane.EXIT)
            assert isinstance(answer, Acked), answer

    async def work(server: Server) -> None:
        async with AsyncExitStack() as stack:
            clients = [await _client(server, stack) for _ in range(_CONNECTIONS)]
            await _tell(server, lambda: asyncio.gather(*map(trade, clients)), runs, orders)

    with serving(["BTCUSDT"]) as server:
        asyncio.run(work(server))


def time_api(runs: int, orders: int) -> None:
    """Times market orders over the WebSocket API, each signed, on `_CONNECTIONS` sockets."""

    async def trade(client: BinanceRest, socket: Socket) -> None:
        key, clock = client.http.key, client.http.server_clock
        assert key is not None
        for request in _orders(orders // _CONNECTIONS):
            params = signed_parameters(key, {**place(request), "timestamp": str(clock.now_ms())})
            await socket.send({"id": 1, "method": "order.place", "params": params})
            reply = api_frame(decode(await socket.receive()))
            assert isinstance(reply, ApiReply), reply
            assert reply.refused is None, reply
            order(reply.result)

    async def work(server: Server) -> None:
        async with AsyncExitStack() as stack:
            pairs = []
            for _ in range(_CONNECTIONS):
                client = await _client(server, stack)
                socket = await stack.enter_async_context(open_socket(server.addresses["ws_api"]))
                pairs.append((client, socket))
            await _tell(
                server, lambda: asyncio.gather(*(trade(*each) for each in pairs)), runs, orders
            )

    with serving(["BTCUSDT"]) as server:
        asyncio.run(work(server))


async def _client(server: Server, stack: AsyncExitStack) -> BinanceRest:
    client = server.client()
    stack.push_async_callback(client.aclose)
    assert await client.http.sync()
    return client


def _orders(many: int) -> Iterator[OrderRequest]:
    for number in range(many):
        side = Side.SELL if number % 2 else Side.BUY
        yield OrderRequest("BTCUSDT", side, OrderType.MARKET, f"order{number}", _LOT)


def time_candles(runs: int, minutes: int, symbols: int) -> None:
    """Times closed 1m candles of many symbols through one `CandleStream`. The clock is stepped from
    minute to minute as fast as the server goes; the client may be a few minutes behind."""
    names = [f"S{number:03}USDT" for number in range(symbols)]

    async def work(server: Server) -> None:
        start_ms = int(str(server.sim("GET", "clock")["time"]))
        async with AsyncExitStack() as stack:
            client = await _client(server, stack)
            wanted = [Wanted(symbol, _MINUTE, start_ms) for symbol in names]
            # Time moves by steps only, and nothing of it is late: REST has nothing to fill.
            stream = CandleStream(
                server.addresses["ws"], wanted, client.candles, lambda: start_ms, _CLOCK
            )
            await stack.enter_async_context(following(stream))
            while _subscribed(server) < symbols:
                await asyncio.sleep(0.05)
            admin = await stack.enter_async_context(
                httpx.AsyncClient(base_url=server.addresses["admin"], timeout=120)
            )
            await _tell(
                server, lambda: _play(admin, stream, minutes, symbols), runs, minutes * symbols
            )
            assert stream.health.filled == stream.health.stale == 0

    with serving(names, "--stepped") as server:
        asyncio.run(work(server))


def _subscribed(server: Server) -> int:
    connections = server.admin.get("/sim/connections").json()
    return sum(len(each["streams"]) for each in connections)


async def _play(admin: httpx.AsyncClient, stream: CandleStream, minutes: int, symbols: int) -> None:
    ahead = asyncio.Semaphore(_MINUTES_AHEAD)

    async def step() -> None:
        await ahead.acquire()
        (await admin.post("/sim/step", json={"bars": 1})).raise_for_status()

    async with asyncio.TaskGroup() as stepping:
        for _ in range(minutes):
            stepping.create_task(step())
        for _ in range(minutes):
            for _ in range(symbols):
                await stream.next_candle()
            ahead.release()


def watch_replay(hours: int) -> None:
    """Tells the server's memory after each replayed hour of two symbols, all kinds of streams
    watched. The clock is stepped, as fast as the server goes."""

    async def replay(server: Server) -> list[float]:
        resident = []
        for _ in range(hours):
            for _ in range(_STEPS_AN_HOUR):
                await asyncio.to_thread(server.sim, "POST", "step", bars=60 // _STEPS_AN_HOUR)
            resident.append(server.resident_mib())
        return resident

    _watch(replay, "--stepped")


def watch_minutes(minutes: int) -> None:
    """Tells the server's memory after each minute of real time, all kinds of streams watched and an
    order placed and filled every second."""

    async def trade(server: Server) -> list[float]:
        resident = []
        async with AsyncExitStack() as stack:
            client = await _client(server, stack)
            for _ in range(minutes):
                for request in _orders(60):
                    assert isinstance(await client.place(request, Lane.EXIT), Acked)
                    await asyncio.sleep(1)
                resident.append(server.resident_mib())
        return resident

    _watch(trade)


def _watch(work: Callable[[Server], Awaitable[list[float]]], *options: str) -> None:
    kinds = ("kline_1m", "kline_1h", "trade", "depth", "bookTicker", "miniTicker")
    names = "/".join(f"{symbol}@{kind}" for symbol in ("btcusdt", "ethusdt") for kind in kinds)

    async def drain(socket: Socket) -> None:
        while True:
            await socket.receive()

    async def watch(server: Server) -> None:
        async with open_socket(f"{server.addresses['ws']}/stream?streams={names}") as socket:
            draining = asyncio.create_task(drain(socket))
            tell([], resident_mib=await work(server))
            draining.cancel()

    with serving(["BTCUSDT", "ETHUSDT"], *options) as server:
        asyncio.run(watch(server))


async def _tell(
    server: Server, work: Callable[[], Awaitable[object]], runs: int, items: int
) -> None:
    """Tells the seconds of one item in each run, and of all runs together what processor time an
    item took on either side, the messages pushed for it, and the memory the server kept of it."""
    await work()  # does not count
    resident, cpu, own, pushed = (
        server.resident_mib(),
        server.cpu_s(),
        _own_cpu_s(),
        server.pushed(),
    )
    seconds = []
    for _ in range(runs):
        begun = perf_counter()
        await work()
        seconds.append((perf_counter() - begun) / items)
    done = runs * items
    tell(
        seconds,
        server_s=(server.cpu_s() - cpu) / done,
        client_s=(_own_cpu_s() - own) / done,
        pushed=(server.pushed() - pushed) / done,
        server_mib=server.resident_mib(),
        kept_bytes=(server.resident_mib() - resident) * 2**20 / done,
    )


def _own_cpu_s() -> float:
    spent = os.times()
    return spent.user + spent.system


_WORK: dict[str, Callable[..., None]] = {
    "rest": time_rest,
    "api": time_api,
    "candles": time_candles,
    "replay": watch_replay,
    "minutes": watch_minutes,
}

if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    _WORK[what](*map(int, numbers))
