"""Commissions in a third asset: valued once, when they were paid."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from tests.harness.store import MemoryStore
from tests.histories import ACCOUNT, entry, marked, session_started

from leeward.domain.answers import Asked, ConfirmedAbsent, Found
from leeward.domain.money import Money, Price, Quantity
from leeward.domain.orders import Fill, Side
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import FeesElsewhere
from leeward.engine.records import FeesValued, FillBooked, Noted, Record, Role
from leeward.runtime.trading.bookkeeper import Bookkeeper, inline, open_books
from leeward.runtime.trading.fee_values import FeeValues
from leeward.runtime.trading.journal import Journal
from leeward.runtime.trading.step_records import account_view
from leeward.runtime.trading.views import AccountView
from leeward.venues.timing import Clock


@dataclass
class Prices:
    """A venue that knows one price, or none."""

    bnb: str | None
    asked: list[str] = field(default_factory=list)

    async def last_price(self, symbol: str) -> Asked[Price]:
        self.asked.append(symbol)
        if self.bnb is None:
            return ConfirmedAbsent("no such symbol")
        return Found(Price(Decimal(self.bnb)))


@dataclass
class Bench:
    """An account in memory that pays its commissions in BNB."""

    folder: Path
    venue: Prices = field(default_factory=lambda: Prices("600"))
    store: MemoryStore = field(default_factory=MemoryStore)
    noted: list[Noted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.boot()

    def boot(self) -> None:
        epoch, journal = self.store.take_epoch(), Journal(self.folder / "journal")
        books = open_books(self.store, journal, ACCOUNT, "USDT", epoch)
        clock = Clock(lambda: 0, lambda: 0.0)
        self.keeper = Bookkeeper(books, self.store, journal, epoch, clock, aside=inline)
        self.values = FeeValues(self.venue, self.keeper, clock, lambda: 7, self.noted.append)  # type: ignore[arg-type] # as much of a venue as is asked

    def commit(self, *records: Record) -> None:
        asyncio.run(self.keeper.commit(*records))

    def look(self) -> None:
        asyncio.run(self.values.look())

    def view(self) -> AccountView:
        prices = {entry().key.symbol: Decimal(100)}
        return account_view(self.keeper.books, (), Timeframe.parse("1h"), prices)

    def pay(self, trade_id: int, fee: str) -> None:
        bought = entry()
        if not self.keeper.books.is_decided(bought.key):
            self.commit(bought)
        fill = Fill(
            bought.key.symbol, trade_id, 5, Side.BUY, Price(Decimal(100)),
            Quantity(Decimal("0.1")), Money(Decimal(fee), "BNB"), 60, is_maker=False,
        )  # fmt: skip
        order = bought.orders[0].client_order_id
        self.commit(FillBooked(fill, order, bought.position_id, Role.ENTRY))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_each_fee_counts_at_the_price_of_its_time_and_once(bench: Bench) -> None:
    bench.look()
    assert bench.venue.asked == []  # nothing was paid
    bench.pay(1, "0.01")
    bench.look()
    bench.look()
    assert bench.venue.asked == ["BNBUSDT"]
    bench.venue.bnb = "700"
    bench.pay(2, "0.02")
    bench.look()
    bench.boot()
    bench.look()
    (paid,) = bench.keeper.books.fees_elsewhere()
    assert paid == FeesElsewhere("BNB", Decimal("0.03"), Decimal("0.03"), Decimal("20.00"))
    view = bench.view()
    # Two tenths of a coin were bought for 20 and are worth it; the fees are lost.
    assert (view.cash, view.equity) == (-40.0, -20.0)


def test_fees_of_before_a_session_are_no_loss_of_its_day(bench: Bench) -> None:
    """Months of them, valued at once, would halt an account that lost nothing today."""
    bench.pay(1, "5")
    bench.commit(marked(0, "10000"))
    bench.boot()
    bench.commit(session_started(2, "s2"))
    bench.look()
    books = bench.keeper.books
    assert [books.fees_elsewhere()[0].value, books.unmarked_flow] == [3000, -3000]
    before = bench.view().before
    assert before is not None
    assert (before.equity, before.peak, before.day_base) == (7000.0, 7000.0, 7000.0)
    bench.pay(2, "0.5")
    bench.look()
    assert books.unmarked_flow == -3000  # what is paid from now on is a loss
    bench.boot()
    assert bench.keeper.books.unmarked_flow == -3000
    bench.commit(marked(1, "6700"))
    assert bench.keeper.books.unmarked_flow == 0


def test_fees_of_before_a_session_that_get_a_price_late_are_told_from_those_since(
    bench: Bench,
) -> None:
    bench.pay(1, "5")
    bench.commit(marked(0, "10000"), session_started(1, "s1"))
    bench.venue.bnb = None
    bench.look()
    bench.pay(2, "0.5")
    bench.venue.bnb = "600"
    bench.look()
    books = bench.keeper.books
    assert [books.fees_elsewhere()[0].value, books.unmarked_flow] == [3300, -3000]


def test_what_has_no_price_is_told_once_and_valued_later(bench: Bench) -> None:
    bench.venue.bnb = None
    bench.pay(1, "0.01")
    bench.look()
    bench.look()
    (note,) = bench.noted
    assert note.words == "fees of 0.01 BNB are not valued: no such symbol"
    bench.venue.bnb = "600"
    bench.look()
    assert bench.keeper.books.fees_elsewhere()[0].value == 6


def test_with_the_database_down_they_are_valued_when_it_is_back(bench: Bench) -> None:
    bench.pay(1, "0.01")
    bench.store.down = True
    bench.look()
    assert bench.keeper.books.fees_elsewhere()[0].value == 0
    bench.store.down = False
    bench.look()
    assert [each for each in bench.store.kept if isinstance(each, FeesValued)] == [
        FeesValued("BNB", Decimal("0.01"), Money(Decimal("6.00"), "USDT"), 7)
    ]
