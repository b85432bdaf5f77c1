"""What every venue has to do, as cases: the real client on handmade replies, on the emulator, and
paper trading pass the same ones.

A case gets a `World`: a venue with an account of its own that holds 100,000 USDT and 2 BTC, and a
hand on the price. Prices of resting orders keep well away from the market, which may move by
itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar

from leeward.domain.answers import (
    Acked,
    ConfirmedAbsent,
    Found,
    NotAttempted,
    Outcome,
    Reaction,
    Refused,
    Unavailable,
)
from leeward.domain.money import Money, Price, Quantity, quantize_price
from leeward.domain.order_requests import Leg, OcoRequest, OrderRequest, TriggerRequest
from leeward.domain.orders import (
    Contingency,
    ListStatus,
    OrderListReport,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from leeward.domain.timeframe import Timeframe
from leeward.venues.governor import Lane
from leeward.venues.venue import Venue

T = TypeVar("T")
SYMBOL = "BTCUSDT"
TICK = Decimal("0.01")
LOT = Quantity(Decimal("0.01"))
S, O = OrderStatus, OrderType  # noqa: E741 - read beside the words of the exchange
MINUTE = Timeframe.parse("1m")


@dataclass
class World:
    """A venue to try, and its market: `move_to` brings the price to where it is asked."""

    venue: Venue
    move_to: Callable[[Decimal], Awaitable[None]]
    _ids: int = 0

    async def price(self, factor: str = "1") -> Price:
        """Returns the market's price times a factor, on the tick."""
        now = found(await self.venue.last_price(SYMBOL))
        return quantize_price(now.value * Decimal(factor), TICK, "nearest")

    def new_id(self) -> str:
        self._ids += 1
        return f"suite-{self._ids}"

    async def limit(
        self, side: Side, factor: str, tif: TimeInForce = TimeInForce.GTC
    ) -> OrderRequest:
        """Returns a limit order at the market's price times `factor`."""
        return OrderRequest(
            SYMBOL,
            side,
            O.LIMIT,
            self.new_id(),
            quantity=LOT,
            price=await self.price(factor),
            time_in_force=tif,
        )

    def market(self, side: Side, quantity: Quantity = LOT) -> OrderRequest:
        return OrderRequest(SYMBOL, side, O.MARKET, self.new_id(), quantity=quantity)

    async def stop(self, factor: str) -> OrderRequest:
        """Returns a protective sale at the market once the price falls to its factor."""
        return OrderRequest(
            SYMBOL,
            Side.SELL,
            O.STOP_LOSS,
            self.new_id(),
            quantity=LOT,
            stop_price=await self.price(factor),
        )

    async def target_leg(self, factor: str = "1.2") -> Leg:
        return Leg(O.LIMIT_MAKER, self.new_id(), price=await self.price(factor))

    async def stop_leg(self, factor: str = "0.85") -> Leg:
        return Leg(O.STOP_LOSS, self.new_id(), stop_price=await self.price(factor))

    async def oco(self) -> OcoRequest:
        return OcoRequest(
            SYMBOL, Side.SELL, LOT, self.new_id(), await self.target_leg(), await self.stop_leg()
        )

    async def place(self, request: OrderRequest) -> OrderReport:
        return acked(await self.venue.place(request, Lane.ENTRY))

    async def ask(self, client_order_id: str) -> OrderReport:
        return found(await self.venue.order(SYMBOL, client_order_id))

    async def reaches(self, client_order_id: str, status: OrderStatus) -> OrderReport:
        """Returns the order once it has the status; fails where it does not get it."""
        for _ in range(60):
            answer = await self.venue.order(SYMBOL, client_order_id)
            if isinstance(answer, Found) and answer.value.status is status:
                return answer.value
            await asyncio.sleep(0.05)
        raise AssertionError(f"{client_order_id} is {answer}, not {status}")

    async def balance(self, asset: str) -> tuple[Decimal, Decimal]:
        """Returns free and locked."""
        for each in found(await self.venue.balances()):
            if each.asset == asset:
                return each.free.amount, each.locked.amount
        return Decimal(0), Decimal(0)


