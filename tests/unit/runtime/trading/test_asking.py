"""Whose a trade is while the fate of an order of ours is open: the exchange is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.runtime.trading.test_desk import (
    SYMBOL,
    Fault,
    World,
    held_back,
    lost,
    story,
    swallowed,
)

from leeward.domain.answers import NotSent, Unknown
from leeward.domain.money import Quantity
from leeward.domain.order_requests import OrderRequest
from leeward.domain.orders import OrderType, Side
from leeward.engine.records import OrderState, Role
from leeward.venues.binance_http import Call, Reply


def refusing(name: str) -> tuple[Fault, list[str]]:
    """Returns a fault that knows no order by the parameter `name`, and what was asked by it."""
    asked: list[str] = []

    async def fault(call: Call, passing: Callable[[], Awaitable[object]]) -> object:
        if name not in call.parameters:
            return await passing()
        asked.append(call.parameters[name])
        return Reply(400, b'{"code":-2013,"msg":"Order does not exist."}')

    return fault, asked


async def silent(call: Call, passing: Callable[[], Awaitable[object]]) -> object:
    """Nothing is known of whoever made a trade."""
    return NotSent("held back") if "orderId" in call.parameters else await passing()


async def by_hand(world: World, side: Side, coins: str = "1") -> None:
    request = OrderRequest(SYMBOL, side, OrderType.MARKET, "by-hand", Quantity(Decimal(coins)))
    await world.venue.place(request)


def test_a_trade_of_another_hand_holds_up_no_order_that_never_arrived(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        await by_hand(world, Side.BUY)
        await world.pass_s(45)
        assert world.state(Role.ENTRY) is OrderState.VOID
        report = await world.desk.audit()
        assert report.clean, report.words
        assert world.books.balance("TST") == Decimal("0.999")
        assert world.books.position(SYMBOL) is None

    story(tmp_path, work, entry=[swallowed])


def test_what_another_hand_sells_as_a_sale_of_ours_is_lost_ends_the_position(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        async def overtaken(_: Call, __: Callable[[], Awaitable[object]]) -> Unknown:
            await by_hand(world, Side.SELL, "0.999")
            return Unknown("the line was cut")

        await world.desk.recover()
        await world.enter()
        world.line.faults["exit"] = [overtaken]
        await world.close()
        await world.pass_s(60)
        report = await world.desk.audit()
        assert report.clean, report.words
        assert world.books.position(SYMBOL) is None
        assert world.books.balance("TST") == 0

    story(tmp_path, work)


def test_an_order_that_no_question_finds_is_told_by_the_trade_that_it_made(tmp_path: Path) -> None:
    hidden, _ = refusing("origClientOrderId")

    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        await by_hand(world, Side.BUY)
        await world.desk.audit()
        held = world.books.position(SYMBOL)
        assert held is not None
        assert held.quantity.value == Decimal("0.999")
        assert world.books.foreign(SYMBOL).value == Decimal("0.999")

    story(tmp_path, work, entry=[lost], question_for_an_order=[hidden] * 1000)


@pytest.mark.parametrize("fault", [refusing("orderId")[0], silent], ids=["unknown", "unreachable"])
def test_a_trade_that_nobody_can_name_waits_with_the_order(tmp_path: Path, fault: Fault) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        await by_hand(world, Side.BUY)
        await world.pass_s(500)
        assert world.state(Role.ENTRY) is OrderState.UNKNOWN
        assert not (await world.desk.audit()).clean
        await world.pass_s(200)
        assert world.state(Role.ENTRY) is OrderState.VOID
        assert (await world.desk.audit()).clean

    story(tmp_path, work, entry=[swallowed], question_for_an_order=[fault] * 100_000)


def test_many_trades_of_another_hand_are_asked_for_a_few_at_a_time(tmp_path: Path) -> None:
    unknown, asked = refusing("orderId")

    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        for _ in range(60):
            await by_hand(world, Side.BUY, "0.1")
        world.line.faults["question for an order"] = [unknown] * 1000
        await world.desk.audit()
        assert len(asked) == len(set(asked)) == 20
        world.line.faults.clear()
        await world.pass_s(90)
        assert world.state(Role.ENTRY) is OrderState.VOID
        assert (await world.desk.audit()).clean

    story(tmp_path, work, entry=[swallowed])


async def asked_in_an_audit(world: World, **faults: list[Fault]) -> list[str]:
    """Returns the questions of one comparison."""
    del world.line.sent[:]
    world.line.faults = {each.replace("_", " "): list(fault) for each, fault in faults.items()}
    await world.desk.audit()
    return list(world.line.sent)


@pytest.mark.parametrize("question", ["open_orders", "open_lists", "trades", "balances"])
def test_a_comparison_asks_once_more_for_an_answer_that_was_lost(
    tmp_path: Path, question: str
) -> None:
    name = f"question_for_{question}"

    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        usual = await asked_in_an_audit(world)
        fault: Fault = lost
        again = await asked_in_an_audit(world, **{name: [fault]})
        assert sorted(again) == sorted([*usual, name.replace("_", " ")])
        assert not world.desk.left

    story(tmp_path, work)


def test_a_comparison_does_not_insist_where_it_is_told_to_wait(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        asked = await asked_in_an_audit(world, question_for_open_orders=[held_back])
        assert asked.count("question for open orders") == 1
        assert world.desk.left

    story(tmp_path, work)


def test_where_nothing_answers_a_comparison_repeats_a_few_questions_only(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        usual = await asked_in_an_audit(world)
        fault: Fault = swallowed
        dead = {each.replace(" ", "_"): [fault] * 100 for each in usual}
        asked = await asked_in_an_audit(world, **dead)
        # The stop, not told among the open orders, is asked for alone; the second page of trades
        # is not asked for.
        assert len(asked) == len(usual) + 1 - 1 + 3

    story(tmp_path, work)
