"""A session from its start to its first decision, in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.unit.runtime.trading.test_desk import World, story

from leeward.domain.timeframe import Timeframe
from leeward.engine.records import TradingState
from leeward.runtime.trading.session import TradingSession
from leeward.runtime.trading.standing import Standing
from leeward.runtime.trading.supervision import supervise


def session_of(world: World) -> TradingSession:
    """Returns a session that trades nothing, on the world's desk."""
    desk = world.desk
    decider: Any = SimpleNamespace(
        symbols=(), series=[], last_ms=lambda _: None, renewed=asyncio.Event()
    )
    plan: Any = SimpleNamespace(timeframe=Timeframe.parse("1m"))
    standing = Standing(desk.keeper, desk.clock, desk.server_now_ms, world.alarms.append)
    return TradingSession(
        plan, decider, desk, desk.keeper, standing, dict(desk.rules), cast("Any", world.venue),
        desk.clock, desk.server_now_ms, world.alarms.append,
    )  # fmt: skip


def test_a_recovery_that_cannot_be_written_down_is_made_again(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        session, died = session_of(world), list[str]()
        await world.desk.recover()
        await session.standing.boot()
        journal = session.keeper.journal
        kept_in = journal.path
        # Neither the database nor the disk takes anything.
        world.store.down, journal.path = True, tmp_path / "missing" / "journal"
        task = asyncio.ensure_future(
            supervise(
                {"recovery": session.keep_reconciled},
                lambda name, _: died.append(name),
                session.clock,
            )
        )
        await asyncio.sleep(0.9)
        assert died == ["recovery"]
        world.store.down, journal.path = False, kept_in
        await asyncio.wait_for(task, 60)
        assert session.standing.state is TradingState.ACTIVE

    story(tmp_path, work)
