"""Whoever asks for a symbol to be looked after may die of something else: the desk goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.unit.runtime.trading.test_desk import World, _ended, story

from leeward.domain.answers import Unknown
from leeward.venues.binance_http import Call


async def waits(_: Call, __: Callable[[], Awaitable[object]]) -> Unknown:
    """The request never arrives, and that is known late."""
    await asyncio.sleep(2)
    return Unknown("the line was cut")


def test_what_was_bought_is_protected_in_time_though_who_bought_it_is_cancelled(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        running = asyncio.ensure_future(world.desk.run())
        await asyncio.sleep(1)
        entering = asyncio.ensure_future(world.enter())
        while "stop" not in world.line.sent:
            await asyncio.sleep(0.01)
        entering.cancel()  # as by the error of another symbol that is entered beside it
        await asyncio.sleep(20)
        assert world.desk.settled
        assert world.desk.naked_s() == 0
        assert not running.done()
        await _ended(running)

    story(tmp_path, work, stop=[waits])
