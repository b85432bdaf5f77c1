"""Candles over sockets that fail in every way: contiguous, each exactly once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fake_exchange import FakeExchange, Serving, exchange_at, run
from websockets.asyncio.server import ServerConnection

from leeward.domain.answers import Asked as AskedFor
from leeward.domain.answers import Found, Unavailable
from leeward.domain.candle import Candle
from leeward.domain.timeframe import Timeframe
from leeward.venues.binance_codec_market import BestPrices, MarketEvent
from leeward.venues.binance_stream import CandleStream, MarketFeed, Wanted, following
from leeward.venues.candle_sequence import CandleSequence
from leeward.venues.lines import LineHealth, Lines, Patience
from leeward.venues.timing import Clock, ServerClock

MINUTE = Timeframe.parse("1m")
STEP = 60_000
START = 1_700_000_040_000 - 1_700_000_040_000 % STEP
HASTE = Patience(stale_s=0.2, overlap_s=0.05, subscribe_s=0.3, first_retry_s=0.02, last_retry_s=0.1)
#: Takes nothing for lost that only comes late.
PATIENT = replace(HASTE, stale_s=60.0, subscribe_s=60.0)


def candle(number: int, symbol: str = "BTCUSDT") -> Candle:
    return Candle(symbol, MINUTE, START + number * STEP, 2, 2.1, 1.9, 2, 5, 9, 3, 1)


def frame(
    number: int, symbol: str = "BTCUSDT", closed: bool = True, high: str = "2.1", low: str = "1.9"
) -> str:
    open_ms = START + number * STEP
    row = {
        "t": open_ms, "T": open_ms + STEP - 1, "s": symbol, "i": "1m", "f": 1, "L": 2, "o": "2",
        "c": "2", "h": high, "l": low, "v": "5", "n": 3, "x": closed, "q": "9", "V": "1", "Q": "1",
        "B": "0",
    }  # fmt: skip
    data = {"e": "kline", "E": open_ms + STEP, "s": symbol, "k": row}
    return json.dumps({"stream": f"{symbol.lower()}@kline_1m", "data": data})


class World:
    """What the exchange has: candles 0 to `known` - 1 of every symbol, but for `absent` ones."""

    def __init__(self, known: int = 0) -> None:
        self.known, self.absent = known, set[int]()
        self.asked = 0
        self.failing = 0

    def now_ms(self) -> int:
        return START + self.known * STEP + 1

    async def ask(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int
    ) -> AskedFor[tuple[Candle, ...]]:
        assert timeframe == MINUTE
        self.asked += 1
        await asyncio.sleep(0)
        if self.failing:
            self.failing -= 1
            return Unavailable("down")
        numbers = [n for n in range(self.known) if n not in self.absent]
        rows = [candle(n, symbol) for n in numbers if start_ms <= START + n * STEP < end_ms]
        return Found(tuple(rows[:3]))


async def subscribe(connection: ServerConnection) -> list[str]:
    """Confirms every subscription that is waiting; returns the streams."""
    message = json.loads(await connection.recv())
    await connection.send(json.dumps({"result": None, "id": message["id"]}))
    return list(message["params"])


def followed(
    world: World,
    play: Serving,
    count: int,
    patience: Patience = PATIENT,
    symbols: tuple[str, ...] = ("BTCUSDT",),
) -> tuple[list[Candle], CandleStream]:
    """Returns the first `count` candles that come while `play` serves the sockets."""

    async def work() -> Any:
        async with exchange_at(FakeExchange(), play) as exchange:
            stream = CandleStream(
                exchange.addresses.streams,
                [Wanted(symbol, MINUTE, START) for symbol in symbols],
                world.ask,
                world.now_ms,
                Clock(lambda: 0, time.perf_counter),
                patience,
            )
            async with following(stream):
                return [await stream.next_candle() for _ in range(count)], stream

    result: tuple[list[Candle], CandleStream] = run(work)
    return result


def sending(world: World, *numbers: int | str, then: Callable[[], Awaitable[None]] | None = None
            ) -> Serving:  # fmt: skip
    """Plays a socket that sends these candles (or raw frames), then waits."""

    async def play(connection: ServerConnection) -> None:
        await subscribe(connection)
        for number in numbers:
            if isinstance(number, str):
                await connection.send(number)
                continue
            world.known = max(world.known, number + 1)
            await connection.send(frame(number))
        if then is not None:
            await then()
        await connection.wait_closed()

    return play


def numbers_of(candles: list[Candle]) -> list[int]:
    return [(each.open_time_ms - START) // STEP for each in candles]


def test_closed_candles_come_in_order_and_running_ones_do_not() -> None:
    world = World()
    play = sending(world, frame(0, closed=False), 0, frame(1, closed=False), 1, 2)
    found, stream = followed(world, play, 3)
    assert found == [candle(0), candle(1), candle(2)]
    assert stream.health.line.connects == 1


def test_repeated_candles_come_once() -> None:
    world = World()
    found, _ = followed(world, sending(world, 0, 0, 1, 0, 1, 2), 3)
    assert numbers_of(found) == [0, 1, 2]


def test_lost_candles_are_asked_for_and_come_in_their_place() -> None:
    world = World()
    found, stream = followed(world, sending(world, 0, 5, 6), 7)
    assert numbers_of(found) == [0, 1, 2, 3, 4, 5, 6]
    assert stream.health.filled == 4


def test_a_candle_that_an_answer_tells_otherwise_is_told_of_once_and_stays_as_it_was() -> None:
    world = World()
    world.known = 8
    first = frame(1, high="2.15")
    found, stream = followed(world, sending(world, 0, first, 4, 6), 7)
    assert numbers_of(found) == [0, 1, 2, 3, 4, 5, 6]
    assert found[1] == replace(candle(1), high=2.15)
    assert stream.health.restated == 1


def test_candles_out_of_order_are_put_in_order() -> None:
    world = World()
    world.failing = 1
    found, _ = followed(world, sending(world, 0, 2, 1, 3), 4)
    assert numbers_of(found) == [0, 1, 2, 3]


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has what is doubted looked at all the time, also by the patient."""
    monkeypatch.setattr("leeward.venues.binance_stream._LOOKS_A_STALE", 3_000)


