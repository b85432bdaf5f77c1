"""A live session whose exchange misleads it: the clock jumps, candles are missing or restated,
subscriptions are refused or mute, sockets are slow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leeward.domain.times import iso
from leeward.engine.books import books_of
from leeward.engine.records import Executed
from leeward.runtime.drill_truth import differences, truth_of
from leeward.runtime.trading.hearing import Hearing
from leeward.venues.lines import Patience
from tests.stage import (
    ACCOUNT,
    ACTIVE,
    FLAT,
    START_MS,
    Stage,
    bought,
    orders,
    recovers,
    reduces,
    resting,
)
from tests.walking import HOUR, Walk

HASTE = Patience(stale_s=0.3, overlap_s=0.1, first_retry_s=0.05, last_retry_s=0.2, doubt_s=0.2)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that are looked after in fractions of a second."""
    for module in ("binance_stream", "binance_user_stream"):
        monkeypatch.setattr(f"leeward.venues.{module}.Patience", lambda: HASTE)


def hour(number: int) -> int:
    """Returns the open time of an hour of the session, from 0."""
    return START_MS + number * HOUR.length_ms


def refused_times(walk: Walk) -> int:
    """Returns how many requests were refused for their timestamps."""
    asked = walk.emulator.sim("GET", "requests")["requests"]
    return sum(each["code"] == -1021 for each in asked)