Case: TypeAlias = Callable[[World], Awaitable[None]]
CASES: list[Case] = []


def case(function: Case) -> Case:
    CASES.append(function)
    return function


def cases(*choices: Any) -> Callable[[Callable[[World, Any], Awaitable[None]]], None]:
    """Adds one case a choice."""

    def add(function: Callable[[World, Any], Awaitable[None]]) -> None:
        for choice in choices:

            def chosen(world: World, choice: Any = choice) -> Awaitable[None]:
                return function(world, choice)

            chosen.__name__ = f"{getattr(function, '__name__', '')}_{choice}"
            CASES.append(chosen)

    return add


def found(answer: Found[T] | ConfirmedAbsent | Unavailable) -> T:
    assert isinstance(answer, Found), answer
    return answer.value


def acked(outcome: Outcome[T]) -> T:
    assert isinstance(outcome, Acked), outcome
    return outcome.report


def refused(outcome: Outcome[Any], reaction: Reaction) -> Refused:
    assert isinstance(outcome, Refused), outcome
    assert outcome.reaction is reaction, outcome
    return outcome


# The market.


@case
async def tells_its_time(world: World) -> None:
    first = found(await world.venue.server_time_ms())
    assert found(await world.venue.server_time_ms()) >= first > 1_400_000_000_000


@case
async def tells_the_rules_of_a_symbol(world: World) -> None:
    rules = found(await world.venue.rules([SYMBOL]))[SYMBOL]
    assert (rules.base, rules.quote) == ("BTC", "USDT")
    assert rules.price.step == TICK
    assert rules.lot.allows(LOT.value)
    assert rules.notional is not None
    assert {O.LIMIT, O.MARKET, O.STOP_LOSS} <= rules.order_types


@case
async def tells_the_rules_of_all_symbols(world: World) -> None:
    assert SYMBOL in found(await world.venue.rules([]))


@case
async def has_no_rules_for_a_symbol_that_does_not_exist(world: World) -> None:
    assert isinstance(await world.venue.rules(["NOSUCHPAIR"]), Unavailable)


@case
async def has_contiguous_closed_candles(world: World) -> None:
    now = found(await world.venue.server_time_ms())
    candles = found(await world.venue.candles(SYMBOL, MINUTE, now - 600_000, now))
    times = [each.open_time_ms for each in candles]
    assert times == list(range(times[0], times[-1] + 1, 60_000))
    assert all(each.close_time_ms <= now + 60_000 for each in candles)


@case
async def begins_candles_where_it_is_asked(world: World) -> None:
    now = found(await world.venue.server_time_ms())
    start = MINUTE.floor(now) - 300_000
    candles = found(await world.venue.candles(SYMBOL, MINUTE, start, start + 120_000))
    assert all(start <= each.open_time_ms < start + 120_000 for each in candles)


@case
async def has_no_candles_of_the_future(world: World) -> None:
    now = found(await world.venue.server_time_ms())
    assert found(await world.venue.candles(SYMBOL, MINUTE, now + 60_000, now + 600_000)) == ()


@case
async def has_no_candles_of_a_symbol_that_does_not_exist(world: World) -> None:
    answer = await world.venue.candles("NOSUCHPAIR", MINUTE, 0, 60_000)
    assert isinstance(answer, Unavailable)


@case
async def tells_the_last_price(world: World) -> None:
    assert found(await world.venue.last_price(SYMBOL)) > Price(Decimal(1))


@case
async def has_no_price_of_a_symbol_that_does_not_exist(world: World) -> None:
    assert isinstance(await world.venue.last_price("NOSUCHPAIR"), Unavailable)


# Balances.


@case
async def tells_the_balances_of_the_account(world: World) -> None:
    assert await world.balance("BTC") == (Decimal(2), Decimal(0))
    assert await world.balance("USDT") == (Decimal(100_000), Decimal(0))


