"""The desk trades on paper: it enters at the next open, is stopped inside a candle, leaves at an
open, and finds its position again after both were killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import OrderType, Side, TimeInForce
from leeward.engine.books import books_of
from leeward.engine.intents import client_order_id, intent_id, list_id
from leeward.engine.records import (
    DecisionKey,
    IntentMade,
    Noted,
    OrderMoved,
    OrderState,
    Plan,
    PlanChanged,
    PlannedOrder,
    PositionClosed,
    Purpose,
    Record,
    Role,
    Trade,
)
from leeward.runtime.clock import monotonic_s
from leeward.runtime.sections import TradingSettings
from leeward.runtime.trading.bookkeeper import Bookkeeper, inline, open_books
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.journal import Journal
from leeward.venues.timing import Clock
from tests.harness.virtual_loop import VirtualLoop, run_virtual
from tests.paper import HOUR, RULES, SYMBOL, TERMS, candle, hour, venue_in

ACCOUNT = "paper:binance:test"


@dataclass
class Shelf:
    records: list[Record] = field(default_factory=list)

    def record(self, account: str, epoch: int, records: Sequence[Record]) -> None:
        del account, epoch
        self.records.extend(records)

    def load(self, account: str) -> list[Record]:
        del account
        return list(self.records)


class Session:
    """A desk and its venue on paper, from what is written down."""

    def __init__(
        self,
        folder: Path,
        shelf: Shelf,
        epoch: int,
        *,
        loop: VirtualLoop | None = None,
        patience_s: float = 60.0,
    ) -> None:
        self.shelf, self.epoch = shelf, epoch
        self.alarms: list[Noted] = []
        self.now_ms = hour(1)
        self.venue = venue_in(folder / "paper", replace(TERMS, patience_s=patience_s))
        journal = Journal(folder / "journal")
        books = open_books(shelf, journal, ACCOUNT, "USDT", epoch)
        clock = Clock(lambda: self.now_ms, monotonic_s)
        if loop is not None:
            clock = Clock(lambda: self.now_ms, loop.time, asyncio.sleep)
        keeper = Bookkeeper(books, shelf, journal, epoch, clock, aside=inline)
        self.desk = Desk(
            self.venue, keeper, {SYMBOL: RULES}, TradingSettings(), clock, lambda: self.now_ms,
            self.alarms.append, HOUR,
        )  # fmt: skip
        self.venue._tell = self.desk.look

    async def entry(self, k: int, *, listed: bool) -> IntentMade:
        """Returns a committed entry of one unit, decided at the close of hour k."""
        key = DecisionKey(ACCOUNT, SYMBOL, hour(k), "entry")
        plan = Plan(Price(Decimal("95.00")), Price(Decimal("110.00")))
        tif = TimeInForce.FOK if listed else TimeInForce.IOC
        one, limit = Quantity(Decimal(1)), Price(Decimal("100.50"))
        names = {role: client_order_id(key, self.epoch, role) for role in Role}
        orders = [
            PlannedOrder(names[Role.ENTRY], Role.ENTRY, Side.BUY, OrderType.LIMIT, one, limit,
                         time_in_force=tif)
        ]  # fmt: skip
        if listed:
            orders += [
                PlannedOrder(names[Role.TARGET], Role.TARGET, Side.SELL, OrderType.LIMIT_MAKER,
                             None, plan.target),
                PlannedOrder(names[Role.STOP], Role.STOP, Side.SELL, OrderType.STOP_LOSS,
                             None, stop_price=plan.stop),
            ]  # fmt: skip
        intent = IntentMade(
            intent_id(key), key, "session", self.epoch, Purpose.ENTRY, intent_id(key), "test", "1",
            tuple(orders), Money(Decimal(101), "USDT"), self.now_ms,
            list_id(key, self.epoch) if listed else None, plan=plan,
        )  # fmt: skip
        await self.desk.keeper.commit(intent)
        return intent

    async def enters(self, *, listed: bool) -> None:
        """Is filled at the open of hour 1, as decided at the close of hour 0."""
        self.venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))
        entering = asyncio.create_task(self.desk.enter([await self.entry(0, listed=listed)]))
        await self.ordered()
        self.venue.offer_open(SYMBOL, hour(1), 100.0)
        await entering
        held = self.desk.keeper.books.position(SYMBOL)
        assert held is not None
        assert held.quantity == Quantity(Decimal(1))
        assert held.entry_time_ms == hour(1)
        assert self.desk.settled
        assert self.venue._books.free("BTC") == Money(Decimal(0), "BTC")

    async def ordered(self) -> None:
        """Waits until an order waits for its open."""
        while not self.venue._waiting:
            await asyncio.sleep(0.01)

    def trade(self) -> Trade:
        (closed,) = [each for each in self.shelf.records if isinstance(each, PositionClosed)]
        return closed.trade


def pnl(bought: str, sold: str) -> Decimal:
    cost, proceeds = Decimal(bought), Decimal(sold)
    return proceeds - cost - (proceeds + cost) * TERMS.fee


@pytest.mark.parametrize("listed", [False, True], ids=["ioc", "list"])
def test_a_stop_inside_the_candle_of_the_entry(listed: bool, tmp_path: Path) -> None:
    async def story() -> None:
        session = Session(tmp_path, Shelf(), 1)
        await session.desk.recover()
        await session.enters(listed=listed)
        session.now_ms = hour(2)
        session.venue.offer_candle(candle(1, 100.0, 101.0, 94.0, 100.0))
        assert await session.desk.tend(SYMBOL)
        trade = session.trade()
        assert (trade.exit_reason, trade.pnl.amount) == ("stop", pnl("100.05", "94.95"))
        assert HOUR.floor(trade.exit_time_ms) == hour(1)
        assert (await session.desk.recover()).clean

    asyncio.run(story())


def test_an_exit_is_sold_at_the_next_open(tmp_path: Path) -> None:
    async def story() -> None:
        session = Session(tmp_path, Shelf(), 1)
        await session.desk.recover()
        await session.enters(listed=False)
        session.venue.offer_candle(candle(1, 100.0, 101.0, 99.0, 100.0))
        session.now_ms = hour(2)
        held = session.desk.keeper.books.position(SYMBOL)
        assert held is not None
        change = PlanChanged(held.position_id, held.plan, "signal", session.now_ms)
        await session.desk.keeper.commit(change, urgent=True)
        leaving = asyncio.create_task(session.desk.tend(SYMBOL))
        await session.ordered()
        session.venue.offer_open(SYMBOL, hour(2), 104.0)
        assert await leaving
        trade = session.trade()
        assert (trade.exit_reason, trade.pnl.amount) == ("signal", pnl("100.05", "103.94"))
        assert HOUR.floor(trade.exit_time_ms) == hour(2)

    asyncio.run(story())


def test_a_stop_touched_while_nobody_looked_is_found_after_a_restart(tmp_path: Path) -> None:
    shelf = Shelf()

    async def before() -> None:
        session = Session(tmp_path, shelf, 1)
        await session.desk.recover()
        await session.enters(listed=False)

    async def after() -> None:
        session = Session(tmp_path, shelf, 2)
        session.now_ms = hour(4)
        assert session.venue.judged_ms(SYMBOL) == hour(0)
        for k, low in ((1, 99.0), (2, 98.0), (3, 90.0)):
            session.venue.offer_candle(candle(k, 100.0, 101.0, low, 100.0))
        assert (await session.desk.recover()).clean
        trade = session.trade()
        assert (trade.exit_reason, trade.pnl.amount) == ("stop", pnl("100.05", "94.95"))
        assert HOUR.floor(trade.exit_time_ms) == hour(3)

    asyncio.run(before())
    asyncio.run(after())


@asynccontextmanager
async def at_work(desk: Desk) -> AsyncIterator[None]:
    """Has the desk look after its symbols by itself meanwhile."""
    running = asyncio.create_task(desk.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])


def states(shelf: Shelf) -> list[OrderState]:
    return [each.state for each in shelf.records if isinstance(each, OrderMoved)]


def exits(shelf: Shelf) -> int:
    made = [each for each in shelf.records if isinstance(each, IntentMade)]
    return sum(each.purpose is Purpose.EXIT for each in made)


@pytest.mark.parametrize("listed", [False, True], ids=["ioc", "list"])
def test_an_entry_waits_for_an_open_that_is_ten_seconds_late(listed: bool, tmp_path: Path) -> None:
    async def story(loop: VirtualLoop) -> None:
        session = Session(tmp_path, Shelf(), 1, loop=loop, patience_s=30.0)
        await session.desk.recover()
        async with at_work(session.desk):
            session.venue.offer_candle(candle(0, 100.0, 101.0, 99.0, 100.0))
            entering = asyncio.create_task(
                session.desk.enter([await session.entry(0, listed=listed)])
            )
            await asyncio.sleep(10)
            session.venue.offer_open(SYMBOL, hour(1), 100.0)
            await entering
            await asyncio.sleep(1)
            held = session.desk.keeper.books.position(SYMBOL)
            assert held is not None
            assert held.quantity == Quantity(Decimal(1))
            assert session.desk.settled
            assert OrderState.CANCELED not in states(session.shelf)
            assert OrderState.UNKNOWN not in states(session.shelf)
            assert session.alarms == []

    run_virtual(story)


@pytest.mark.parametrize("late_s", [10, 45], ids=["late", "never in time"])
def test_an_exit_waits_for_its_open_and_is_sent_again_where_none_came(
    late_s: int, tmp_path: Path
) -> None:
    async def story(loop: VirtualLoop) -> None:
        session = Session(tmp_path, Shelf(), 1, loop=loop, patience_s=30.0)
        await session.desk.recover()
        await session.enters(listed=False)
        books = session.desk.keeper.books
        async with at_work(session.desk):
            session.venue.offer_candle(candle(1, 100.0, 101.0, 99.0, 100.0))
            session.now_ms = hour(2)
            orders = books.orders_last_hour(session.now_ms)
            held = books.position(SYMBOL)
            assert held is not None
            change = PlanChanged(held.position_id, held.plan, "signal", session.now_ms)
            await session.desk.keeper.commit(change, urgent=True)
            leaving = asyncio.create_task(session.desk.tend(SYMBOL))
            await asyncio.sleep(late_s)
            session.venue.offer_open(SYMBOL, hour(2), 104.0)
            await leaving
            await asyncio.sleep(1)
            trade = session.trade()
            assert (trade.exit_reason, trade.pnl.amount) == ("signal", pnl("100.05", "103.94"))
            assert exits(session.shelf) == (1 if late_s < 30 else 2)
            assert OrderState.UNKNOWN not in states(session.shelf)
            assert session.alarms == []
            assert books.orders_last_hour(session.now_ms) == orders + 1
            assert (
                books_of(session.shelf.records, ACCOUNT, "USDT").orders_last_hour(session.now_ms)
                == orders + 1
            )
            assert (await session.desk.audit()).clean

    run_virtual(story)
