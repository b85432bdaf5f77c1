"""From the venue's trades to what is written down of them: whose each one is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from leeward.domain.money import Money
from leeward.domain.orders import Fill, OrderReport, Side
from leeward.domain.timeframe import Timeframe
from leeward.engine.absence import may_be_ours
from leeward.engine.adopting import ADOPTED, NOTHING_ADOPTED, Adopted, bought_position_id, owners
from leeward.engine.books import Books
from leeward.engine.ledger import Ledger, changes, difference, total
from leeward.engine.own_orders import BookedOrder
from leeward.engine.records import (
    FillBooked,
    Noted,
    OrderState,
    Plan,
    PositionOpened,
    Record,
    Role,
    Severity,
    TransferBooked,
    TransferKind,
)

_ZERO = Decimal(0)
_NO_PLAN = Plan(None, None)


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside the trades. `reports` name orders by the venue's id; `absent` are client
    ids of which the venue just said that there is no such order; `held` is what the venue says the
    account holds, by asset, read after the trades, None where it was not asked."""

    reports: Sequence[OrderReport] = ()
    absent: Collection[str] = ()
    held: Mapping[str, Decimal] | None = None
    adopted: Adopted = NOTHING_ADOPTED


def fill_records(
    books: Books, fills: Iterable[Fill], timeframe: Timeframe, beside: Beside = Beside()
) -> tuple[Record, ...]:
    """Returns the records that book `fills` of one symbol: those that are new, by trade id, with
    the position that a first fill opens.

    Ends before the first trade whose owner is open: the order of one of ours may have made it, or
    a stranger's sale would leave less than what our fills bought and `held` does not say whether
    those coins came unseen. Then settle that first, and call again: nothing is lost.
    """
    new = {fill.trade_id: fill for fill in fills}
    if not new:
        return ()
    booking = _Booking(books, next(iter(new.values())).symbol, timeframe, beside)
    for _, fill in sorted(new.items()):
        if books.has_fill(fill.symbol, fill.trade_id) or fill.trade_id < booking.first:
            continue
        if not booking.take(fill):
            break
    booking.bring_unseen_coins()
    return tuple(booking.records)


class _Booking:
    """One symbol's trades on their way into the books, in order."""

    def __init__(self, books: Books, symbol: str, timeframe: Timeframe, beside: Beside) -> None:
        self._books = books
        self._symbol = symbol
        self._timeframe = timeframe
        self._beside = beside
        self._base = books.ledger.base(symbol)
        self._held = None if beside.held is None else beside.held.get(self._base, _ZERO)
        self.first = books.ledger.first_trade_id(symbol)
        position = books.position(symbol)
        self._current = None if position is None else position.position_id
        self._owners = owners(books, symbol, beside.reports) | dict(beside.adopted.orders)
        self._after: Ledger = books.ledger.preview([])
        self._short: Fill | None = None
        self.records: list[Record] = []

    def take(self, fill: Fill) -> bool:
        """Returns whether the fill could be booked."""
        order = self._owner(fill)
        adopted = self._beside.adopted.positions.get(fill.trade_id)
        if order is not None:
            self._own(fill, order)
        elif adopted is not None:
            self._open(adopted[0], fill, adopted[1], ADOPTED, "")
            self._book(FillBooked(fill, None, self._current, Role.ENTRY))
        elif self._may_be_ours(fill) or not self._strange(fill):
            return False
        return True

    def bring_unseen_coins(self) -> None:
        """Puts a deposit before a stranger's sale that the coins known of do not explain, where
        the venue still holds more than is left by the books."""
        if self._short is None or self._held is None:
            return
        unseen = difference(self._held, self._after.balance(self._base))
        if unseen > 0:
            deposit = TransferBooked(
                f"deposit/{self._symbol}/{self._short.trade_id}",
                TransferKind.DEPOSIT,
                Money(unseen, self._base),
                self._short.time_ms,
                "came unseen: sold by another hand, and still more there",
            )
            self.records.insert(0, deposit)

    def _owner(self, fill: Fill) -> BookedOrder | None:
        known = self._books.order_by_venue_id(self._symbol, fill.order_id)
        return known if known is not None else self._owners.get(fill.order_id)

    def _may_be_ours(self, fill: Fill) -> bool:
        return may_be_ours(self._books, fill, self._beside.reports, self._beside.absent)

    def _own(self, fill: Fill, order: BookedOrder) -> None:
        intent, role = order.intent, order.planned.role
        position_id = intent.position_id
        if fill.side is Side.BUY:
            plan = _NO_PLAN if intent.plan is None else intent.plan
            opened = bought_position_id(self._books, order)
            self._open(opened, fill, plan, intent.strategy, intent.tag)
            position_id = opened if self._current is None else self._current
        if order.state is OrderState.VOID:
            self._note(
                Severity.CRITICAL, "appeared", fill, f"{order.client_order_id} was filled after all"
            )
        self._book(FillBooked(fill, order.client_order_id, position_id, role))

    def _open(self, position_id: str, fill: Fill, plan: Plan, strategy: str, tag: str) -> None:
        """Opens the position, unless one is open: then what is bought belongs to that one."""
        if self._current is not None:
            return
        self._current = position_id
        self.records.append(
            PositionOpened(
                position_id,
                self._symbol,
                self._timeframe.floor(fill.time_ms),
                plan,
                strategy,
                tag,
                fill.time_ms,
            )
        )

    def _strange(self, fill: Fill) -> bool:
        if not self._books.ledger.counts(self._symbol, fill.trade_id):
            return True  # part of what the account holds when it is first seen
        if fill.side is Side.SELL and self._eats_ours(fill):
            if self._held is None:
                return False
            self._short = fill if self._short is None else self._short
        words = f"{fill.side} {fill.quantity} {self._symbol} at {fill.price} by another hand"
        self._note(Severity.INFO, "external_trade", fill, words)
        self._book(FillBooked(fill, None, None, None))
        return True

    def _eats_ours(self, fill: Fill) -> bool:
        """Returns whether a sale leaves less than what is ours, or less than nothing."""
        claim = max(_ZERO, self._after.claims.get(self._symbol, _ZERO))
        moved = total(
            change
            for asset, change in changes(fill, self._base, self._books.quote)
            if asset == self._base
        )
        return total((self._after.balance(self._base), moved)) < claim

    def _note(self, severity: Severity, kind: str, fill: Fill, words: str) -> None:
        subject = f"{self._symbol}/{fill.trade_id}"
        self.records.append(Noted(kind, words, severity, fill.time_ms, subject))

    def _book(self, booked: FillBooked) -> None:
        self._after.book_fill(booked)
        self.records.append(booked)