@case
async def leaves_out_assets_it_does_not_hold(world: World) -> None:
    balances = found(await world.venue.balances())
    assert all(not (each.free.is_zero and each.locked.is_zero) for each in balances)


@case
async def locks_the_cost_of_an_open_purchase(world: World) -> None:
    request = await world.limit(Side.BUY, "0.9")
    await world.place(request)
    assert request.price is not None
    cost = request.price.value * LOT.value
    assert await world.balance("USDT") == (100_000 - cost, cost)


@case
async def locks_the_quantity_of_an_open_sale(world: World) -> None:
    await world.place(await world.limit(Side.SELL, "1.1"))
    assert await world.balance("BTC") == (2 - LOT.value, LOT.value)


@case
async def frees_what_a_cancelled_order_locked(world: World) -> None:
    request = await world.limit(Side.SELL, "1.1")
    await world.place(request)
    acked(await world.venue.cancel(SYMBOL, request.client_order_id, Lane.EXIT))
    assert await world.balance("BTC") == (Decimal(2), Decimal(0))


# Orders that rest.


@cases(("BUY", "0.9"), ("SELL", "1.1"))
async def lets_a_limit_order_away_from_the_market_rest(
    world: World, choice: tuple[str, str]
) -> None:
    request = await world.limit(Side(choice[0]), choice[1])
    report = await world.place(request)
    assert (report.status, report.client_order_id) == (S.NEW, request.client_order_id)
    assert (report.price, report.quantity, report.side) == (request.price, LOT, request.side)
    assert report.executed.is_zero
    assert report.fills == ()
    assert report.order_list_id is None


@case
async def lets_a_maker_order_rest(world: World) -> None:
    limit = await world.limit(Side.BUY, "0.9")
    request = replace(limit, type=O.LIMIT_MAKER, time_in_force=None)
    assert (await world.place(request)).type is O.LIMIT_MAKER


@case
async def refuses_a_maker_order_that_would_take(world: World) -> None:
    limit = await world.limit(Side.BUY, "1.05")
    request = replace(limit, type=O.LIMIT_MAKER, time_in_force=None)
    refused(await world.venue.place(request, Lane.ENTRY), Reaction.PRICE_MOVED)


@case
async def lets_a_protective_stop_rest(world: World) -> None:
    request = await world.stop("0.9")
    await world.place(request)
    report = await world.ask(request.client_order_id)
    assert (report.status, report.type) == (S.NEW, O.STOP_LOSS)
    assert (report.stop_price, report.price) == (request.stop_price, None)


@cases(O.STOP_LOSS_LIMIT, O.TAKE_PROFIT_LIMIT)
async def lets_a_triggered_limit_order_rest(world: World, kind: OrderType) -> None:
    factor = "0.9" if kind is O.STOP_LOSS_LIMIT else "1.1"
    request = replace(
        await world.stop(factor),
        type=kind,
        price=await world.price(factor),
        time_in_force=TimeInForce.GTC,
    )
    await world.place(request)
    report = await world.ask(request.client_order_id)
    assert (report.type, report.price, report.status) == (kind, request.price, S.NEW)


@case
async def refuses_a_stop_the_market_has_passed(world: World) -> None:
    request = await world.stop("1.1")
    refused(await world.venue.place(request, Lane.PROTECTION), Reaction.PRICE_MOVED)


# Orders that fill.


@cases(Side.BUY, Side.SELL)
async def fills_a_market_order_at_once(world: World, side: Side) -> None:
    report = await world.place(world.market(side))
    assert (report.status, report.executed, report.price) == (S.FILLED, LOT, None)
    assert sum((each.quantity.value for each in report.fills), Decimal(0)) == LOT.value


@case
async def tells_what_the_fills_of_an_order_cost(world: World) -> None:
    report = await world.place(world.market(Side.BUY))
    cost = sum((each.price.value * each.quantity.value for each in report.fills), Decimal(0))
    assert abs(cost - report.executed_quote) < Decimal("0.0001")


