"""Sockets one after another: each is ended once a later one has taken over."""

from __future__ import annotations

import asyncio
import time
from typing import NoReturn

import pytest
from tests.fake_exchange import run

from leeward.venues.lines import Line, LineHealth, Lines, Patience
from leeward.venues.sockets import SocketEnded
from leeward.venues.timing import Clock

HASTE = Patience(overlap_s=0.02, first_retry_s=0.01, last_retry_s=0.05)


@pytest.mark.parametrize("refused", [0, 1, 3])
def test_a_socket_that_was_replaced_ends_however_often_its_successor_was_refused(
    refused: int,
) -> None:
    begun, alive = [0], set[int]()

    async def serve(line: Line) -> NoReturn:
        begun[0] += 1
        number = begun[0]
        if 1 < number <= 1 + refused:
            raise SocketEnded("refused")
        alive.add(number)
        try:
            line.subscribed.set()
            await asyncio.Event().wait()
        finally:
            alive.remove(number)
        raise AssertionError

    async def work() -> None:
        lines = Lines(serve, Clock(lambda: 0, time.perf_counter), HASTE, LineHealth())
        keeping = asyncio.create_task(lines.keep())
        while not alive:
            await asyncio.sleep(0.01)
        lines.redial()
        while alive != {2 + refused}:
            await asyncio.sleep(0.01)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        assert not alive

    run(work)


def test_an_exchange_that_sends_every_new_socket_away_is_dialled_ever_more_seldom() -> None:
    waits: list[float] = []

    async def serve(line: Line) -> NoReturn:
        line.subscribed.set()
        line.leave.set()  # as where each server that answers is about to be shut down
        await asyncio.Event().wait()
        raise AssertionError

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    async def work() -> int:
        health = LineHealth()
        lines = Lines(serve, Clock(lambda: 0, time.perf_counter, sleep), Patience(), health)
        keeping = asyncio.create_task(lines.keep())
        while health.connects < 10:
            await asyncio.sleep(0)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        return health.connects

    assert run(work) == 10
    assert waits[:8] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
