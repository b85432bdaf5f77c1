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
