"""A committed entry that may not leave any more: time has passed, the account is another's, or it
was halted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.runtime.trading.test_desk import World, story

from leeward.database.errors import LeaseLost
from leeward.engine.records import IntentMade, OrderState, Role
from leeward.runtime.trading.supervision import first_cause

Event = Callable[[World], Awaitable[None]]


async def sleeps(_: World) -> None:
    """The process is stopped for an hour."""
    await asyncio.sleep(3600)


async def suspended(world: World) -> None:
    """The computer is: our seconds stand still, the date does not."""
    clock = world.desk.clock
    later = replace(clock, now_ms=lambda: clock.now_ms() + 3_600_000)
    for means in {id(each.means): each.means for each in world.desk._tenders.values()}.values():
        object.__setattr__(means, "clock", later)


async def halted(world: World) -> None:
    for means in {id(each.means): each.means for each in world.desk._tenders.values()}.values():
        object.__setattr__(means, "may_enter", lambda: False)


async def loses_the_database(world: World) -> None:
    world.store.down = True


async def committed(world: World) -> IntentMade:
    intent = await world.entry()
    await world.desk.keeper.commit(intent)
    return intent


@pytest.mark.parametrize("event", [sleeps, suspended, halted, loses_the_database])
def test_an_entry_that_may_not_leave_any_more_is_void(tmp_path: Path, event: Event) -> None:
    async def work(world: World) -> None:
        decided = world.desk.clock.moment()
        intent = await committed(world)
        await event(world)
        await world.desk.enter([intent], decided)
        assert "entry" not in world.line.sent
        assert world.state(Role.ENTRY) is OrderState.VOID
        assert [each.kind for each in world.alarms] == ["entry_not_sent"]
        world.store.down = False

    story(tmp_path, work)


def test_an_entry_that_is_a_little_late_leaves(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        decided = world.desk.clock.moment()
        intent = await committed(world)
        await asyncio.sleep(45)
        await world.desk.enter([intent], decided)
        assert world.state(Role.ENTRY) is OrderState.FILLED

    story(tmp_path, work)


def test_a_process_that_was_stopped_while_another_took_the_account_sends_nothing(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        decided = world.desk.clock.moment()
        intent, stopped = await committed(world), world.desk
        await world.boot()  # the second one, under the next epoch
        world.line.sent.clear()
        with pytest.raises(ExceptionGroup) as told:
            await stopped.enter([intent], decided)
        assert isinstance(first_cause(told.value), LeaseLost)
        assert world.line.sent == []

    story(tmp_path, work)
