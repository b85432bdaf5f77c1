"""An order of unknown fate stands in the way of a stop: no longer than it has to, and never so that
two together could sell more than is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from tests.harness.emulated_venue import ME, _quietly
from tests.paper import RULES
from tests.unit.runtime.trading.test_desk import (
    SYMBOL,
    Fault,
    World,
    by_hand,
    entry_of_dust,
    held_back,
    lost,
    refused,
    story,
    swallowed,
)

from leeward.domain.answers import Found, Unknown
from leeward.domain.money import Quantity
from leeward.engine.own_orders import BookedOrder
from leeward.engine.records import OrderState, Plan, PlanChanged, PositionClosed, Role
from leeward.runtime.trading.memory import Memory, backoff_s
from leeward.venues.binance_codec_events import OrderEvent
from leeward.venues.binance_http import Call
from leeward.venues.governor import Lane


def late(world: list[World], seconds: float) -> Fault:
    """The request arrives after so many seconds, and its answer never does."""

    async def fault(call: Call, _: Callable[[], Awaitable[object]]) -> Unknown:
        world[0].loop.call_later(seconds, _quietly, world[0].outside, call)
        return Unknown("the line was cut")

    return fault


def locked(world: World) -> Decimal:
    """Returns the coins that resting orders would sell."""
    return Decimal(world.outside.exchange._floor.accounts[ME].balance("TST").locked) / 10**8


def coins(world: World) -> Decimal:
    balance = world.outside.exchange._floor.accounts[ME].balance("TST")
    return Decimal(balance.free + balance.locked) / 10**8


def most_locked(world: World) -> list[Decimal]:
    """Returns a list that gets the coins locked after each change at the exchange."""
    seen = [Decimal(0)]
    world.outside.moved = lambda: seen.append(locked(world))
    return seen


def put(world: World, coins: str) -> None:
    world.outside.catch_up()
    world.outside.exchange.deposit(ME, "TST", Decimal(coins))
    world.outside.catch_up()


async def robbed(world: World) -> None:
    """Somebody cancels the stop of a position and takes a part of its coins. The next stop asks for
    more than there is, and its answer is lost, so that nobody says so."""
    await world.enter()
    by_hand(world)
    put(world, "-0.3")
    world.line.faults["stop"] = [lost]
    world.desk.look(SYMBOL)
    await world.pass_s(2)


async def sold_by_hand(world: World, seconds: float) -> None:
    """Somebody cancels the stop and sells all but a little, and leaves it so for a while."""
    by_hand(world)
    put(world, "-0.999")
    world.desk.look(SYMBOL)
    await world.pass_s(seconds)


def test_coins_taken_away_while_the_answer_of_the_stop_is_lost_leave_the_rest_protected(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await robbed(world)
        assert world.resting() == ["SELL STOP_LOSS"]
        assert locked(world) == Decimal("0.699")
        await world.pass_s(60)
        assert world.resting() == ["SELL STOP_LOSS"]
        held = world.books.position(SYMBOL)
        assert held is not None
        assert held.quantity.value == Decimal("0.699")
        assert world.desk.settled

    story(tmp_path, work)


def test_what_keeps_a_part_of_the_position_without_a_stop_is_asked_for_without_a_pause(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await robbed(world)
        world.line.faults["question for an order"] = [held_back] * 12
        await world.pass_s(40)
        held = world.books.position(SYMBOL)
        assert held is not None
        assert locked(world) == held.quantity.value == Decimal("0.699")
        assert world.desk.settled

    story(tmp_path, work)


def test_coins_missing_from_what_an_earlier_position_left_are_not_taken_from_this_one(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await world.enter()
        world.line.faults["exit"] = [refused(-1013, "Filter failure: NOTIONAL")]
        await world.close()  # what nobody takes stays as dust
        assert world.books.dust(SYMBOL).value == Decimal("0.999")
        put(world, "-0.5")  # and half of it goes, while nobody compares
        world.line.faults["stop"] = [swallowed]
        intent = await world.entry(candle=60_000)
        twice = replace(intent.orders[0], quantity=Quantity(Decimal(2)))
        intent = replace(intent, orders=(twice,))
        await world.desk.keeper.commit(intent)
        await world.desk.enter([intent])
        assert locked(world) == Decimal("1.998")

    story(tmp_path, work)


def test_a_stop_that_never_arrived_is_placed_anew_at_once(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        await asyncio.sleep(1)
        assert world.resting() == ["SELL STOP_LOSS"]
        assert locked(world) == Decimal("0.999")
        await world.pass_s(40)
        assert world.desk.settled
        assert world.books.unresolved() == []

    story(tmp_path, work, stop=[swallowed])


def test_of_two_stops_of_which_one_comes_late_one_rests(tmp_path: Path) -> None:
    here: list[World] = []

    async def work(world: World) -> None:
        here.append(world)
        seen = most_locked(world)
        await world.enter()
        await world.pass_s(40)
        assert max(seen) == Decimal("0.999")
        assert world.desk.settled
        assert world.resting() == ["SELL STOP_LOSS"]

    for seconds in (0.1, 0.3, 1, 4):
        here.clear()
        story(tmp_path / str(seconds), work, stop=[late(here, seconds)])


def test_what_a_stop_of_ours_locks_is_not_missing(tmp_path: Path) -> None:
    here: list[World] = []
    told: set[str] = set()

    async def work(world: World) -> None:
        here.append(world)
        put(world, "0.0005")  # that much stays free beside the stop
        await world.desk.recover()
        entering = asyncio.ensure_future(world.enter())
        for _ in range(10):
            await asyncio.sleep(1)
            assert locked(world) == Decimal("0.999")
        await entering
        await world.pass_s(30)
        assert world.desk.settled
        told.update(each.kind for each in world.alarms)

    for ms in range(280, 400, 10):  # some come after the question and before the second stop
        here.clear()
        story(tmp_path / str(ms), work, stop=[late(here, ms / 1000)])
    assert "short_of_funds" in told


def test_a_stop_that_rests_and_is_not_shown_yet_is_waited_for(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        assert world.desk.settled
        assert world.resting() == ["SELL STOP_LOSS"]
        assert world.line.sent.count("stop") == 1

    unknown = refused(-2013, "Order does not exist.")
    story(tmp_path, work, stop=[lost], question_for_an_order=[unknown] * 4)


def test_coins_of_others_that_could_carry_a_second_stop_have_the_first_waited_for(
    tmp_path: Path,
) -> None:
    here: list[World] = []

    async def work(world: World) -> None:
        here.append(world)
        put(world, "5")
        await world.desk.recover()
        seen = most_locked(world)
        await world.enter()
        await world.pass_s(12)
        assert max(seen) == Decimal("0.999")
        assert world.resting() == ["SELL STOP_LOSS"]
        assert world.books.foreign(SYMBOL).value == 5

    story(tmp_path, work, stop=[late(here, 3)])


def test_where_coins_are_missing_beside_those_of_others_what_is_sold_is_ours(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        put(world, "5")
        await world.desk.recover()
        await world.enter()
        by_hand(world)
        put(world, "-0.3")
        world.line.faults["stop"] = [swallowed]
        world.desk.look(SYMBOL)
        sold = Decimal(0)
        for _ in range(18):
            await world.pass_s(0.5)
            sold = Decimal("5.699") - coins(world)
            assert sold in {0, Decimal("0.699")}
        assert sold > 0
        assert coins(world) == 5

    story(tmp_path, work)


@pytest.mark.parametrize("came", ["0.4", "5"])
def test_coins_that_come_where_all_of_ours_were_taken_are_left_alone(
    tmp_path: Path, came: str
) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        await sold_by_hand(world, 25)
        assert world.books.position(SYMBOL) is not None  # one of zero is believed late
        put(world, came)
        touched = most_locked(world)
        await world.pass_s(90)
        assert max(touched) == 0
        assert coins(world) == Decimal(came)
        assert world.books.position(SYMBOL) is None
        assert world.books.foreign(SYMBOL).value == Decimal(came)

    story(tmp_path, work)


def test_coins_that_were_gone_long_ago_do_not_count_towards_a_second_time(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        for _ in range(2):
            await sold_by_hand(world, 2)
            put(world, "0.999")
            await world.pass_s(4)
            assert world.resting() == ["SELL STOP_LOSS"]
            await world.pass_s(90)

    story(tmp_path, work)


def test_a_sale_along_with_dust_that_somebody_took_is_of_what_is_there(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        for intent in (await entry_of_dust(world), await world.entry(1)):
            await world.desk.keeper.commit(intent)
            await world.desk.enter([intent])
            await world.pass_s(5)
        dust = world.books.dust(SYMBOL).value
        assert dust > Decimal("0.029")
        put(world, f"-{dust - Decimal('0.0005')}")
        await world.close()
        await world.pass_s(3)
        assert coins(world) < Decimal("0.001")

    story(tmp_path, work)


def test_coins_that_were_gone_for_a_while_and_come_back_whole_are_sold(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.desk.recover()
        await world.enter()
        await sold_by_hand(world, 25)
        put(world, "0.999")
        await world.pass_s(20)
        assert world.desk.settled
        assert coins(world) == 0
        (closed,) = [each for each in world.store.kept if isinstance(each, PositionClosed)]
        assert closed.trade.exit_reason == "containment"

    story(tmp_path, work)


def test_what_an_earlier_process_left_open_puts_the_deadline_off_once(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        put(world, "5")
        await world.desk.recover()
        entering = asyncio.ensure_future(world.enter())
        await asyncio.sleep(0.5)
        entering.cancel()
        no = refused(-2010, "Account has insufficient balance for requested action.")
        world.line.faults["stop"] = [no] * 100
        await world.boot()
        world.desk.look(SYMBOL)
        await world.pass_s(13)
        (closed,) = [each for each in world.store.kept if isinstance(each, PositionClosed)]
        assert closed.trade.exit_reason == "containment"
        assert coins(world) == 5

    story(tmp_path, work, stop=[swallowed])


def test_a_sale_that_never_arrived_is_made_again_before_the_deadline(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        await world.close()
        await world.pass_s(2)
        assert world.books.position(SYMBOL) is None
        (closed,) = [each for each in world.store.kept if isinstance(each, PositionClosed)]
        assert closed.unprotected_ms < 2_000

    story(tmp_path, work, exit=[swallowed])


def test_nothing_is_bought_while_an_earlier_sale_may_still_arrive(tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.enter()
        await world.close()
        await asyncio.sleep(1)
        assert world.books.position(SYMBOL) is None
        intent = await world.entry(candle=60_000)
        await world.desk.keeper.commit(intent)
        await world.desk.enter([intent])
        assert world.line.sent.count("entry") == 1
        assert world.state(Role.ENTRY) is OrderState.VOID
        await world.pass_s(40)
        again = await world.entry(candle=120_000)
        await world.desk.keeper.commit(again)
        await world.desk.enter([again])
        assert world.state(Role.ENTRY) is OrderState.FILLED

    story(tmp_path, work, exit=[swallowed])


def test_news_of_a_target_is_looked_into_at_once_however_often_it_was_asked_for(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await world.enter()
        held = world.books.position(SYMBOL)
        assert held is not None
        plan = Plan(held.plan.stop, await world.price("1.1"))
        await world.desk.keeper.commit(PlanChanged(held.position_id, plan, None, 1), urgent=True)
        await world.desk.tend(SYMBOL)
        both = ["SELL LIMIT_MAKER", "SELL STOP_LOSS"]
        assert world.resting() == both
        news = [await told_of(world, each) for each in world.books.open_orders(SYMBOL)]
        for _ in range(40):
            for each in news:
                world.desk.hint(each)
            await world.pass_s(0.5)
        by_hand(world)
        for each in news:
            world.desk.hint(each)
        await world.pass_s(1)
        assert world.resting() == both

    story(tmp_path, work)


async def told_of(world: World, order: BookedOrder) -> OrderEvent:
    found = await world.venue.order(SYMBOL, order.client_order_id)
    assert isinstance(found, Found)
    return OrderEvent(found.value, "NEW", "NONE")


def test_a_gap_ends_the_patience_of_every_question() -> None:
    memory = Memory(RULES)
    for slow in (memory.question("a").pause, memory.rules_pause):
        for _ in range(9):
            slow.put_off(10.0)
        assert slow.at_s - 10 == backoff_s(9) > 20
        memory.begin_gap(12.0)
        assert slow.at_s == 13.0


def test_what_has_failed_for_weeks_is_tried_as_often_as_what_has_failed_for_hours() -> None:
    assert [backoff_s(times) for times in (1, 2, 7, 8, 9)] == [0.25, 0.5, 16.0, 30.0, 30.0]
    assert backoff_s(100_000) == 30.0


def test_what_is_left_bare_while_its_symbol_rests_for_hours_is_protected_as_it_trades_again(
    tmp_path: Path,
) -> None:
    async def work(world: World) -> None:
        await world.enter()
        exchange = world.outside.exchange
        (stop,) = world.books.open_orders(SYMBOL)
        await world.venue.cancel(SYMBOL, stop.client_order_id, Lane.EXIT)
        exchange.set_symbol_status(SYMBOL, "BREAK")
        await world.pass_s(2 * 3600)
        assert world.resting() == []
        exchange.set_symbol_status(SYMBOL, "TRADING")
        await world.pass_s(60)
        assert world.resting() == ["SELL STOP_LOSS"]

    story(tmp_path, work)


def test_what_a_late_entry_bought_is_protected_soon(tmp_path: Path) -> None:
    here: list[World] = []

    async def work(world: World) -> None:
        here.append(world)
        entering = asyncio.ensure_future(world.enter())
        await asyncio.sleep(4.5 + 1.5)
        assert world.state(Role.ENTRY) is OrderState.FILLED
        assert world.resting() == ["SELL STOP_LOSS"]
        await entering

    story(tmp_path, work, entry=[late(here, 4.5)])