def decided(stage: Stage) -> list[tuple[int, str, str]]:
    """Returns for each decided candle its hour, the decision and the reason."""
    rows = [each for each in stage.history() if isinstance(each, Executed)]
    return [
        ((row.open_time_ms - START_MS) // HOUR.length_ms, row.decision, row.reason) for row in rows
    ]


def test_an_exchange_whose_clock_jumps_has_each_order_once(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        walk.emulator.sim("POST", "faults", effect="clock_jump", ms=6_000)
        await walk.hours(1)
        assert refused_times(walk) > 0
        assert (walk.state, bought(walk), resting(walk)) == (ACTIVE, 1, ["STOP_LOSS"])
        await walk.hours(1)
        assert [each["side"] for each in orders(walk)] == ["BUY", "SELL", "SELL"]
        assert resting(walk) == []

    stage.play(work, [100, 160, 160])


def test_a_clock_far_ahead_makes_candles_overdue_until_it_goes_right_again(stage: Stage) -> None:
    # The test alone asks for the time: an answer of before the clock is put right would undo it.
    stage.monkeypatch.setattr("leeward.runtime.trading.running._SYNC_REPLAYED_S", 3_600.0)

    async def work(walk: Walk) -> None:
        await walk.hours(1)
        right_ms = walk.clock.told_ms
        walk.emulator.sim("POST", "faults", effect="clock_jump", ms="3h")
        await walk.ready.market.rest.http.sync()
        await reduces(walk, "stale_candles")
        walk.emulator.sim("POST", "faults", effect="clock_jump", ms=-3 * HOUR.length_ms)
        walk.clock.told_ms = right_ms
        await recovers(walk)
        await walk.hours(1)
        assert bought(walk) == 1

    stage.play(work, FLAT)


@pytest.mark.usefixtures("hasty")
def test_a_candle_that_the_stream_loses_is_decided_on_from_an_answer(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        lost = {"effect": "event_drop", "match": {"closed": "true"}, "count": 1}
        walk.emulator.sim("POST", "faults", **lost)
        await walk.hours(2)
        assert walk.state is ACTIVE

    stage.play(work, FLAT)
    assert [number for number, *_ in decided(stage)] == [0, 1, 2]


def test_a_candle_that_the_exchange_does_not_have_is_not_decided_on_and_the_next_one_is(
    stage: Stage,
) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        await walk.to(hour(1) + 60_000)
        walk.emulator.sim("POST", "faults", effect="kline_gap", symbol="BTCUSDT")
        await walk.to(hour(2) + 60_000)
        await reduces(walk, "stale_candles")
        await walk.to(hour(3) + 90)
        await walk.until(lambda: walk.ready.session.measures.steps == 2)
        await recovers(walk)
        await walk.hours(1)

    stage.play(work, FLAT)
    assert decided(stage) == [(0, "enter", ""), (2, "skipped", "gap"), (3, "hold", "")]


@pytest.mark.usefixtures("hasty")
def test_a_candle_that_is_told_otherwise_later_is_decided_on_once_as_it_was(
    stage: Stage,
) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(2)
        fault = {"effect": "kline_restated", "bps": 500, "bars": 2, "at": iso(hour(0))}
        walk.emulator.sim("POST", "faults", **fault)
        lost = {"effect": "event_drop", "match": {"closed": "true"}, "count": 1}
        walk.emulator.sim("POST", "faults", **lost)
        await walk.hours(2)
        (note,) = [each for each in walk.noted if each.kind == "candle_restated"]
        assert note.words.endswith("closed at 100; the exchange now says 105")
        assert walk.state is ACTIVE

    stage.play(work, FLAT)
    assert [number for number, *_ in decided(stage)] == [0, 1, 2, 3]
    rows = [each for each in stage.history() if isinstance(each, Executed)]
    assert {row.candle[3] for row in rows if row.candle is not None} == {100.0}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("effect", ["subscribe_error", "subscribe_lost"])
def test_without_a_subscription_candles_come_by_answers_until_there_is_one(
    stage: Stage, effect: str
) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        match = {"stream": "*"}
        walk.emulator.sim("POST", "faults", effect=effect, match=match, id="trouble")
        walk.emulator.sim("POST", "faults", effect="ws_cut", kind="stream")
        await walk.until(lambda: struck(walk, "trouble") > 0)
        await walk.hours(2)
        walk.emulator.sim("DELETE", "faults/trouble")
        await walk.until(lambda: subscribed(walk))
        await walk.hours(1)
        assert walk.state is ACTIVE

    stage.play(work, FLAT)
    assert [number for number, *_ in decided(stage)] == [0, 1, 2, 3]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("effect", ["subscribe_error", "subscribe_lost"])
def test_a_stop_that_fills_while_the_account_is_mute_is_found_by_comparing(
    stage: Stage, effect: str
) -> None:
    async def work(walk: Walk) -> None:
        match = {"account": "main"}
        walk.emulator.sim("POST", "faults", effect=effect, match=match, id="trouble")
        walk.emulator.sim("POST", "faults", effect="ws_cut", kind="ws_api")
        await walk.until(lambda: struck(walk, "trouble") > 0)
        await walk.hours(1)
        assert resting(walk) == ["STOP_LOSS"]
        walk.emulator.jump("BTCUSDT", 85.0)
        books = walk.ready.session.keeper.books
        await walk.until(lambda: books.positions() == [])
        assert [each["status"] for each in orders(walk)] == ["FILLED", "FILLED"]

    stage.play(work, FLAT, "trading.audit_s=1")


class Watched(Hearing):
    """Counts what the stream of an account told, and how often it was silent since then."""

    def __init__(self) -> None:
        super().__init__()
        self.events = self.silences = self.events_at_mute = 0

    def told(self) -> None:
        super().told()
        self.events, self.silences = self.events + 1, 0

    def is_mute(self, turns: int) -> bool:
        self.silences += 1
        mute = super().is_mute(turns)
        if mute:
            self.events_at_mute = self.events
        return mute


@pytest.mark.usefixtures("hasty")
def test_a_mute_stream_of_the_account_is_told_and_subscribed_to_anew(stage: Stage) -> None:
    heard = Watched()

    async def work(walk: Walk) -> None:
        await walk.until(lambda: heard.events > 0)  # it is subscribed to
        before = heard.events
        mute = {"effect": "subscribe_lost", "match": {"account": "main"}, "count": 1}
        walk.emulator.sim("POST", "faults", id="trouble", **mute)
        walk.emulator.sim("POST", "faults", effect="ws_cut", kind="ws_api")
        await walk.until(lambda: struck(walk, "trouble") > 0)
        # The new one is subscribed to, and its silence was taken for nothing.
        await walk.until(lambda: heard.events > before and heard.silences > 0)
        await walk.hours(1)
        assert resting(walk) == ["STOP_LOSS"]
        await walk.until(lambda: any(each.kind == "stream_mute" for each in walk.noted))
        await walk.until(lambda: heard.events > heard.events_at_mute)
        walk.emulator.jump("BTCUSDT", 85.0)
        books = walk.ready.session.keeper.books
        await walk.until(lambda: books.positions() == [])

    stage.monkeypatch.setattr("leeward.runtime.trading.running.SILENT_S", 0.5)
    stage.monkeypatch.setattr("leeward.runtime.trading.running.Hearing", lambda: heard)
    stage.play(work, FLAT, "trading.audit_s=3600")


@pytest.mark.usefixtures("hasty")
def test_what_a_slow_socket_does_not_bring_in_time_comes_by_answers_and_a_new_socket(
    stage: Stage,
) -> None:
    async def work(walk: Walk) -> None:
        await walk.hours(1)
        walk.emulator.sim("POST", "faults", effect="ws_slow", bytes=1)
        slow = {each["id"] for each in streams(walk)}
        await walk.hours(2)
        await walk.until(lambda: slow.isdisjoint(each["id"] for each in streams(walk)))
        await walk.hours(1)
        assert walk.state is ACTIVE

    stage.play(work, FLAT)
    assert [number for number, *_ in decided(stage)] == [0, 1, 2, 3]


def test_an_order_that_is_carried_out_twice_does_not_escape_the_judge(stage: Stage) -> None:
    async def work(walk: Walk) -> None:
        match = {"route": "POST /api/v3/order", "side": "BUY"}
        walk.emulator.sim("POST", "faults", effect="duplicate_accept", match=match, count=1)
        await walk.to(hour(1) + 90)
        await walk.until(lambda: bought(walk) == 2)
        await walk.until(lambda: walk.ready.session.desk.settled)
        truth = truth_of(walk.emulator.sim("GET", "state"), "main")
        kept = await asyncio.to_thread(walk.ready.database.load, ACCOUNT)
        wrong = differences(truth, books_of(kept, ACCOUNT, "USDT"), kept)
        assert "trade ('BTCUSDT', 2) is lost" in wrong

    stage.play(work, FLAT, "trading.entry=ioc")


def struck(walk: Walk, fault_id: str) -> int:
    faults = walk.emulator.sim("GET", "faults")
    return int(next(each["applied"] for each in faults if each["id"] == fault_id))


def streams(walk: Walk) -> list[dict[str, Any]]:
    """Returns the open sockets of market streams."""
    found = walk.emulator.sim("GET", "connections")
    return [each for each in found if each["kind"] == "stream"]


def subscribed(walk: Walk) -> bool:
    return any(each["streams"] for each in streams(walk))