@case
async def names_the_asset_of_each_commission(world: World) -> None:
    for side, assets in ((Side.BUY, {"BTC", "BNB"}), (Side.SELL, {"USDT", "BNB"})):
        report = await world.place(world.market(side))
        for each in report.fills:
            assert each.commission is None or each.commission.currency in assets
            assert each.commission is None or each.commission >= Money(
                Decimal(0), each.commission.currency
            )


@case
async def spends_no_more_than_the_quote_amount(world: World) -> None:
    request = replace(world.market(Side.BUY), quantity=None, quote_amount=Decimal(100))
    report = await world.place(request)
    assert report.status is S.FILLED
    assert Decimal(90) < report.executed_quote <= Decimal(100)


@cases(TimeInForce.IOC, TimeInForce.FOK)
async def expires_at_once_what_cannot_be_filled_at_once(world: World, tif: TimeInForce) -> None:
    report = await world.place(await world.limit(Side.BUY, "0.9", tif))
    assert (report.status, report.executed.is_zero) == (S.EXPIRED, True)


@cases(TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTC)
async def fills_a_limit_order_across_the_market(world: World, tif: TimeInForce) -> None:
    request = await world.limit(Side.BUY, "1.05", tif)
    report = await world.place(request)
    assert report.status is S.FILLED
    assert request.price is not None
    assert all(each.price <= request.price for each in report.fills)


@case
async def fills_a_resting_order_when_the_market_reaches_it(world: World) -> None:
    request = await world.limit(Side.BUY, "0.9")
    await world.place(request)
    await world.move_to((await world.price("0.88")).value)
    report = await world.reaches(request.client_order_id, S.FILLED)
    assert report.executed == LOT


@case
async def sells_when_the_market_falls_to_the_stop(world: World) -> None:
    request = await world.stop("0.9")
    await world.place(request)
    await world.move_to((await world.price("0.88")).value)
    report = await world.reaches(request.client_order_id, S.FILLED)
    assert report.executed == LOT
    assert (await world.balance("BTC"))[0] == 2 - LOT.value


# Refusals.


@case
async def refuses_a_purchase_without_the_money(world: World) -> None:
    request = replace(await world.limit(Side.BUY, "0.9"), quantity=Quantity(Decimal(50)))
    refused(await world.venue.place(request, Lane.ENTRY), Reaction.FUNDS)


@case
async def refuses_a_sale_of_more_than_there_is(world: World) -> None:
    request = replace(await world.limit(Side.SELL, "1.1"), quantity=Quantity(Decimal(50)))
    refused(await world.venue.place(request, Lane.ENTRY), Reaction.FUNDS)


@cases("0.000011", "0.00000001", "0.123456789")
async def refuses_a_quantity_off_the_lot(world: World, quantity: str) -> None:
    request = replace(await world.limit(Side.BUY, "0.9"), quantity=Quantity(Decimal(quantity)))
    refused(await world.venue.place(request, Lane.ENTRY), Reaction.FIX_REQUEST)


@case
async def refuses_a_price_off_the_tick(world: World) -> None:
    limit = await world.limit(Side.BUY, "0.9")
    assert limit.price is not None
    request = replace(limit, price=Price(limit.price.value + Decimal("0.001")))
    refused(await world.venue.place(request, Lane.ENTRY), Reaction.FIX_REQUEST)


@case
async def refuses_an_order_too_small(world: World) -> None:
    request = replace(await world.limit(Side.BUY, "0.9"), quantity=Quantity(Decimal("0.00002")))
    refused(await world.venue.place(request, Lane.ENTRY), Reaction.FIX_REQUEST)


@case
async def refuses_a_second_open_order_of_the_same_id(world: World) -> None:
    request = await world.limit(Side.BUY, "0.9")
    await world.place(request)
    refused(await world.venue.place(request, Lane.ENTRY), Reaction.DUPLICATE)


