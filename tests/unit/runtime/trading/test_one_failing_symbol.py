"""An error in the care of one symbol, and what becomes of the others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.runtime.trading.test_desk import SYMBOL, World, _ended, by_hand, story

from leeward.runtime.trading.supervision import supervise
from leeward.runtime.trading.tending import Tender


def test_an_error_in_one_symbol_leaves_no_other_without_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_step = Tender._take_step

    async def fails(tender: Tender) -> object:
        if tender.symbol == "BADUSDT":
            raise ZeroDivisionError("a case that nobody thought of")
        return await take_step(tender)

    async def work(world: World) -> None:
        await world.enter()
        rules = {"BADUSDT": world.desk.rules[SYMBOL], SYMBOL: world.desk.rules[SYMBOL]}
        world.desk = replace(world.desk, rules=rules)
        monkeypatch.setattr(Tender, "_take_step", fails)
        desk = supervise({"desk": world.desk.run}, lambda *_: None, world.desk.clock)
        running = asyncio.ensure_future(desk)
        world.desk.look("BADUSDT")
        await asyncio.sleep(60)
        by_hand(world)
        world.desk.look(SYMBOL)
        await asyncio.sleep(120)
        assert world.resting() == ["SELL STOP_LOSS"]
        await _ended(running)

    story(tmp_path, work)
