"""The rules of the symbols, looked at while a session runs."""

from __future__ import annotations

from pathlib import Path

from tests.unit.runtime.trading.test_desk import SYMBOL, World, story

from leeward.domain.rules import SymbolStatus
from leeward.runtime.trading.market import Market
from leeward.runtime.trading.rules_watch import RulesWatch


def test_a_symbol_that_the_exchange_has_no_more_hides_no_change_of_the_others(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        desk = world.desk
        rules, world.line.http.key = desk.rules[SYMBOL], None
        market = Market(world.venue, {SYMBOL: rules, "GONEUSDT": rules}, "USDT")
        watch = RulesWatch(market, desk, desk.keeper, desk.clock, world.alarms.append)
        world.outside.exchange.set_symbol_status(SYMBOL, "BREAK")
        await watch.look()
        assert market.rules[SYMBOL].status is not SymbolStatus.TRADING
        assert [each.kind for each in world.alarms] == ["symbol_status"]

    story(tmp_path, work)
