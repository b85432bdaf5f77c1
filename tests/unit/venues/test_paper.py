"""What an account on paper does with the opens, candles and books it is offered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.venue_suite import acked, found, refused
from tests.paper import (
    RULES,
    SYMBOL,
    TERMS,
    StillMarket,
    buy,
    candle,
    hour,
    sell,
    stop_at,
    venue_in,
)

from leeward.domain.answers import NotSent, Reaction
from leeward.domain.errors import CannotWrite
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.order_requests import Leg, OcoRequest, TriggerRequest
from leeward.domain.orders import (
    ListStatus,
    OrderListReport,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from leeward.domain.rules import SymbolStatus
from leeward.venues.governor import Lane
from leeward.venues.paper import PaperVenue

ONE = Quantity(Decimal(1))


def run(work: Awaitable[Any]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await work

    asyncio.run(bounded())


async def bought(venue: PaperVenue, k: int = 0, open_: float = 100.0) -> OrderReport:
    """Returns the fill of one unit at the open of hour k."""
    venue.offer_open(SYMBOL, hour(k), open_)
    return acked(await venue.place(buy(f"entry-{k}"), Lane.ENTRY))


async def status(venue: PaperVenue, name: str) -> OrderStatus:
    return found(await venue.order(SYMBOL, name)).status


async def held(venue: PaperVenue, asset: str) -> Decimal:
    each = {b.asset: b for b in found(await venue.balances())}
    return each[asset].free.amount if asset in each else Decimal(0)


def cases(*given: Callable[[PaperVenue], Awaitable[None]]) -> Any:
    return pytest.mark.parametrize("case", given, ids=lambda case: case.__name__)


async def fills_at_the_next_open(venue: PaperVenue) -> None:
    venue.offer_open(SYMBOL, hour(0), 90.0)
    venue.offer_candle(candle(0, 90.0, 101.0, 89.0, 100.0))
    sending = asyncio.create_task(venue.place(buy("a"), Lane.ENTRY))
    await asyncio.sleep(0.01)
    assert not sending.done()
    venue.offer_open(SYMBOL, hour(1), 100.0)
    report = acked(await sending)
    assert (report.status, report.executed) == (OrderStatus.FILLED, ONE)
    (fill,) = report.fills
    assert fill.price == Price(Decimal("100.05"))
    assert fill.time_ms == hour(1)
    assert fill.commission == Money(Decimal("0.10005"), "USDT")
    assert await held(venue, "USDT") == Decimal(10_000) - Decimal("100.05") * Decimal("1.001")
    assert await held(venue, "BTC") == 1


async def fills_at_once_at_an_open_it_has_seen(venue: PaperVenue) -> None:
    report = await bought(venue)
    assert report.fills[0].price == Price(Decimal("100.05"))


async def serves_an_open_that_only_the_closed_candle_tells(venue: PaperVenue) -> None:
    venue.offer_candle(candle(0, 90.0, 101.0, 89.0, 100.0))
    sending = asyncio.create_task(venue.place(buy("a"), Lane.ENTRY))
    await asyncio.sleep(0.01)
    venue.offer_candle(candle(1, 102.0, 103.0, 95.0, 96.0))
    assert acked(await sending).fills[0].price == Price(Decimal("102.06"))


async def lets_an_entry_lapse_whose_candle_does_not_come(venue: PaperVenue) -> None:
    venue.offer_candle(candle(0, 90.0, 101.0, 89.0, 100.0))
    sending = asyncio.create_task(venue.place(buy("a"), Lane.ENTRY))
    await asyncio.sleep(0.01)
    venue.offer_open(SYMBOL, hour(2), 100.0)
    report = acked(await sending)
    assert (report.status, report.expiry_reason) == (OrderStatus.EXPIRED, "NO_CANDLE")


async def sells_at_a_later_open_where_a_candle_is_missing(venue: PaperVenue) -> None:
    await bought(venue)
    venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))
    sending = asyncio.create_task(venue.place(sell("out"), Lane.EXIT))
    await asyncio.sleep(0.01)
    venue.offer_open(SYMBOL, hour(2), 100.0)
    assert acked(await sending).fills[0].price == Price(Decimal("99.95"))


async def takes_a_cancel_while_it_waits(venue: PaperVenue) -> None:
    sending = asyncio.create_task(venue.place(buy("a"), Lane.ENTRY))
    await asyncio.sleep(0.01)
    acked(await venue.cancel(SYMBOL, "a", Lane.EXIT))
    assert acked(await sending).status is OrderStatus.CANCELED


async def locks_what_a_waiting_entry_may_cost(venue: PaperVenue) -> None:
    sending = asyncio.create_task(venue.place(buy("a"), Lane.ENTRY))
    await asyncio.sleep(0.01)
    assert await held(venue, "USDT") == 10_000 - 200
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert await status(venue, "a") is OrderStatus.NEW


async def never_fills_beyond_the_limit(venue: PaperVenue) -> None:
    venue.offer_open(SYMBOL, hour(0), 100.0)
    near = acked(await venue.place(buy("near", limit="100.02"), Lane.ENTRY))
    assert near.fills[0].price == Price(Decimal("100.02"))
    far = acked(await venue.place(buy("far", limit="99.99"), Lane.ENTRY))
    assert (far.status, far.expiry_reason) == (OrderStatus.EXPIRED, "LIMIT_PRICE")


async def cuts_a_purchase_to_what_the_cash_allows(venue: PaperVenue) -> None:
    venue.offer_open(SYMBOL, hour(0), 100.0)
    report = acked(await venue.place(buy("all", "99.99", limit="100.01"), Lane.ENTRY))
    # 10,000 / (100.01 x 1.001), in whole lots.
    assert report.executed == Quantity(Decimal("99.89011"))
    assert report.status is OrderStatus.EXPIRED
    whole = buy("fok", "1", limit="100.05", tif=TimeInForce.FOK)
    refused(await venue.place(whole, Lane.ENTRY), Reaction.FUNDS)


async def a_stop_inside_the_candle_sells_at_the_stop(venue: PaperVenue) -> None:
    await bought(venue)
    await venue.place(stop_at("stop", "95.00"), Lane.PROTECTION)
    venue.offer_candle(candle(0, 100.0, 130.0, 94.0, 120.0))
    report = found(await venue.order(SYMBOL, "stop"))
    assert report.fills[0].price == Price(Decimal("94.95"))  # 95 less slippage, on the tick
    assert report.fills[0].time_ms == hour(1) - 1


async def a_stop_below_the_open_sells_at_the_open(venue: PaperVenue) -> None:
    await bought(venue)
    await venue.place(stop_at("stop", "95.00"), Lane.PROTECTION)
    venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))
    venue.offer_candle(candle(1, 90.0, 130.0, 89.0, 120.0))
    report = found(await venue.order(SYMBOL, "stop"))
    assert report.fills[0].price == Price(Decimal("89.95"))


async def a_stop_raised_between_two_candles_is_not_asked_where_the_market_is(
    venue: PaperVenue,
) -> None:
    await bought(venue)
    await venue.place(stop_at("low", "95.00"), Lane.PROTECTION)
    venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))
    steps = acked(await venue.replace("low", stop_at("high", "105.00"), Lane.PROTECTION))
    acked(steps.placed)  # type: ignore[arg-type] # it was attempted
    venue.offer_open(SYMBOL, hour(1), 103.0)
    assert await status(venue, "high") is OrderStatus.NEW
    venue.offer_candle(candle(1, 103.0, 106.0, 102.0, 105.0))
    report = found(await venue.order(SYMBOL, "high"))
    assert report.fills[0].price == Price(Decimal("102.94"))


async def a_stop_above_the_open_that_is_known_is_refused(venue: PaperVenue) -> None:
    await bought(venue)
    refused(await venue.place(stop_at("s", "100.00"), Lane.PROTECTION), Reaction.PRICE_MOVED)


async def an_order_is_not_judged_on_candles_before_it(venue: PaperVenue) -> None:
    await bought(venue, 1)
    await venue.place(stop_at("stop", "95.00"), Lane.PROTECTION)
    venue.offer_candle(candle(0, 100.0, 101.0, 90.0, 100.0))  # late, from REST
    assert await status(venue, "stop") is OrderStatus.NEW
    venue.offer_candle(candle(1, 100.0, 101.0, 90.0, 100.0))
    assert await status(venue, "stop") is OrderStatus.FILLED


async def a_candle_offered_again_changes_nothing(venue: PaperVenue) -> None:
    venue.offer_candle(candle(0, 100.0, 101.0, 90.0, 100.0))
    await bought(venue, 1)
    await venue.place(stop_at("stop", "95.00"), Lane.PROTECTION)
    venue.offer_candle(candle(0, 100.0, 101.0, 90.0, 100.0))
    assert (await status(venue, "stop"), venue.judged_ms(SYMBOL)) == (OrderStatus.NEW, hour(0))


def pair(name: str = "pair", target: str = "110.00", stop: str = "95.00") -> OcoRequest:
    return OcoRequest(
        SYMBOL, Side.SELL, ONE, name,
        Leg(OrderType.LIMIT_MAKER, f"{name}-target", price=Price(Decimal(target))),
        Leg(OrderType.STOP_LOSS, f"{name}-stop", stop_price=Price(Decimal(stop))),
    )  # fmt: skip


async def the_stop_comes_before_the_target(venue: PaperVenue) -> None:
    await bought(venue)
    acked(await venue.place_oco(pair(), Lane.PROTECTION))
    venue.offer_candle(candle(0, 100.0, 111.0, 94.0, 100.0))
    assert await status(venue, "pair-stop") is OrderStatus.FILLED
    assert await status(venue, "pair-target") is OrderStatus.EXPIRED
    assert found(await venue.order_list("pair")).status is ListStatus.ALL_DONE


async def a_target_pays_its_price_or_a_better_open(venue: PaperVenue) -> None:
    await bought(venue)
    acked(await venue.place_oco(pair(), Lane.PROTECTION))
    venue.offer_candle(candle(0, 100.0, 110.0, 99.0, 100.0))
    first = found(await venue.order(SYMBOL, "pair-target"))
    assert first.fills[0].price == Price(Decimal("110.00"))
    await bought(venue, 1)
    acked(await venue.place_oco(pair("next"), Lane.PROTECTION))
    venue.offer_candle(candle(1, 100.0, 101.0, 99.0, 100.0))
    venue.offer_candle(candle(2, 112.0, 113.0, 94.0, 100.0))
    second = found(await venue.order(SYMBOL, "next-target"))
    assert second.fills[0].price == Price(Decimal("112.00"))


def with_exits(name: str) -> TriggerRequest:
    oco = pair(name)
    entry = buy(f"{name}-entry", tif=TimeInForce.FOK)
    return TriggerRequest(entry, name, Side.SELL, oco.above, oco.below)


async def exits_placed_with_an_entry_hold_inside_its_candle(venue: PaperVenue) -> None:
    venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))
    sending = asyncio.create_task(venue.place_trigger(with_exits("list"), Lane.ENTRY))
    await asyncio.sleep(0.01)
    venue.offer_candle(candle(1, 100.0, 101.0, 94.0, 100.0))
    report = acked(await sending)
    assert {each.client_order_id: each.status for each in report.reports} == {
        "list-entry": OrderStatus.FILLED,
        "list-target": OrderStatus.EXPIRED,
        "list-stop": OrderStatus.FILLED,
    }
    assert await held(venue, "BTC") == 0


@pytest.mark.parametrize("open_", [95.0, 94.0, 110.0])
def test_an_entry_whose_open_is_beyond_its_exits_is_not_filled(
    open_: float, tmp_path: Path
) -> None:
    async def work() -> None:
        venue = venue_in(tmp_path)
        venue.offer_open(SYMBOL, hour(0), open_)
        request = with_exits("list")
        report = acked(await venue.place_trigger(request, Lane.ENTRY))
        assert {each.status for each in report.reports} == {OrderStatus.EXPIRED}
        assert report.reports[0].expiry_reason == "EXIT_PASSED"
        assert report.status is ListStatus.ALL_DONE

    run(work())


async def a_stop_limit_that_is_jumped_over_rests(venue: PaperVenue) -> None:
    await bought(venue)
    limit = replace(
        stop_at("stop", "95.00"),
        type=OrderType.STOP_LOSS_LIMIT,
        price=Price(Decimal("94.50")),
        time_in_force=TimeInForce.GTC,
    )
    acked(await venue.place(limit, Lane.PROTECTION))
    venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))
    venue.offer_candle(candle(1, 90.0, 92.0, 89.0, 91.0))
    assert await status(venue, "stop") is OrderStatus.NEW
    venue.offer_candle(candle(2, 91.0, 95.0, 90.0, 94.0))
    report = found(await venue.order(SYMBOL, "stop"))
    assert report.fills[0].price == Price(Decimal("94.50"))


async def a_resting_purchase_fills_at_its_price(venue: PaperVenue) -> None:
    venue.offer_open(SYMBOL, hour(0), 100.0)
    rests = buy("rests", limit="95.00", tif=TimeInForce.GTC)
    assert acked(await venue.place(rests, Lane.ENTRY)).status is OrderStatus.NEW
    venue.offer_candle(candle(0, 100.0, 101.0, 95.0, 100.0))
    report = found(await venue.order(SYMBOL, "rests"))
    assert report.fills[0].price == Price(Decimal("95.00"))


@cases(
    fills_at_the_next_open,
    fills_at_once_at_an_open_it_has_seen,
    serves_an_open_that_only_the_closed_candle_tells,
    lets_an_entry_lapse_whose_candle_does_not_come,
    sells_at_a_later_open_where_a_candle_is_missing,
    takes_a_cancel_while_it_waits,
    locks_what_a_waiting_entry_may_cost,
    never_fills_beyond_the_limit,
    cuts_a_purchase_to_what_the_cash_allows,
    a_stop_inside_the_candle_sells_at_the_stop,
    a_stop_below_the_open_sells_at_the_open,
    a_stop_raised_between_two_candles_is_not_asked_where_the_market_is,
    a_stop_above_the_open_that_is_known_is_refused,
    an_order_is_not_judged_on_candles_before_it,
    a_candle_offered_again_changes_nothing,
    the_stop_comes_before_the_target,
    a_target_pays_its_price_or_a_better_open,
    exits_placed_with_an_entry_hold_inside_its_candle,
    a_stop_limit_that_is_jumped_over_rests,
    a_resting_purchase_fills_at_its_price,
)
def test_by_candles(case: Callable[[PaperVenue], Awaitable[None]], tmp_path: Path) -> None:
    run(case(venue_in(tmp_path)))


def test_an_open_that_does_not_come_in_time_ends_the_order(tmp_path: Path) -> None:
    async def work() -> None:
        venue = venue_in(tmp_path, replace(TERMS, patience_s=0.01))
        report = acked(await venue.place(buy("a"), Lane.ENTRY))
        assert (report.status, report.expiry_reason) == (OrderStatus.EXPIRED, "NO_OPEN")
        listed = acked(await venue.place_trigger(with_exits("list"), Lane.ENTRY))
        assert {each.status for each in listed.reports} == {OrderStatus.EXPIRED}
        venue.offer_open(SYMBOL, hour(0), 100.0)
        assert await held(venue, "USDT") == 10_000

    run(work())


async def by_the_book_orders_meet_bid_and_ask(venue: PaperVenue) -> None:
    venue.offer_book(SYMBOL, Price(Decimal("99.90")), Price(Decimal(100)))
    assert acked(await venue.place(buy("in"), Lane.ENTRY)).fills[0].price.value == Decimal("100.05")
    await venue.place_oco(pair(), Lane.PROTECTION)
    venue.offer_book(SYMBOL, Price(Decimal("95.01")), Price(Decimal(96)))
    assert await status(venue, "pair-stop") is OrderStatus.NEW
    venue.offer_book(SYMBOL, Price(Decimal("94.00")), Price(Decimal(96)))
    report = found(await venue.order(SYMBOL, "pair-stop"))
    assert report.fills[0].price == Price(Decimal("93.95"))


async def by_the_book_a_target_pays_its_own_price(venue: PaperVenue) -> None:
    venue.offer_book(SYMBOL, Price(Decimal("99.90")), Price(Decimal(100)))
    await venue.place(buy("in"), Lane.ENTRY)
    await venue.place_oco(pair(), Lane.PROTECTION)
    venue.offer_book(SYMBOL, Price(Decimal(112)), Price(Decimal(113)))
    report = found(await venue.order(SYMBOL, "pair-target"))
    assert report.fills[0].price == Price(Decimal("110.00"))


async def by_the_book_only_candles_before_the_first_book_are_judged(venue: PaperVenue) -> None:
    venue.offer_book(SYMBOL, Price(Decimal("99.90")), Price(Decimal(100)))
    await venue.place(buy("in"), Lane.ENTRY)
    await venue.place(stop_at("stop", "95.00"), Lane.PROTECTION)
    venue.offer_candle(candle(1, 100.0, 101.0, 90.0, 100.0))
    assert await status(venue, "stop") is OrderStatus.NEW


@cases(
    by_the_book_orders_meet_bid_and_ask,
    by_the_book_a_target_pays_its_own_price,
    by_the_book_only_candles_before_the_first_book_are_judged,
)
def test_by_book(case: Callable[[PaperVenue], Awaitable[None]], tmp_path: Path) -> None:
    run(case(venue_in(tmp_path, replace(TERMS, fills="book"))))


def test_stops_touched_while_the_process_was_away_fill_at_their_candle(tmp_path: Path) -> None:
    async def before() -> None:
        venue = venue_in(tmp_path)
        await bought(venue)
        await venue.place(stop_at("stop", "95.00"), Lane.PROTECTION)
        venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))

    async def after() -> None:
        venue = venue_in(tmp_path)
        assert venue.judged_ms(SYMBOL) == hour(0)
        venue.offer_candle(candle(1, 100.0, 101.0, 99.0, 100.0))
        venue.offer_candle(candle(2, 100.0, 101.0, 94.0, 100.0))
        report = found(await venue.order(SYMBOL, "stop"))
        assert report.fills[0].price == Price(Decimal("94.95"))
        assert report.fills[0].time_ms == hour(3) - 1

    run(before())
    run(after())


@pytest.mark.parametrize("known", [True, False], ids=["of a known candle", "of any open"])
def test_an_order_that_waited_when_the_process_died_is_served_or_ended(
    known: bool, tmp_path: Path
) -> None:
    async def before() -> None:
        venue = venue_in(tmp_path)
        if known:
            venue.offer_candle(candle(0, 90.0, 101.0, 89.0, 100.0))
        sending = asyncio.create_task(venue.place(buy("a"), Lane.ENTRY))
        await asyncio.sleep(0.01)
        sending.cancel()

    async def after() -> None:
        venue = venue_in(tmp_path)
        if known:
            venue.offer_candle(candle(1, 100.0, 101.0, 99.0, 100.0))
        expected = OrderStatus.FILLED if known else OrderStatus.EXPIRED
        assert await status(venue, "a") is expected

    run(before())
    run(after())


def test_each_change_is_told_by_its_symbol(tmp_path: Path) -> None:
    async def work() -> None:
        heard: list[str] = []
        venue = venue_in(tmp_path)
        venue._tell = heard.append
        await bought(venue)
        await venue.place(stop_at("stop", "95.00"), Lane.PROTECTION)
        venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))
        assert heard == [SYMBOL, SYMBOL]
        venue.offer_candle(candle(1, 100.0, 101.0, 94.0, 100.0))
        assert heard == [SYMBOL] * 3

    run(work())


def test_without_rules_nothing_is_sent(tmp_path: Path) -> None:
    async def work() -> None:
        market = StillMarket(reachable=False)
        venue = venue_in(tmp_path, market=market)
        assert isinstance(await venue.place(buy("a"), Lane.ENTRY), NotSent)
        assert isinstance(await venue.place_oco(pair(), Lane.ENTRY), NotSent)
        assert isinstance(await venue.replace("x", buy("a"), Lane.ENTRY), NotSent)

    run(work())


def test_a_symbol_that_does_not_trade_takes_no_order_and_lets_cancel(tmp_path: Path) -> None:
    async def work() -> None:
        market = StillMarket()
        venue = venue_in(tmp_path, market=market)
        await bought(venue)
        await venue.place(stop_at("stop", "95.00"), Lane.PROTECTION)
        market.known[SYMBOL] = replace(RULES, status=SymbolStatus.BREAK)
        found(await venue.rules([SYMBOL]))
        refused(await venue.place(sell("out"), Lane.EXIT), Reaction.SYMBOL_CLOSED)
        acked(await venue.cancel(SYMBOL, "stop", Lane.EXIT))

    run(work())


def test_a_disk_that_refuses_leaves_books_and_answers_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        venue = venue_in(tmp_path)
        await bought(venue)
        before = found(await venue.balances())

        def full(descriptor: int) -> None:
            del descriptor
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("leeward.venues.paper_journal.os.fsync", full)
            assert isinstance(await venue.place(sell("out"), Lane.EXIT), NotSent)
            with pytest.raises(CannotWrite, match="free some space"):
                venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))
        assert found(await venue.balances()) == before
        assert acked(await venue.place(sell("out"), Lane.EXIT)).status is OrderStatus.FILLED
        again = venue_in(tmp_path)
        assert found(await again.balances()) == found(await venue.balances())
        assert found(await again.trades(SYMBOL, 0)) == found(await venue.trades(SYMBOL, 0))

    run(work())


def test_a_cancelled_list_reports_all_its_orders(tmp_path: Path) -> None:
    async def work() -> None:
        venue = venue_in(tmp_path)
        await bought(venue)
        await venue.place_oco(pair(), Lane.PROTECTION)
        (report,) = acked(await venue.cancel_all(SYMBOL, Lane.EXIT))
        assert isinstance(report, OrderListReport)
        assert {each.status for each in report.reports} == {OrderStatus.CANCELED}

    run(work())
