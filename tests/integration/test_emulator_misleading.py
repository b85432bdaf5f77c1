"""Faults that mislead: clocks, candles, books, subscriptions and sockets that seem to be well."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
import websockets

from tests.running import wait_for
from tests.served import MARKET, NEW_ORDER, Served, Trader, ask, hear

MINUTE_MS = 60_000
LATE = "Timestamp for this request is outside of the recvWindow."
EARLY = "Timestamp for this request was 1000ms ahead of the server's time."
LIST = {"method": "LIST_SUBSCRIPTIONS", "id": "list"}


def candles(me: Trader) -> dict[int, list[Any]]:
    """Returns the last candles of BTCUSDT by their open times."""
    asked = {"symbol": "BTCUSDT", "interval": "1m", "limit": "8"}
    return {row[0]: row for row in me.http.get("/api/v3/klines", params=asked).json()}


async def everything_until_list(socket: websockets.ClientConnection) -> list[Any]:
    """Returns all messages that were under way."""
    await socket.send(json.dumps(LIST))
    heard = []
    while (message := await hear(socket)).get("id") != "list":
        heard.append(message)
    return heard


@pytest.mark.parametrize(("ms", "refused"), [(6_000, LATE), (-6_000, EARLY)])
def test_after_a_jump_of_the_clock_the_time_of_before_is_refused_and_the_told_one_taken(
    emulator: Served, me: Trader, ms: int, refused: str
) -> None:
    before = me.now_ms()
    emulator.sim("POST", "faults", effect="clock_jump", ms=ms)
    assert me.now_ms() == before + ms
    assert me.call("GET", "/api/v3/account", timestamp=before).json() == {
        "code": -1021,
        "msg": refused,
    }
    assert me.order(**MARKET).status_code == 200
    emulator.sim("POST", "faults", effect="clock_jump", ms=-ms)
    assert me.now_ms() == before
    assert emulator.sim("GET", "clock")["time"] == before


def test_a_slow_clock_falls_behind_until_it_goes_right_again(emulator: Served, me: Trader) -> None:
    before = me.now_ms()
    emulator.sim("POST", "faults", effect="slow_clock", rate=0.4)
    emulator.sim("POST", "step", ms="10s")
    assert me.now_ms() == before + 4_000
    assert me.call("GET", "/api/v3/account", timestamp=before + 10_000).json()["msg"] == EARLY
    assert me.call("GET", "/api/v3/account").status_code == 200
    emulator.sim("POST", "faults", effect="slow_clock", rate=1)
    emulator.sim("POST", "step", ms="10s")
    assert me.now_ms() == before + 14_000
    emulator.sim("POST", "faults", effect="slow_clock", rate=0.5)
    emulator.sim("POST", "faults", effect="clock_jump", ms=0)
    emulator.sim("POST", "step", ms="10s")
    assert me.now_ms() == before + 30_000


def test_candles_of_a_gap_are_told_nowhere_until_it_is_over(emulator: Served, me: Trader) -> None:
    async def run() -> list[int]:
        address = f"{emulator.addresses.ws}/ws/btcusdt@kline_1m"
        async with websockets.connect(address, max_queue=None) as socket:
            await everything_until_list(socket)
            emulator.sim("POST", "step", bars=4)
            heard = [each["k"] for each in await everything_until_list(socket)]
        assert {bar["t"] for bar in heard}.isdisjoint(gone)
        return [bar["t"] for bar in heard if bar["x"]]

    emulator.sim("POST", "step", bars=1)
    first = me.now_ms() // MINUTE_MS * MINUTE_MS
    gone = [first, first + MINUTE_MS]
    fault = {"id": "gap", "effect": "kline_gap", "bars": 2, "match": {"symbol": "BTCUSDT"}}
    emulator.sim("POST", "faults", **fault)
    assert asyncio.run(run()) == [first + 2 * MINUTE_MS, first + 3 * MINUTE_MS]
    assert set(candles(me)).isdisjoint(gone)
    assert first - MINUTE_MS in candles(me)
    emulator.sim("DELETE", "faults/gap")
    assert set(candles(me)).issuperset(gone)


def test_a_restated_candle_has_other_prices_in_answers_than_it_had_in_the_stream(
    emulator: Served, me: Trader
) -> None:
    async def run() -> dict[str, Any]:
        address = f"{emulator.addresses.ws}/ws/btcusdt@kline_1m"
        async with websockets.connect(address, max_queue=None) as socket:
            await everything_until_list(socket)
            emulator.sim("POST", "step", bars=2)
            heard = [each["k"] for each in await everything_until_list(socket)]
        return next(bar for bar in heard if bar["x"] and bar["t"] == first)

    emulator.sim("POST", "step", bars=1)
    first = me.now_ms() // MINUTE_MS * MINUTE_MS
    emulator.sim("POST", "faults", id="other", effect="kline_restated", bps=50)
    streamed, answered = asyncio.run(run()), candles(me)
    for at, name in enumerate("ohlc", 1):
        told, was = Decimal(answered[first][at]), Decimal(streamed[name])
        assert told == (was * Decimal("1.005")).quantize(Decimal("0.01"), "ROUND_DOWN")
    emulator.sim("DELETE", "faults/other")
    right = candles(me)
    assert right[first][4] == streamed["c"]
    assert {time for time in right if right[time] != answered[time]} == {first}


def test_other_lists_than_candles_are_not_cut_by_stale_candles(
    emulator: Served, me: Trader
) -> None:
    me.resting()
    emulator.sim("POST", "faults", effect="stale_klines", id="stale")
    emulator.sim("POST", "faults", effect="kline_gap", id="gap")
    assert len(me.call("GET", "/api/v3/openOrders").json()) == 1


def test_a_crossed_book_has_its_bid_above_its_ask_in_answers_and_messages(
    emulator: Served, me: Trader
) -> None:
    async def run() -> list[dict[str, Any]]:
        names = "btcusdt@bookTicker/btcusdt@depth5@100ms"
        address = f"{emulator.addresses.ws}/stream?streams={names}"
        async with websockets.connect(address, max_queue=None) as socket:
            await everything_until_list(socket)
            emulator.sim("POST", "step", bars=1)
            return [each["data"] for each in await everything_until_list(socket)]

    emulator.sim("POST", "faults", effect="book_crossed")
    best = me.http.get("/api/v3/ticker/bookTicker", params={"symbol": "BTCUSDT"}).json()
    assert float(best["bidPrice"]) > float(best["askPrice"])
    depth = me.http.get("/api/v3/depth", params={"symbol": "BTCUSDT"}).json()
    assert float(depth["bids"][0][0]) > float(depth["asks"][0][0])
    heard = asyncio.run(run())
    tickers = [each for each in heard if "b" in each]
    assert tickers
    assert all(float(each["b"]) > float(each["a"]) for each in tickers)
    books = [each for each in heard if "bids" in each]
    assert books
    assert all(float(each["bids"][0][0]) > float(each["asks"][0][0]) for each in books)


def test_a_refused_subscription_says_so_and_the_next_one_is_taken(
    emulator: Served, me: Trader
) -> None:
    async def run() -> None:
        subscribe = {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}
        async with websockets.connect(f"{emulator.addresses.ws}/ws") as socket:
            refused = await ask(socket, subscribe)
            assert refused == {"code": 2, "msg": "Not now.", "id": 1}
            assert (await ask(socket, LIST))["result"] == []
            assert await ask(socket, subscribe) == {"result": None, "id": 1}
        async with websockets.connect(emulator.addresses.ws_api) as socket:
            refused = await ask(socket, me.frame("userDataStream.subscribe.signature"))
            assert refused["error"] == {"code": -1008, "msg": "Not now."}
            taken = await ask(socket, me.frame("userDataStream.subscribe.signature"))
            assert taken["result"] == {"subscriptionId": 0}

    fault = {"effect": "subscribe_error", "count": 1, "msg": "Not now."}
    emulator.sim("POST", "faults", **fault, match={"stream": "*btcusdt@*"})
    emulator.sim("POST", "faults", **fault, match={"account": "trader-*"}, code=-1008)
    asyncio.run(run())


def test_a_lost_subscription_is_confirmed_and_never_sends(emulator: Served, me: Trader) -> None:
    async def run() -> None:
        subscribe = {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}
        async with (
            websockets.connect(f"{emulator.addresses.ws}/ws", max_queue=None) as streams,
            websockets.connect(emulator.addresses.ws_api) as api,
        ):
            assert await ask(streams, subscribe) == {"result": None, "id": 1}
            lost = await ask(api, me.frame("userDataStream.subscribe.signature"))
            assert lost["result"] == {"subscriptionId": 0}
            emulator.sim("POST", "step", bars=1)
            me.order(**MARKET)
            assert await ask(streams, LIST) == {"result": ["btcusdt@trade"], "id": "list"}
            assert (await ask(api, {"id": "next", "method": "ping"}))["id"] == "next"
            await ask(streams, {**subscribe, "method": "UNSUBSCRIBE"})
            await ask(streams, subscribe)
            emulator.sim("POST", "step", bars=1)
            assert (await hear(streams))["e"] == "trade"

    emulator.sim("POST", "faults", effect="subscribe_lost", count=2)
    asyncio.run(run())


def test_a_slow_socket_brings_its_messages_late_in_order_and_counts_what_waits(
    emulator: Served,
) -> None:
    async def run() -> None:
        address = f"{emulator.addresses.ws}/ws/btcusdt@kline_1m"
        async with websockets.connect(address, max_queue=None) as socket:
            await everything_until_list(socket)
            # A message lasts for minutes.
            emulator.sim("POST", "faults", effect="ws_slow", bytes=1, kind="stream")
            emulator.sim("POST", "step", bars=5)
            with pytest.raises(TimeoutError):
                await hear(socket, 0.3)
            await asyncio.wait_for(await socket.ping(), 60)
            shown = emulator.sim("GET", "connections")[-1]
            assert shown["waiting_bytes"] > 1_000
            emulator.sim("POST", "faults", effect="ws_slow", bytes=0)
            times = [each["E"] for each in await everything_until_list(socket)]
            assert len(times) > 4
            assert times == sorted(times)

    asyncio.run(run())


def test_a_slow_socket_on_which_too_much_waits_is_cut(emulator: Served) -> None:
    names = [f"{symbol}@{kind}" for symbol in ("btcusdt", "ethusdt")
             for kind in ("trade", "depth@100ms", "depth20@100ms")]  # fmt: skip

    async def run() -> None:
        address = f"{emulator.addresses.ws}/stream?streams={'/'.join(names)}"
        async with websockets.connect(address, max_queue=None) as socket:
            await everything_until_list(socket)
            emulator.sim("POST", "connections/cut", how="slow")
            for _ in range(12):
                waiting = [each["waiting_bytes"] for each in emulator.sim("GET", "connections")]
                assert all(each < 17 * 2**20 for each in waiting)
                if not waiting:
                    break
                emulator.sim("POST", "step", ms="1h")
            await asyncio.to_thread(wait_for, lambda: emulator.sim("GET", "connections") == [])

    asyncio.run(run())


def test_a_socket_without_pongs_still_brings_messages(emulator: Served) -> None:
    async def run() -> None:
        async with websockets.connect(f"{emulator.addresses.ws}/ws/btcusdt@trade") as socket:
            await ask(socket, LIST)
            emulator.sim("POST", "faults", effect="ws_no_pong")
            pong = await socket.ping()
            emulator.sim("POST", "step", bars=1)
            assert (await hear(socket))["e"] == "trade"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pong, 0.3)

    asyncio.run(run())


def test_an_order_that_is_accepted_twice_is_there_twice(emulator: Served, me: Trader) -> None:
    emulator.sim("POST", "faults", effect="duplicate_accept", match=NEW_ORDER, count=1)
    me.order(**MARKET, newClientOrderId="once")
    found = me.call("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()
    assert [each["clientOrderId"] for each in found] == ["once", "once"]
