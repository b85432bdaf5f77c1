"""Account events over sockets that fail: every doubt is told as a gap."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.fake_exchange import KEY, NOW_MS, FakeExchange, Serving, exchange_at, run
from websockets.asyncio.server import ServerConnection

from leeward.domain.answers import Reaction
from leeward.venues.binance_codec_events import BalancesEvent, CashFlowEvent, StreamTerminated
from leeward.venues.binance_user_stream import Gap, KeyRefused, UserStream, listening
from leeward.venues.lines import Patience
from leeward.venues.timing import Clock, ServerClock

HASTE = Patience(overlap_s=0.05, subscribe_s=60.0, first_retry_s=0.02, last_retry_s=0.1)


def flow(amount: str) -> str:
    event = {"e": "balanceUpdate", "E": 1, "a": "USDT", "d": amount, "T": 1}
    return json.dumps({"subscriptionId": 0, "event": event})


async def confirm(connection: ServerConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await connection.recv())
    reply = {"id": message["id"], "status": 200, "result": {"subscriptionId": 0}, "rateLimits": []}
    await connection.send(json.dumps(reply))
    return message


async def never() -> bool:
    raise AssertionError("the time is known")


def told(play: Serving, enough: Callable[[list[Any]], bool]) -> tuple[list[Any], UserStream]:
    """Returns what the stream tells until `enough`; the clock's syncs are counted in it."""

    async def work() -> Any:
        async with exchange_at(FakeExchange(), play) as exchange:
            server_clock = ServerClock(time.perf_counter)

            async def sync() -> bool:
                server_clock.offer(time.perf_counter(), time.perf_counter(), NOW_MS)
                return True

            stream = UserStream(
                exchange.addresses.ws_api,
                KEY,
                server_clock,
                sync,
                Clock(lambda: 0, time.perf_counter),
                HASTE,
            )
            found: list[Any] = []
            async with listening(stream):
                while not enough(found):
                    found.append(await stream.next_told())
            return found, stream

    result: tuple[list[Any], UserStream] = run(work)
    return result


def test_the_subscription_is_signed_and_begins_with_a_gap() -> None:
    asked: list[dict[str, Any]] = []

    async def play(connection: ServerConnection) -> None:
        asked.append(await confirm(connection))
        await connection.send(flow("1"))
        await connection.wait_closed()

    found, _ = told(play, lambda found: len(found) == 2)
    assert found[0] == Gap("connected")
    assert isinstance(found[1], CashFlowEvent)
    message = asked[0]
    assert message["method"] == "userDataStream.subscribe.signature"
    parameters = message["params"]
    payload = f"apiKey=fake-key&timestamp={parameters['timestamp']}"
    assert parameters["signature"] == KEY.sign(payload.encode())


def test_every_reconnect_is_a_gap_before_the_next_event() -> None:
    sockets = 0

    async def play(connection: ServerConnection) -> None:
        nonlocal sockets
        sockets += 1
        await confirm(connection)
        await connection.send(flow(str(sockets)))

    found, stream = told(play, lambda found: len(found) >= 6)
    assert [type(each) for each in found[:6]] == [Gap, CashFlowEvent] * 3
    assert "ConnectionClosed" in found[2].why
    assert stream.health.connects >= 3


def test_sockets_that_are_cut_at_once_are_opened_ever_more_seldom() -> None:
    started: list[float] = []

    async def play(connection: ServerConnection) -> None:
        started.append(time.perf_counter())
        await confirm(connection)

    told(play, lambda found: len(found) == 5)
    assert started[4] - started[3] > 2 * HASTE.first_retry_s


def test_a_message_that_cannot_be_read_is_a_gap() -> None:
    async def play(connection: ServerConnection) -> None:
        await confirm(connection)
        await connection.send('{"event": {"e": "executionReport"}}')
        await connection.send(flow("1"))
        await connection.wait_closed()

    found, stream = told(play, lambda found: len(found) == 3)
    assert "could not be read" in found[1].why
    assert isinstance(found[2], CashFlowEvent)
    assert stream.health.unreadable == 1