@pytest.mark.usefixtures("looks_often")
@pytest.mark.parametrize("wild", [{"high": "2.21"}, {"low": "1.81"}])
def test_a_candle_far_from_the_last_close_is_what_a_second_question_says(
    wild: dict[str, str],
) -> None:
    world = World()
    world.known = 3
    found, stream = followed(world, sending(world, 0, 1, frame(2, **wild), 3), 4)  # type: ignore[arg-type] # prices only
    assert found == [candle(n) for n in range(4)]
    assert stream.health.doubted == 1


@pytest.mark.usefixtures("looks_often")
def test_a_candle_far_off_is_held_back_and_asked_for_until_there_is_an_answer() -> None:
    world = World()
    world.failing = 2
    patience = replace(PATIENT, doubt_s=60.0)
    play = sending(world, 0, 1, frame(2, high="9"), 3)
    found, stream = followed(world, play, 4, patience)
    assert found == [candle(n) for n in range(4)]
    assert stream.health.unanswered == 2


@pytest.mark.usefixtures("looks_often")
@pytest.mark.parametrize("failing", [0, 10**9])
def test_a_candle_far_off_that_nobody_contradicts_in_time_is_believed(failing: int) -> None:
    """REST does not have it yet, or does not answer: the decision is not missed for it."""
    world = World()
    world.failing = failing
    crash = frame(2, low="1.5")

    async def play(connection: ServerConnection) -> None:
        await subscribe(connection)
        for number in (0, 1):
            world.known = number + 1
            await connection.send(frame(number))
        await connection.send(crash)
        await connection.wait_closed()

    patience = replace(PATIENT, doubt_s=0.1)
    found, stream = followed(world, play, 3, patience)
    assert found == [candle(0), candle(1), replace(candle(2), low=1.5)]
    assert stream.health.doubted == 1


def test_candles_that_nobody_reads_are_asked_for_once_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("leeward.venues.binance_stream._MOST_READY", 5)
    world = World()

    async def work() -> Any:
        sent = asyncio.Event()

        async def all_sent() -> None:
            sent.set()

        play = sending(world, *range(40), then=all_sent)
        async with exchange_at(FakeExchange(), play) as exchange:
            stream = CandleStream(
                exchange.addresses.streams,
                [Wanted("BTCUSDT", MINUTE, START)],
                world.ask,
                world.now_ms,
                Clock(lambda: 0, time.perf_counter),
                HASTE,
            )
            async with following(stream):
                await sent.wait()
                while not stream.health.dropped:
                    await asyncio.sleep(0.01)
                most = stream._ready.qsize()
                return [await stream.next_candle() for _ in range(40)], most

    found, most = run(work)
    assert numbers_of(found) == list(range(40))
    assert most <= 5 + 3


