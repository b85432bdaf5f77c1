"""Orders of an operator to sell, carried out by the desk in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from tests.accounts import intent, opened
from tests.unit.runtime.trading.test_desk import ACCOUNT, SYMBOL, World, story

from leeward.database.commands import Command
from leeward.engine.records import CommandDone
from leeward.runtime.trading.commands import Commands
from leeward.runtime.trading.standing import Standing

#: Sorts before SYMBOL; nobody looks after it.
GONE = "GONEUSDT"


def commands_of(world: World, kind: str) -> Commands:
    """Returns who finds one command of a kind, for the world's desk."""
    desk = world.desk
    standing = Standing(desk.keeper, desk.clock, desk.server_now_ms, world.alarms.append)

    async def pending() -> Sequence[Command]:
        return [Command(7, ACCOUNT, kind, "", "me", 0, None, None)]

    async def swap(_: Command) -> None:
        raise AssertionError("nobody asked for a swap")

    return Commands(
        pending, desk.keeper, standing, desk.clock, desk.server_now_ms, desk.look,
        lambda: Decimal(10_000), lambda: True, swap,
    )  # fmt: skip


def test_what_the_exchange_has_no_more_does_not_keep_the_rest_from_being_sold(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        await world.desk.keeper.commit(opened(intent(symbol=GONE)))
        await commands_of(world, "flatten").look()
        await world.pass_s(10)
        assert world.books.position(SYMBOL) is None
        outcomes = [each.outcome for each in world.store.kept if isinstance(each, CommandDone)]
        assert outcomes == [f"closing {GONE}, {SYMBOL}"]
        assert await world.desk.tend(GONE)  # a swap that closes all asks for that

    story(tmp_path, work)
