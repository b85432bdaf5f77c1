"""The watchdogs in virtual time, beside a database that takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.unit.runtime.trading.test_desk import World, _ended, story

from leeward.engine.records import Noted, Severity
from leeward.runtime.trading.standing import Standing
from leeward.runtime.trading.watchdogs import Watchdogs


async def wakes_a_little_late(seconds: float) -> None:
    await asyncio.sleep(seconds + 0.001)


async def hangs(work: Callable[[], None]) -> None:
    await asyncio.sleep(60)
    work()


def test_a_database_that_takes_long_is_no_loop_that_stood_still(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        keeper = world.desk.keeper
        clock = keeper.clock = replace(world.desk.clock, sleep=wakes_a_little_late)
        standing = Standing(keeper, clock, world.outside.now_ms, world.alarms.append)
        watchdogs = Watchdogs(
            standing, keeper, clock, world.outside.now_ms,
            lambda: 0.0, lambda: 0.0, lambda: 0.0, lambda: None, lambda: 1 << 40, 60,
        )  # fmt: skip
        watching = asyncio.ensure_future(watchdogs.run())
        await asyncio.sleep(5)
        keeper.aside = hangs
        noted = Noted("any", "words", Severity.INFO, 1)
        await keeper.commit(noted, urgent=True)
        await asyncio.sleep(150)
        assert {each.kind for each in world.alarms} == {"database"}
        await _ended(watching)

    story(tmp_path, work)