@case
async def takes_an_id_again_once_its_order_is_filled(world: World) -> None:
    request = world.market(Side.BUY)
    first = await world.place(request)
    second = await world.place(request)
    assert first.order_id != second.order_id


@case
async def refuses_a_symbol_that_does_not_exist(world: World) -> None:
    request = replace(world.market(Side.BUY), symbol="NOSUCHPAIR")
    refused(await world.venue.place(request, Lane.ENTRY), Reaction.FIX_REQUEST)


@case
async def changes_nothing_by_a_refusal(world: World) -> None:
    request = replace(await world.limit(Side.BUY, "0.9"), quantity=Quantity(Decimal(50)))
    await world.venue.place(request, Lane.ENTRY)
    assert isinstance(await world.venue.order(SYMBOL, request.client_order_id), ConfirmedAbsent)
    assert await world.balance("USDT") == (Decimal(100_000), Decimal(0))


# Questions.


@case
async def finds_an_order_by_its_client_id(world: World) -> None:
    request = await world.limit(Side.BUY, "0.9")
    placed = await world.place(request)
    asked = await world.ask(request.client_order_id)
    assert (asked.order_id, asked.status, asked.quantity) == (placed.order_id, S.NEW, LOT)


@case
async def still_finds_an_order_that_is_done(world: World) -> None:
    request = world.market(Side.BUY)
    await world.place(request)
    assert (await world.ask(request.client_order_id)).status is S.FILLED


@case
async def calls_absent_what_it_does_not_know(world: World) -> None:
    assert isinstance(await world.venue.order(SYMBOL, "never-sent"), ConfirmedAbsent)


@case
async def has_no_open_orders_at_first(world: World) -> None:
    assert found(await world.venue.open_orders(SYMBOL)) == ()
    assert found(await world.venue.open_orders(None)) == ()


@cases(SYMBOL, None)
async def lists_the_open_orders(world: World, symbol: str | None) -> None:
    requests = [await world.limit(Side.BUY, "0.9"), await world.stop("0.85")]
    for request in requests:
        await world.place(request)
    await world.place(world.market(Side.BUY))
    listed = found(await world.venue.open_orders(symbol))
    assert {each.client_order_id for each in listed} == {r.client_order_id for r in requests}


# Cancels.


@case
async def cancels_an_order_by_its_client_id(world: World) -> None:
    request = await world.limit(Side.BUY, "0.9")
    await world.place(request)
    report = acked(await world.venue.cancel(SYMBOL, request.client_order_id, Lane.EXIT))
    assert isinstance(report, OrderReport)
    assert (report.client_order_id, report.status) == (request.client_order_id, S.CANCELED)
    assert (await world.ask(request.client_order_id)).status is S.CANCELED
    assert found(await world.venue.open_orders(SYMBOL)) == ()


@case
async def asks_to_look_where_a_cancel_finds_nothing(world: World) -> None:
    refused(await world.venue.cancel(SYMBOL, "never-sent", Lane.EXIT), Reaction.ASK)


@case
async def asks_to_look_where_a_cancel_comes_too_late(world: World) -> None:
    request = world.market(Side.BUY)
    await world.place(request)
    refused(await world.venue.cancel(SYMBOL, request.client_order_id, Lane.EXIT), Reaction.ASK)


@case
async def cancels_an_order_once_only(world: World) -> None:
    request = await world.limit(Side.BUY, "0.9")
    await world.place(request)
    acked(await world.venue.cancel(SYMBOL, request.client_order_id, Lane.EXIT))
    refused(await world.venue.cancel(SYMBOL, request.client_order_id, Lane.EXIT), Reaction.ASK)


@case
async def cancels_all_open_orders_of_a_symbol(world: World) -> None:
    for factor in ("0.9", "0.91", "0.92"):
        await world.place(await world.limit(Side.BUY, factor))
    reports = acked(await world.venue.cancel_all(SYMBOL, Lane.EXIT))
    assert [each.status for each in reports] == [S.CANCELED] * 3
    assert found(await world.venue.open_orders(SYMBOL)) == ()
    assert await world.balance("USDT") == (Decimal(100_000), Decimal(0))


