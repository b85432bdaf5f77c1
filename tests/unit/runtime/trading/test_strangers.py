"""Other hands on the account: all they do is written down, and an operator hears of it once in a
while; another Leeward that trades the account halts this one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.runtime.trading.test_asking import by_hand
from tests.unit.runtime.trading.test_desk import ACCOUNT, SYMBOL, World, lost, story

from leeward.domain.money import Quantity
from leeward.domain.order_requests import OrderRequest
from leeward.domain.orders import OrderType, Side, TimeInForce
from leeward.engine.intents import client_order_id
from leeward.engine.records import (
    DecisionKey,
    Noted,
    Plan,
    PlanChanged,
    Role,
    Severity,
    TradingState,
)
from leeward.venues.binance_http import Call

Moves = list[tuple[TradingState, str]]


def told(world: World, kind: str) -> list[tuple[Severity, str]]:
    return [(each.severity, each.subject) for each in world.alarms if each.kind == kind]


def kept(world: World, kind: str) -> list[Noted]:
    return [each for each in world.store.kept if isinstance(each, Noted) and each.kind == kind]


def listening(world: World) -> Moves:
    """Lets the desk hear the user stream; returns the moves that it will ask for."""
    moves: Moves = []

    async def tighten(state: TradingState, why: str) -> None:
        moves.append((state, why))

    world.desk.tighten = tighten
    world.outside.listen(world.desk.hint)
    return moves


def test_of_many_trades_of_another_hand_each_is_written_down_and_one_is_told_an_hour(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        for _ in range(50):
            await by_hand(world, Side.BUY, "0.1")
            await world.pass_s(2)
            await world.desk.audit()
        assert len(kept(world, "external_trade")) == 50
        assert told(world, "external_trade") == [(Severity.WARNING, SYMBOL)]
        await world.pass_s(3600)
        await by_hand(world, Side.BUY, "0.1")
        await world.desk.audit()
        assert told(world, "external_trade") == [(Severity.WARNING, SYMBOL)] * 2

    story(tmp_path, work)


def test_of_many_orders_of_another_hand_each_is_written_down_and_one_is_told(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        for number in range(5):
            price = await world.price("0.8")
            request = OrderRequest(
                SYMBOL, Side.BUY, OrderType.LIMIT, f"web-{number}", Quantity(Decimal("0.1")),
                price=price, time_in_force=TimeInForce.GTC,
            )  # fmt: skip
            await world.venue.place(request)
            await world.desk.audit()
            await world.desk.audit()
        assert len(kept(world, "external_order")) == 5
        assert told(world, "external_order") == [(Severity.WARNING, SYMBOL)]

    story(tmp_path, work)


async def of_another(world: World, name: str) -> None:
    """Another Leeward buys at the market under a name: the order is done at once."""
    coins = Quantity(Decimal(1))
    await world.venue.place(OrderRequest(SYMBOL, Side.BUY, OrderType.MARKET, name, coins))


@pytest.mark.parametrize("epoch", [1, 9])
def test_an_order_of_another_leeward_halts_the_account_though_none_of_it_rests(
    epoch: int, tmp_path: Path
) -> None:
    async def work(world: World) -> None:
        moves = listening(world)
        await world.enter()
        await world.pass_s(2)
        assert moves == []
        key = DecisionKey(ACCOUNT, SYMBOL, 60_000, "entry")
        await of_another(world, client_order_id(key, epoch, Role.ENTRY))
        await world.pass_s(5)
        assert [state for state, _ in moves] == [TradingState.HALTED]
        assert moves[0][1].startswith("stray_order: ")
        assert world.resting() == ["SELL STOP_LOSS"]

    story(tmp_path, work)


def test_a_second_order_under_a_name_of_ours_halts_the_account(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        moves = listening(world)
        await world.enter()
        await world.pass_s(2)
        assert moves == []
        await of_another(world, (await world.entry()).orders[0].client_order_id)
        await world.pass_s(5)
        assert [state for state, _ in moves] == [TradingState.HALTED]
        assert "two orders" in moves[0][1]

    story(tmp_path, work)


def test_an_order_under_a_name_of_ours_that_came_before_ours_halts_the_account(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        moves = listening(world)

        async def overtaken(call: Call, passing: Callable[[], Awaitable[object]]) -> object:
            await of_another(world, call.parameters["newClientOrderId"])
            return await passing()

        world.line.faults["entry"] = [overtaken]
        await world.enter()
        await world.pass_s(5)
        assert [state for state, _ in moves] == [TradingState.HALTED]

    story(tmp_path, work)


@pytest.mark.parametrize("database", ["up", "down"])
def test_nothing_that_this_account_or_an_earlier_life_of_it_ordered_is_a_strangers(
    database: str, tmp_path: Path
) -> None:
    async def work(world: World) -> None:
        moves = listening(world)
        await world.enter()
        world.store.down = database == "down"
        held = world.books.position(SYMBOL)
        assert held is not None
        target = None
        for stop in ("0.91", "0.92", "0.93"):
            plan, target = Plan(await world.price(stop), target), await world.price("1.2")
            change = PlanChanged(held.position_id, plan, None, 1)
            await world.desk.keeper.commit(change, urgent=True)
            await world.desk.tend(SYMBOL)
        world.store.down = False
        await world.boot()
        moves += listening(world)
        await world.desk.recover()
        await world.close()
        await world.pass_s(60)
        assert world.books.position(SYMBOL) is None
        assert moves == []
        assert world.alarms == []

    story(tmp_path, work, stop=[lost], raise_of_a_stop=[lost], cancel_of_a_list=[lost], exit=[lost])
