"""The desk trades on paper: it enters at the next open, is stopped inside a candle, leaves at an
open, and finds its position again after both were killed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import OrderType, Side, TimeInForce
from leeward.engine.intents import client_order_id, intent_id, list_id
from leeward.engine.records import (
    DecisionKey,
    IntentMade,
    Noted,
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
from leeward.runtime.settings import TradingSettings
from leeward.runtime.trading.bookkeeper import Bookkeeper, inline, open_books
from leeward.runtime.trading.desk import Desk
from leeward.runtime.trading.journal import Journal
from leeward.venues.timing import Clock
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

    def __init__(self, folder: Path, shelf: Shelf, epoch: int) -> None:
        self.shelf, self.epoch = shelf, epoch
        self.alarms: list[Noted] = []
        self.now_ms = hour(1)
        self.venue = venue_in(folder / "paper")
        journal = Journal(folder / "journal")
        books = open_books(shelf, journal, ACCOUNT, "USDT", epoch)
        clock = Clock(lambda: self.now_ms, monotonic_s)
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
        await asyncio.sleep(0.05)
        self.venue.offer_open(SYMBOL, hour(1), 100.0)
        await entering
        held = self.desk.keeper.books.position(SYMBOL)
        assert held is not None
        assert held.quantity == Quantity(Decimal(1))
        assert held.entry_time_ms == hour(1)
        assert self.desk.settled
        assert self.venue._books.free("BTC") == Money(Decimal(0), "BTC")

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
        await asyncio.sleep(0.05)
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