def test_candles_the_exchange_does_not_have_are_passed_over() -> None:
    world = World()
    world.absent = {2, 3}
    found, _ = followed(world, sending(world, 0, 1, 4, 5), 4)
    assert numbers_of(found) == [0, 1, 4, 5]


def test_what_closed_before_the_start_is_asked_for() -> None:
    world = World(known=10)
    found, _ = followed(world, sending(world), 10)
    assert numbers_of(found) == list(range(10))


def test_a_cut_socket_is_opened_again_and_the_gap_filled() -> None:
    world = World()
    starts = iter([0, 3, 6])

    async def play(connection: ServerConnection) -> None:
        first = next(starts, 9)
        await subscribe(connection)
        world.known = first + 1
        await connection.send(frame(first))

    found, stream = followed(world, play, 7)
    assert numbers_of(found) == [0, 1, 2, 3, 4, 5, 6]
    assert stream.health.line.failures >= 2


def test_a_socket_that_is_alive_and_silent_is_found_and_replaced() -> None:
    world = World()
    sockets = 0

    async def play(connection: ServerConnection) -> None:
        nonlocal sockets
        sockets += 1
        await subscribe(connection)
        if sockets == 1:
            world.known = 1
            await connection.send(frame(0))
            await asyncio.sleep(0.1)
            world.known = 3  # and of the next two the socket says nothing
        else:
            world.known = 4
            await connection.send(frame(3))
        await connection.wait_closed()

    found, stream = followed(world, play, 4, HASTE)
    assert numbers_of(found) == [0, 1, 2, 3]
    assert sockets >= 2
    assert stream.health.stale >= 1
    assert stream.health.filled >= 2


def test_a_closed_market_is_not_taken_for_a_dead_socket() -> None:
    world = World(known=3)
    world.absent = {0, 1, 2}  # the first comes over the socket alone, however late

    async def a_while() -> None:
        await asyncio.sleep(1.0)
        world.absent = set()

    found, stream = followed(world, sending(world, 0, then=a_while), 2, HASTE)
    assert numbers_of(found)[:2] == [0, 1]
    assert stream.health.line.connects == 1


@pytest.mark.parametrize("patience", [PATIENT, replace(PATIENT, life_s=1.0)])
def test_the_new_socket_brings_candles_before_the_old_one_ends(patience: Patience) -> None:
    world = World()
    live: list[ServerConnection] = []
    most = 0

    async def first(connection: ServerConnection) -> None:
        world.known = 1
        await connection.send(frame(0))
        if patience is PATIENT:
            shutdown = {"stream": "!serverShutdown", "data": {"e": "serverShutdown"}}
            await connection.send(json.dumps(shutdown))

    async def both() -> None:
        for number in range(1, 6):
            world.known = number + 1
            for each in live:
                await each.send(frame(number))

    async def play(connection: ServerConnection) -> None:
        nonlocal most
        await subscribe(connection)
        live.append(connection)
        most = max(most, len(live))
        try:
            await (first(connection) if world.known == 0 else both())
            await connection.wait_closed()
        finally:
            live.remove(connection)

    found, stream = followed(world, play, 6, patience)
    assert numbers_of(found) == [0, 1, 2, 3, 4, 5]
    assert most == 2
    assert stream.health.line.failures == 0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"error": {"code": 2, "msg": "Invalid request"}, "id": 1}, "was refused"),
        ({"code": 2, "msg": "Invalid request", "id": 1}, "was refused"),
        (None, "was not confirmed in time"),
    ],
)
def test_a_subscription_that_fails_is_tried_again(answer: object, reason: str) -> None:
    world = World()
    attempts = 0

    async def play(connection: ServerConnection) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await connection.recv()
            if answer is not None:
                await connection.send(json.dumps(answer))
            await connection.wait_closed()
        else:
            await sending(world, 0)(connection)

    found, stream = followed(world, play, 1, HASTE if answer is None else PATIENT)
    assert numbers_of(found) == [0]
    assert reason in stream.health.line.last_failure


