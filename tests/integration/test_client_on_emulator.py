"""Our client on the emulator misbehaving: what may have happened is asked for, never assumed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any, TypeAlias

import pytest

from leeward.domain.answers import (
    Acked,
    ConfirmedAbsent,
    Found,
    Reaction,
    Refused,
    Unavailable,
    Unknown,
)
from leeward.domain.orders import OrderStatus, Side
from leeward.domain.timeframe import Timeframe
from leeward.runtime.clock import monotonic_s, now_ms
from leeward.venues.addresses import addresses_of
from leeward.venues.binance_codec_events import BalancesEvent, CashFlowEvent, OrderEvent
from leeward.venues.binance_http import BinanceHttp
from leeward.venues.binance_rest import BinanceRest
from leeward.venues.binance_stream import CandleStream, Wanted, following
from leeward.venues.binance_user_stream import Gap, UserStream, listening
from leeward.venues.governor import Governor, Lane
from leeward.venues.lines import Patience
from leeward.venues.signing import hmac_key
from leeward.venues.sockets import SocketEnded, open_socket
from leeward.venues.timing import Clock, ServerClock
from tests.contracts.venue_suite import SYMBOL, World
from tests.fake_exchange import run
from tests.served import Served, generated, served

HASTE = Patience(stale_s=0.5, overlap_s=0.1, first_retry_s=0.05, last_retry_s=0.5)
MINUTE = Timeframe.parse("1m")
CLOCK = Clock(now_ms, monotonic_s)
_accounts = count(1)
Calls: TypeAlias = list[tuple[str, dict[str, Any]]]
CUT: Calls = [("connections/cut", {})]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Served]:
    with served(generated()) as running:
        yield running


@pytest.fixture(scope="module")
def fast_emulator() -> Iterator[Served]:
    """Four minutes of the exchange in one second of ours."""
    with served(generated(), mode="accelerated", speed=240, auth="scaled") as running:
        yield running


async def nowhere(price: Decimal) -> None:
    raise AssertionError(f"nobody moves the price to {price} here")


def with_client(emulator: Served, act: Callable[[World], Awaitable[Any]]) -> Any:
    """Returns what `act` comes to with a client of a fresh account."""
    keys = emulator.account(f"client{next(_accounts)}", {"USDT": "100000", "BTC": "2"})

    async def work() -> Any:
        where = addresses_of("emulator", emulator.addresses.rest)
        key = hmac_key(keys["api_key"], keys["api_secret"])
        client = BinanceRest(BinanceHttp(where, key, CLOCK, Governor(where.rest)))
        try:
            return await act(World(client, nowhere))
        finally:
            await client.aclose()

    return run(work, 100)


def client_of(world: World) -> BinanceRest:
    assert isinstance(world.venue, BinanceRest)
    return world.venue


@pytest.mark.parametrize(
    ("effect", "settings", "outcome", "asked"),
    [
        ("reset_before", {}, Unknown, ConfirmedAbsent),
        ("reset_after", {}, Unknown, Found),
        ("timeout_unknown", {"executed": True}, Unknown, Found),
        ("timeout_unknown", {"executed": False}, Unknown, ConfirmedAbsent),
        ("unknown_1006", {"executed": True}, Unknown, Found),
        ("unknown_1006", {"executed": False}, Unknown, ConfirmedAbsent),
        ("http_5xx", {"executed": True}, Unknown, Found),
        ("http_5xx", {"executed": False, "status": 503}, Unknown, ConfirmedAbsent),
        ("internal_1001", {}, Unknown, ConfirmedAbsent),
        ("busy_1008", {}, Unknown, ConfirmedAbsent),
        ("bad_json", {}, Unknown, Found),
        ("truncated", {}, Unknown, Found),
        ("wrong_type", {}, Unknown, Found),
        ("waf_403", {}, Unknown, Unavailable),
        ("timestamp_1021", {}, Acked, Found),
        ("timestamp_1021", {"early": True}, Acked, Found),
        ("bad_signature", {}, Reaction.STOP, ConfirmedAbsent),
        ("key_refused", {}, Reaction.STOP, ConfirmedAbsent),
        ("trade_disabled", {}, Reaction.STOP, ConfirmedAbsent),
        ("orders_1015", {}, Reaction.WAIT, ConfirmedAbsent | Unavailable),
        ("rate_429", {"seconds": 1}, Reaction.WAIT, ConfirmedAbsent | Unavailable),
    ],
)
def test_what_may_have_happened_to_an_order_is_never_assumed(
    effect: str, settings: dict[str, Any], outcome: Any, asked: Any, emulator: Served
) -> None:
    async def act(world: World) -> Any:
        request = await world.limit(Side.BUY, "0.9")
        await client_of(world).http.sync()
        fault = {"effect": effect, "match": {"route": "POST /api/v3/order"}, "count": 1}
        await asyncio.to_thread(emulator.sim, "POST", "faults", **fault, **settings)
        sent = await world.venue.place(request, Lane.ENTRY)
        return sent, await world.venue.order(SYMBOL, request.client_order_id)

    sent, found = with_client(emulator, act)
    if isinstance(outcome, Reaction):
        assert isinstance(sent, Refused), sent
        assert sent.reaction is outcome
    else:
        assert isinstance(sent, outcome), sent
    assert isinstance(found, asked), found


def test_an_order_that_queries_do_not_know_yet_is_absent_first_and_then_found(
    emulator: Served,
) -> None:
    async def act(world: World) -> Any:
        request = await world.limit(Side.BUY, "0.9")
        await client_of(world).http.sync()
        fault = {"effect": "not_found_lag", "ms": 600_000, "id": "lag"}
        await asyncio.to_thread(emulator.sim, "POST", "faults", **fault)
        sent = await world.venue.place(request, Lane.ENTRY)
        first = await world.venue.order(SYMBOL, request.client_order_id)
        await asyncio.to_thread(emulator.sim, "DELETE", "faults/lag")
        second = await world.venue.order(SYMBOL, request.client_order_id)
        return sent, first, second

    sent, first, second = with_client(emulator, act)
    assert isinstance(sent, Acked)
    assert isinstance(first, ConfirmedAbsent)
    assert isinstance(second, Found)


@pytest.mark.parametrize(
    ("fault", "undone"),
    [
        ({"effect": "clock_jump", "ms": 6_000}, {"effect": "clock_jump", "ms": -6_000}),
        ({"effect": "clock_jump", "ms": -6_000}, {"effect": "clock_jump", "ms": 6_000}),
        ({"effect": "slow_clock", "rate": 0}, {"effect": "slow_clock", "rate": 1}),
    ],
    ids=["ahead", "back", "stands"],
)
def test_an_order_at_an_exchange_whose_clock_is_wrong_is_there_once(
    fault: dict[str, Any], undone: dict[str, Any], emulator: Served
) -> None:
    async def act(world: World) -> Any:
        http, request = client_of(world).http, await world.limit(Side.BUY, "0.9")
        # As at the real exchange, whose time goes at the pace of ours.
        http.addresses = replace(http.addresses, replayed=False)
        http.server_clock = ServerClock(CLOCK.monotonic_s)
        await http.sync()
        first = len(emulator.sim("GET", "requests")["requests"])
        await asyncio.to_thread(emulator.sim, "POST", "faults", **fault)
        await asyncio.sleep(1.5)
        sent = await world.venue.place(request, Lane.ENTRY)
        asked = emulator.sim("GET", "requests")["requests"][first:]
        tried = [each["code"] for each in asked if each["operation"] == "order.place"]
        return sent, tried, await world.venue.open_orders(SYMBOL)

    try:
        sent, tried, found = with_client(emulator, act)
    finally:
        emulator.sim("POST", "faults", **undone)
    assert isinstance(sent, Acked)
    assert tried == [-1021, None]
    assert [each.client_order_id for each in found.value] == [sent.report.client_order_id]


def candles_through(
    emulator: Served,
    many: int,
    trouble: Callable[[int], Calls],
    enough: Callable[[CandleStream], bool] = lambda _: True,
) -> tuple[dict[str, list[int]], CandleStream]:
    """Returns the open times by symbol of so many candles and of more, until it is `enough`; before
    each, `trouble` may make admin calls."""

    async def act(world: World) -> Any:
        http = client_of(world).http
        await http.sync()
        await asyncio.sleep(0.3)
        await http.sync()
        start_ms = MINUTE.floor(http.server_clock.now_ms()) - 180_000
        stream = CandleStream(
            emulator.addresses.ws,
            [Wanted(symbol, MINUTE, start_ms) for symbol in ("BTCUSDT", "ETHUSDT")],
            client_of(world).candles,
            http.server_clock.now_ms,
            CLOCK,
            HASTE,
        )
        times: dict[str, list[int]] = {"BTCUSDT": [], "ETHUSDT": []}
        async with following(stream):
            for at in count():
                # One series may be some candles ahead of the other.
                if at >= many and min(map(len, times.values())) > 6 and enough(stream):
                    break
                for call, body in trouble(at):
                    await asyncio.to_thread(emulator.sim, "POST", call, **body)
                candle = await stream.next_candle()
                times[candle.symbol].append(candle.open_time_ms)
        return times, stream

    result: tuple[dict[str, list[int]], CandleStream] = with_client(emulator, act)
    return result


def assert_contiguous(times: dict[str, list[int]]) -> None:
    for each in times.values():
        assert len(each) > 6
        assert each == list(range(each[0], each[0] + 60_000 * len(each), 60_000))


def test_candles_arrive_contiguous_at_high_speed_through_cuts(
    fast_emulator: Served,
) -> None:
    def cut(at: int) -> Calls:
        return CUT if at % 8 == 6 else []

    times, stream = candles_through(
        fast_emulator, 24, cut, lambda stream: stream.health.line.connects >= 3
    )
    assert_contiguous(times)
    assert stream.health.unanswered == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"effect": "event_drop", "count": 300},
        {"effect": "event_dup"},
        {"effect": "event_reorder"},
        {"effect": "event_delay", "ms": 20_000},
        {"effect": "silent"},
        {"effect": "server_shutdown", "ms": 60_000},
        {"effect": "ws_half_open"},
        {"effect": "ws_slow", "bytes": 1},
        {"effect": "subscribe_lost"},
        {"effect": "subscribe_error"},
        {"effect": "stale_klines", "bars": 1},
    ],
    ids=lambda fault: str(fault["effect"]),
)
def test_candles_arrive_contiguous_whatever_the_sockets_do(
    fault: dict[str, Any], fast_emulator: Served
) -> None:
    def strike(at: int) -> Calls:
        # A subscription is made where a socket was cut.
        cut = CUT if fault["effect"].startswith("subscribe") else []
        faults: Calls = [("faults", {**fault, "id": "trouble"})]
        return [*faults, *cut] if at == 6 else []

    try:
        times, _ = candles_through(fast_emulator, 16, strike)
    finally:
        fast_emulator.admin.request("DELETE", "/sim/faults/trouble")
    assert_contiguous(times)


def test_sockets_that_are_slow_again_and_again_lose_no_candle(fast_emulator: Served) -> None:
    times, stream = candles_through(
        fast_emulator, 16, lambda at: [("faults", {"effect": "ws_slow", "bytes": 1})] if at else []
    )
    assert_contiguous(times)
    assert stream.health.filled > 0
    assert stream.health.dropped == 0


def test_a_socket_that_brings_messages_and_answers_no_ping_is_given_up(
    emulator: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listen() -> None:
        async with open_socket(f"{emulator.addresses.ws}/ws/btcusdt@bookTicker") as socket:
            await socket.receive()
            await asyncio.to_thread(emulator.sim, "POST", "faults", effect="ws_no_pong")
            while True:
                await socket.receive()

    monkeypatch.setattr("leeward.venues.sockets._PING_S", 0.5)
    with pytest.raises(SocketEnded, match="ping"):
        run(listen, 100)


def test_account_events_come_and_a_cut_is_a_gap(emulator: Served) -> None:
    async def act(world: World) -> Any:
        http = client_of(world).http
        assert http.key is not None
        await http.sync()
        stream = UserStream(
            emulator.addresses.ws_api, http.key, http.server_clock, http.sync, CLOCK, HASTE
        )
        told: list[Any] = []
        async with listening(stream):
            told.append(await stream.next_told())
            report = await world.place(world.market(Side.BUY))
            while not any(
                isinstance(each, OrderEvent) and each.report.status is OrderStatus.FILLED
                for each in told
            ):
                told.append(await stream.next_told())
            await asyncio.to_thread(emulator.sim, "POST", "connections/cut")
            while not isinstance(told[-1], Gap):
                told.append(await stream.next_told())
        return report, told

    report, told = with_client(emulator, act)
    assert told[0] == Gap("connected")
    fills = {fill.trade_id for each in told if isinstance(each, OrderEvent)
             for fill in each.report.fills}  # fmt: skip
    assert fills == {fill.trade_id for fill in report.fills}
    assert {type(each) for each in told} <= {Gap, OrderEvent, BalancesEvent, CashFlowEvent}
    assert isinstance(told[-1], Gap)