@case
async def asks_to_look_where_there_is_nothing_to_cancel(world: World) -> None:
    refused(await world.venue.cancel_all(SYMBOL, Lane.EXIT), Reaction.ASK)


# Replacements and amends.


@case
async def replaces_a_stop_by_a_higher_one(world: World) -> None:
    old, new = await world.stop("0.85"), await world.stop("0.9")
    await world.place(old)
    steps = acked(await world.venue.replace(old.client_order_id, new, Lane.PROTECTION))
    assert acked(steps.cancelled).client_order_id == old.client_order_id  # type: ignore[union-attr] # no list
    assert isinstance(steps.placed, Acked)
    assert (await world.ask(old.client_order_id)).status is S.CANCELED
    assert (await world.ask(new.client_order_id)).stop_price == new.stop_price
    assert await world.balance("BTC") == (2 - LOT.value, LOT.value)


@case
async def places_nothing_where_there_is_nothing_to_replace(world: World) -> None:
    new = await world.stop("0.9")
    steps = acked(await world.venue.replace("never-sent", new, Lane.PROTECTION))
    refused(steps.cancelled, Reaction.ASK)
    assert steps.placed == NotAttempted()
    assert isinstance(await world.venue.order(SYMBOL, new.client_order_id), ConfirmedAbsent)


@case
async def tells_where_a_replacement_has_cancelled_and_not_placed(world: World) -> None:
    old, passed = await world.stop("0.85"), await world.stop("1.1")
    await world.place(old)
    steps = acked(await world.venue.replace(old.client_order_id, passed, Lane.PROTECTION))
    assert isinstance(steps.cancelled, Acked)
    assert isinstance(steps.placed, Refused)
    assert steps.placed.reaction is Reaction.PRICE_MOVED
    assert found(await world.venue.open_orders(SYMBOL)) == ()


@case
async def lowers_a_quantity_in_place(world: World) -> None:
    request = await world.limit(Side.SELL, "1.1")
    placed = await world.place(request)
    less = Quantity(Decimal("0.004"))
    after = acked(await world.venue.amend(SYMBOL, request.client_order_id, less, "amended-1"))
    assert (after.order.order_id, after.order.quantity) == (placed.order_id, less)
    assert (await world.ask("amended-1")).quantity == less
    assert await world.balance("BTC") == (2 - less.value, less.value)


@case
async def refuses_to_raise_a_quantity_in_place(world: World) -> None:
    request = await world.limit(Side.SELL, "1.1")
    await world.place(request)
    more = Quantity(Decimal("0.02"))
    outcome = await world.venue.amend(SYMBOL, request.client_order_id, more, "amended-1")
    assert isinstance(outcome, Refused)
    assert (await world.ask(request.client_order_id)).quantity == LOT


# Pairs of which one cancels the other.


@case
async def places_a_pair_that_locks_once(world: World) -> None:
    request = await world.oco()
    placed = acked(await world.venue.place_oco(request, Lane.PROTECTION))
    assert (placed.contingency, placed.status) == (Contingency.OCO, ListStatus.EXECUTING)
    assert placed.client_list_id == request.client_list_id
    assert {each.client_order_id for each in placed.orders} == {
        request.above.client_order_id,
        request.below.client_order_id,
    }
    assert {each.status for each in placed.reports} == {S.NEW}
    assert await world.balance("BTC") == (2 - LOT.value, LOT.value)


@case
async def finds_a_pair_by_its_client_id(world: World) -> None:
    request = await world.oco()
    placed = acked(await world.venue.place_oco(request, Lane.PROTECTION))
    asked = found(await world.venue.order_list(request.client_list_id))
    assert (asked.list_id, asked.status) == (placed.list_id, ListStatus.EXECUTING)
    assert {each.list_id for each in found(await world.venue.open_order_lists())} == {
        placed.list_id
    }
    legs = found(await world.venue.open_orders(SYMBOL))
    assert {each.order_list_id for each in legs} == {placed.list_id}


