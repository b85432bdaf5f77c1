"""A symbol that is traded no more, of which something comes to light while the session runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from tests.harness.emulated_venue import _quietly
from tests.unit.runtime.trading.test_desk import SYMBOL, World, story

from leeward.domain.answers import Unknown
from leeward.engine.records import OrderState, Role
from leeward.venues.binance_http import Call


def test_what_an_entry_given_up_bought_after_all_is_protected_though_its_symbol_is_left_out(
    tmp_path: Path,
) -> None:
    entries: list[Call] = []

    async def kept_back(call: Call, _: Callable[[], Awaitable[object]]) -> Unknown:
        entries.append(call)
        return Unknown("the line was cut")

    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        await world.pass_s(60)
        assert world.state(Role.ENTRY) is OrderState.VOID
        await world.boot()
        world.desk = replace(world.desk, rules={})
        assert (await world.desk.recover()).clean
        _quietly(world.outside, entries[0])
        await world.pass_s(180)
        assert world.books.position(SYMBOL) is not None
        assert world.resting() == ["SELL STOP_LOSS"]

    story(tmp_path, work, entry=[kept_back])