def test_events_that_nobody_reads_become_one_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leeward.venues.binance_user_stream._MOST_TOLD", 100)

    async def play(connection: ServerConnection) -> None:
        await confirm(connection)
        for number in range(1, 1_051):
            await connection.send(flow(str(number)))
        await connection.send('{"event": {"e": "executionReport"}}')
        await connection.wait_closed()

    async def work() -> list[Any]:
        async with exchange_at(FakeExchange(), play) as exchange:
            server_clock = ServerClock(time.perf_counter)
            server_clock.offer(time.perf_counter(), time.perf_counter(), NOW_MS)
            clock = Clock(lambda: 0, time.perf_counter)
            where = exchange.addresses.ws_api
            stream = UserStream(where, KEY, server_clock, never, clock, HASTE)
            async with listening(stream):
                while not stream.health.unreadable:
                    await asyncio.sleep(0.01)
                return [await stream.next_told() for _ in range(stream._told.qsize())]

    found: list[Any] = run(work)
    first, *events, last = found
    assert "100 events waited and nobody read them" in first.why
    assert [each.change.amount for each in events] == list(range(1_051 - len(events), 1_051))
    assert isinstance(last, Gap)
    assert len(found) <= 102


def test_a_subscription_that_the_exchange_ends_is_made_again() -> None:
    sockets = 0

    async def play(connection: ServerConnection) -> None:
        nonlocal sockets
        sockets += 1
        await confirm(connection)
        if sockets == 1:
            await connection.send('{"event": {"e": "eventStreamTerminated", "E": 1}}')
        else:
            event = {"e": "outboundAccountPosition", "E": 1, "u": 1, "B": []}
            await connection.send(json.dumps({"event": event}))
        await connection.wait_closed()

    found, _ = told(play, lambda found: len(found) == 4)
    assert [type(each) for each in found] == [Gap, StreamTerminated, Gap, BalancesEvent]


def test_a_shutdown_notice_opens_the_new_socket_before_the_old_one_ends() -> None:
    live = 0
    most = 0

    async def play(connection: ServerConnection) -> None:
        nonlocal live, most
        await confirm(connection)
        live += 1
        most = max(most, live)
        if most == 1:
            await connection.send('{"event": {"e": "serverShutdown", "E": 1}}')
        await connection.wait_closed()
        live -= 1

    found, stream = told(play, lambda found: len(found) == 2)
    assert [type(each) for each in found] == [Gap, Gap]
    assert most == 2
    assert stream.health.failures == 0


def refusing(code: int, text: str, after: int) -> Serving:
    """Plays an exchange that refuses the first `after` subscriptions."""
    attempts = 0

    async def play(connection: ServerConnection) -> None:
        nonlocal attempts
        attempts += 1
        if attempts > after:
            await confirm(connection)
            await connection.wait_closed()
            return
        message = json.loads(await connection.recv())
        refusal = {"id": message["id"], "status": 400, "error": {"code": code, "msg": text}}
        await connection.send(json.dumps(refusal))
        await connection.wait_closed()

    return play


def test_a_timestamp_refused_is_corrected() -> None:
    text = "Timestamp for this request is outside of the recvWindow."
    found, stream = told(refusing(-1021, text, 1), lambda found: len(found) == 1)
    assert isinstance(found[0], Gap)
    assert stream.health.connects == 2


def test_a_key_that_is_not_taken_is_told_and_not_hammered() -> None:
    play = refusing(-2015, "Invalid API-key, IP, or permissions for action.", 100)

    found, stream = told(play, lambda found: len(found) == 3)
    assert all(isinstance(each, KeyRefused) for each in found)
    assert found[0].refused.reaction is Reaction.STOP
    assert stream.health.connects <= 4


def test_a_key_revoked_while_listening_is_told() -> None:
    async def play(connection: ServerConnection) -> None:
        await confirm(connection)
        error = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
        await connection.send(json.dumps({"id": None, "status": 401, "error": error}))
        await connection.wait_closed()

    found, _ = told(play, lambda found: len(found) == 2)
    assert [type(each) for each in found] == [Gap, KeyRefused]