@case
async def calls_absent_a_pair_it_does_not_know(world: World) -> None:
    assert isinstance(await world.venue.order_list("never-sent"), ConfirmedAbsent)
    assert found(await world.venue.open_order_lists()) == ()


@cases(("0.8", "below", "above"), ("1.25", "above", "below"))
async def ends_the_other_leg_when_one_is_filled(world: World, choice: tuple[str, str, str]) -> None:
    factor, filled, ended = choice
    request = await world.oco()
    acked(await world.venue.place_oco(request, Lane.PROTECTION))
    await world.move_to((await world.price(factor)).value)
    legs = {"above": request.above.client_order_id, "below": request.below.client_order_id}
    report = await world.reaches(legs[filled], S.FILLED)
    assert report.executed == LOT
    assert (await world.ask(legs[ended])).status in {S.EXPIRED, S.CANCELED}
    assert found(await world.venue.order_list(request.client_list_id)).status is ListStatus.ALL_DONE
    assert (await world.balance("BTC"))[1] == 0


@case
async def cancels_the_pair_with_one_leg(world: World) -> None:
    request = await world.oco()
    acked(await world.venue.place_oco(request, Lane.PROTECTION))
    leg = request.below.client_order_id
    report = acked(await world.venue.cancel(SYMBOL, leg, Lane.EXIT))
    assert isinstance(report, OrderListReport)
    assert report.status is ListStatus.ALL_DONE
    assert found(await world.venue.open_orders(SYMBOL)) == ()
    assert await world.balance("BTC") == (Decimal(2), Decimal(0))


@case
async def cancels_a_pair_by_its_client_id(world: World) -> None:
    request = await world.oco()
    acked(await world.venue.place_oco(request, Lane.PROTECTION))
    report = acked(await world.venue.cancel_list(SYMBOL, request.client_list_id, Lane.EXIT))
    assert {each.status for each in report.reports} == {S.CANCELED}


@case
async def refuses_a_pair_on_the_wrong_sides_of_the_market(world: World) -> None:
    request = replace(await world.oco(), below=await world.stop_leg("1.1"))
    assert isinstance(await world.venue.place_oco(request, Lane.PROTECTION), Refused)
    assert found(await world.venue.open_orders(SYMBOL)) == ()


@case
async def refuses_a_pair_without_the_quantity(world: World) -> None:
    request = replace(await world.oco(), quantity=Quantity(Decimal(50)))
    refused(await world.venue.place_oco(request, Lane.PROTECTION), Reaction.FUNDS)


# Orders that wait for another one's fill.


async def entry(world: World, factor: str, *, pair: bool, fok: bool = False) -> TriggerRequest:
    tif = TimeInForce.FOK if fok else TimeInForce.GTC
    return TriggerRequest(
        await world.limit(Side.BUY, factor, tif),
        world.new_id(),
        Side.SELL,
        await (world.target_leg() if pair else world.stop_leg("0.8")),
        await world.stop_leg("0.8") if pair else None,
    )


@cases("one", "pair")
async def keeps_the_exits_pending_until_the_entry_is_filled(world: World, legs: str) -> None:
    request = await entry(world, "0.95", pair=legs == "pair")
    placed = acked(await world.venue.place_trigger(request, Lane.ENTRY))
    assert placed.contingency is Contingency.OTO
    assert len(placed.orders) == (3 if legs == "pair" else 2)
    pending = await world.ask(request.pending.client_order_id)
    assert pending.status is S.PENDING_NEW
    assert (await world.ask(request.working.client_order_id)).status is S.NEW