def test_frames_that_cannot_be_read_are_counted_and_passed_over() -> None:
    world = World()
    junk = ["{", "[[[", "5", '{"stream":"x"}', '{"stream":"x","data":{"e":"kline"}}', "[]"]
    found, stream = followed(world, sending(world, *junk, 0, *junk, 1), 2)
    assert numbers_of(found) == [0, 1]
    assert stream.health.line.unreadable == 10


def test_two_hundred_symbols_are_followed_over_one_socket() -> None:
    world = World()
    symbols = tuple(f"S{n}USDT" for n in range(200))

    async def play(connection: ServerConnection) -> None:
        streams = await subscribe(connection)
        assert streams == [f"{symbol.lower()}@kline_1m" for symbol in symbols]
        for number in range(20):
            world.known = number + 1
            for symbol in symbols:
                await connection.send(frame(number, symbol, closed=False))
                await connection.send(frame(number, symbol))
        await connection.wait_closed()

    found, stream = followed(world, play, 4000, PATIENT, symbols)
    for symbol in symbols:
        assert numbers_of([each for each in found if each.symbol == symbol]) == list(range(20))
    assert stream.health.line.connects == 1


def test_an_exchange_that_cannot_be_reached_is_tried_again() -> None:
    async def work() -> Any:
        world = World()
        stream = CandleStream(
            "ws://127.0.0.1:9",
            [Wanted("BTCUSDT", MINUTE, START)],
            world.ask,
            world.now_ms,
            Clock(lambda: 0, time.perf_counter),
            HASTE,
        )
        async with following(stream):
            while stream.health.line.failures < 2:
                await asyncio.sleep(0.01)
        return stream.health.line

    health = run(work)
    assert health.failures >= 2
    assert "ws://127.0.0.1:9" in health.last_failure


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), max_size=5))
def test_any_order_with_repeats_comes_out_in_order(order: list[int], again: set[int]) -> None:
    sequence = CandleSequence("BTCUSDT", MINUTE, START)
    found: list[Candle] = []
    for number in order:
        found += sequence.offer([candle(number), *(candle(each) for each in again)])
    assert numbers_of(found) == list(range(12))
    assert sequence.gap is None
    assert sequence.due_ms == START + 13 * STEP


def test_a_time_that_the_exchange_refuses_ends_no_stream() -> None:
    world, hand = World(1), [100.0]
    server = ServerClock(lambda: hand[0])
    server.offer(100.0, 100.0, world.now_ms())

    async def work() -> None:
        async with exchange_at(FakeExchange(), sending(world, 0)) as exchange:
            stream = CandleStream(
                exchange.addresses.streams,
                [Wanted("BTCUSDT", MINUTE, START)],
                world.ask,
                server.now_ms,
                Clock(lambda: 0, time.perf_counter),
                HASTE,
            )
            async with following(stream):
                await stream.next_candle()
                server.forget()  # an order was told -1021, and `/time` has not answered yet
                hand[0] += 60.0
                world.known = 2
                await stream.next_candle()  # found overdue, and asked for

    run(work)


def test_a_stream_of_prices_that_is_confirmed_and_mute_is_dialled_again() -> None:
    calls: list[int] = []
    quote = {"u": 1, "s": "BTCUSDT", "b": "2", "B": "1", "a": "2.1", "A": "1"}

    async def play(connection: ServerConnection) -> None:
        calls.append(1)
        await subscribe(connection)
        if len(calls) > 1:
            frame = {"stream": "btcusdt@bookTicker", "data": quote}
            await connection.send(json.dumps(frame))
        await connection.wait_closed()  # its pongs go on

    async def work() -> list[MarketEvent]:
        told: asyncio.Queue[MarketEvent] = asyncio.Queue()
        async with exchange_at(FakeExchange(), play) as exchange:
            feed = MarketFeed(
                exchange.addresses.streams,
                ["btcusdt@bookTicker"],
                told.put_nowait,
                lambda: None,
                replace(PATIENT, silent_s=0.2),
                health := LineHealth(),
            )
            clock = Clock(lambda: 0, time.perf_counter)
            keeping = asyncio.create_task(Lines(feed.serve, clock, PATIENT, health).keep())
            try:
                return [await told.get()]
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)

    (event,) = run(work)
    assert isinstance(event, BestPrices)