@cases("one", "pair")
async def protects_what_was_bought_net_of_commission(world: World, legs: str) -> None:
    request = await entry(world, "1.05", pair=legs == "pair", fok=True)
    acked(await world.venue.place_trigger(request, Lane.ENTRY))
    await world.reaches(request.working.client_order_id, S.FILLED)
    for leg in (request.pending, request.pending_below):
        if leg is not None:
            report = await world.reaches(leg.client_order_id, S.NEW)
            assert report.quantity is not None
            assert LOT.value * Decimal("0.99") <= report.quantity.value <= LOT.value


@case
async def places_no_exit_for_an_entry_that_expired(world: World) -> None:
    request = await entry(world, "0.95", pair=True, fok=True)
    await world.venue.place_trigger(request, Lane.ENTRY)
    assert found(await world.venue.open_orders(SYMBOL)) == ()
    assert await world.balance("BTC") == (Decimal(2), Decimal(0))
    assert await world.balance("USDT") == (Decimal(100_000), Decimal(0))


@case
async def cancels_the_exits_with_the_entry(world: World) -> None:
    request = await entry(world, "0.95", pair=False)
    acked(await world.venue.place_trigger(request, Lane.ENTRY))
    acked(await world.venue.cancel(SYMBOL, request.working.client_order_id, Lane.EXIT))
    assert found(await world.venue.open_orders(SYMBOL)) == ()
    assert (await world.ask(request.pending.client_order_id)).status.is_final


# Trades.


@case
async def has_no_trades_at_first(world: World) -> None:
    assert found(await world.venue.trades(SYMBOL, 0)) == ()


@case
async def tells_each_trade_once_and_in_order(world: World) -> None:
    for side in (Side.BUY, Side.SELL, Side.BUY):
        await world.place(world.market(side))
    trades = found(await world.venue.trades(SYMBOL, 0))
    ids = [each.trade_id for each in trades]
    assert ids == sorted(set(ids))
    assert sum((each.quantity.value for each in trades), Decimal(0)) == 3 * LOT.value


@case
async def goes_on_from_the_cursor(world: World) -> None:
    await world.place(world.market(Side.BUY))
    cursor = found(await world.venue.trades(SYMBOL, 0))[-1].trade_id + 1
    assert found(await world.venue.trades(SYMBOL, cursor)) == ()
    report = await world.place(world.market(Side.SELL))
    assert {each.order_id for each in found(await world.venue.trades(SYMBOL, cursor))} == {
        report.order_id
    }


@case
async def tells_the_same_fills_in_the_answer_and_when_asked(world: World) -> None:
    report = await world.place(world.market(Side.BUY))
    await world.place(world.market(Side.BUY))
    asked = found(await world.venue.order_trades(SYMBOL, report.order_id))
    assert [replace(each, is_maker=None, time_ms=0) for each in asked] == [
        replace(each, is_maker=None, time_ms=0) for each in report.fills
    ]


@case
async def tells_of_the_order_behind_a_trade(world: World) -> None:
    report = await world.place(world.market(Side.BUY))
    (trade,) = found(await world.venue.trades(SYMBOL, 0))
    behind = found(await world.venue.order_behind(SYMBOL, trade.order_id))
    assert behind.client_order_id == report.client_order_id
    assert behind.executed == report.executed
    nobody = await world.venue.order_behind(SYMBOL, trade.order_id + 1_000)
    assert isinstance(nobody, ConfirmedAbsent)


@case
async def keeps_balances_and_trades_in_step(world: World) -> None:
    await world.place(world.market(Side.BUY))
    await world.place(world.market(Side.SELL))
    expected = {"BTC": Decimal(2), "USDT": Decimal(100_000)}
    for each in found(await world.venue.trades(SYMBOL, 0)):
        sign = 1 if each.side is Side.BUY else -1
        expected["BTC"] += sign * each.quantity.value
        expected["USDT"] -= sign * each.quantity.value * each.price.value
        if each.commission is not None:
            expected[each.commission.currency] -= each.commission.amount
    for asset, amount in expected.items():
        assert abs((await world.balance(asset))[0] - amount) < Decimal("0.000001")
