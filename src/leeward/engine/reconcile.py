"""What has to be written down so that books and venue agree: at boot, after a gap, and regularly.

Facts in, findings out; nothing is asked or sent here. The venue is right about orders, trades and
balances, each in its own way: an order's report may be old (the furthest one counts), a list of
trades is complete, a balance is one reading of something that moves. So trades explain balances,
and what they do not explain has to be read twice before it counts.
"""

from __future__ import annotations

from decimal import Decimal

from leeward.domain.money import Money
from leeward.domain.orders import Fill, OrderReport, Side
from leeward.domain.timeframe import Timeframe
from leeward.engine.adopting import NOTHING_ADOPTED, adopt
from leeward.engine.books import Books
from leeward.engine.facts import Doubt, Findings, VenueFacts
from leeward.engine.filling import Beside, fill_records
from leeward.engine.intents import is_ours
from leeward.engine.ledger import Ledger, difference
from leeward.engine.order_table import next_state, state_of
from leeward.engine.own_orders import BookedOrder, filled, misses_fills
from leeward.engine.readings import (
    SPACED_LATE_MS,
    SPACED_MS,
    doubt_of,
    standing,
    was_gone,
    was_held,
)
from leeward.engine.records import (
    FillBooked,
    Noted,
    OrderMoved,
    OrderState,
    PlanChanged,
    PositionOpened,
    Record,
    Severity,
    TradingState,
    TransferBooked,
    TransferKind,
)
from leeward.engine.taken import is_locked, taken_coins

_ZERO = Decimal(0)

#: An order heard of so lately is not gone for want of an answer: queries lag behind.
HEARD_MS = 60_000


def reconcile(books: Books, facts: VenueFacts, epoch: int, timeframe: Timeframe) -> Findings:
    """Returns what `facts` mean for the books of the lease's `epoch`; the books stay as they are.

    With the records applied, the same facts yield no further record.
    """
    return _Reconciling(books, facts, epoch, timeframe).findings()


class _Reconciling:
    """One pass: records in the order found, and a preview of the ledger after them."""

    def __init__(self, books: Books, facts: VenueFacts, epoch: int, timeframe: Timeframe) -> None:
        self._books = books
        self._facts = facts
        self._epoch = epoch
        self._timeframe = timeframe
        self._held = {each.symbol: each for each in books.positions()}
        self._after: Ledger = books.ledger.preview(each.position_id for each in self._held.values())
        self._records: list[Record] = []
        self._doubts: dict[str, Doubt] = {}
        self._ask: set[str] = set()
        self._tighten: tuple[TradingState, str] | None = None
        self._adopted = NOTHING_ADOPTED
        #: Nothing was ever read of these: what the account held of them is not written down.
        self._unseen = {each for each in facts.unread if not books.ledger.is_opened(each)}
        self._blind = facts.open_orders is None or facts.balances is None or bool(self._unseen)

    def findings(self) -> Findings:
        self._move_orders()
        self._adopt()
        pending = self._book_fills()
        self._look_for_vanished()
        is_settled = not (pending or self._ask or self._doubts)
        if is_settled:
            self._explain_balances()
        self._doubts = {**standing(self._facts, self._after), **self._doubts}
        self._follow_taken_coins(is_settled=is_settled)
        self._watch()
        return Findings(
            tuple(self._records),
            self._tighten,
            tuple(sorted(self._ask)),
            self._orders_to_cancel(),
            self._doubts,
            not (pending or self._ask or self._doubts or self._adopted.left or self._blind),
        )

    # Orders

    def _move_orders(self) -> None:
        for report in self._facts.reports:
            order = self._books.orders.get(report.client_order_id)
            if order is not None and order.symbol == report.symbol:
                self._move(order, report)

    def _move(self, order: BookedOrder, report: OrderReport) -> None:
        state = state_of(report)
        new = (
            next_state(order.reported, state) is not order.reported
            or report.executed > order.executed
            or report.order_id != order.venue_order_id
            or (report.order_list_id or order.venue_list_id) != order.venue_list_id
        )
        if not new:
            return
        if order.state is OrderState.VOID and state is not OrderState.UNKNOWN:
            words = f"{order.symbol} {order.client_order_id} appeared after all: {report.status}"
            self._note(Severity.CRITICAL, "appeared", order.client_order_id, words)
        self._add(
            OrderMoved(
                order.client_order_id,
                state,
                report.executed,
                report.time_ms,
                report.expiry_reason or "reconciled",
                report.order_id,
                report.order_list_id,
            )
        )

    def _adopt(self) -> None:
        self._adopted = adopt(self._books, self._facts.reports, self._facts.fills, self._epoch)
        for record in self._adopted.records:
            if not (isinstance(record, Noted) and self._books.is_noted(record)):
                self._add(record)
        if self._adopted.halts:
            self._demand(TradingState.HALTED, self._adopted.halts)

    def _look_for_vanished(self) -> None:
        """Finds the orders of which nothing was heard; one that the venue knew and knows no more
        counts as expired once it said so twice, and so does one whose symbol it has no more; that
        one is void where nobody ever saw it."""
        answered = {report.client_order_id for report in self._facts.reports}
        shown = self._facts.open_orders is not None
        for order in self._books.live_orders():
            name = order.client_order_id
            if name in answered:
                continue
            gone = order.symbol in self._facts.gone
            if not gone and name not in self._facts.absent:
                self._ask.add(name)
            elif (gone or not order.unresolved) and shown and self._has_vanished(order):
                what = "has the symbol" if gone else "knows it"
                words = f"{order.symbol} {name} was {order.state} and the venue {what} no more"
                self._note(Severity.CRITICAL, "vanished", name, words)
                self._add(
                    OrderMoved(
                        name,
                        OrderState.VOID if order.unresolved else OrderState.EXPIRED,
                        order.executed,
                        self._facts.at_ms,
                        f"the venue {what} no more",
                    )
                )

    def _has_vanished(self, order: BookedOrder) -> bool:
        name = f"order/{order.client_order_id}"
        return self._is_confirmed(name, _ZERO, not_before_ms=order.moved_ms + HEARD_MS)

    def _orders_to_cancel(self) -> tuple[OrderReport, ...]:
        """Returns our orders that rest at the venue for nobody: of a position that is closed, or
        never was, and whose entry is over."""
        open_orders = self._facts.open_orders or ()
        return tuple(
            report
            for report in open_orders
            if report in self._adopted.cancel or self._serves_nobody(report)
        )

    def _serves_nobody(self, report: OrderReport) -> bool:
        order = self._books.orders.get(report.client_order_id)
        if order is None or order.symbol != report.symbol or state_of(report).is_final:
            return False
        if order.state.is_final:
            return True  # taken for done by mistake: nothing counts on it, and it locks the coins
        if order.planned.side is Side.BUY:
            return False
        held = self._held.get(order.symbol)
        if held is not None and held.position_id == order.intent.position_id:
            return False
        opened = any(
            isinstance(record, PositionOpened) and record.symbol == order.symbol
            for record in self._records
        )
        buying = any(
            other.planned.side is Side.BUY and other.intent.position_id == order.intent.position_id
            for other in self._books.live_orders(order.symbol)
        )
        return not opened and not buying

    # Fills and balances

    def _book_fills(self) -> bool:
        """Returns whether trades or executions are left that cannot be booked yet."""
        pending = False
        told: dict[str, list[Fill]] = {}
        for report in self._facts.reports:
            if report.client_order_id in self._books.orders:
                told.setdefault(report.symbol, []).extend(report.fills)
        held = self._facts.balances
        for symbol, fills in sorted(self._facts.fills.items()):
            beside = Beside(self._facts.reports, self._facts.absent, held, self._adopted)
            every = [*fills, *told.get(symbol, [])]
            found = fill_records(self._books, every, self._timeframe, beside)
            for record in found:
                self._add(record)
            booked = {each.fill.trade_id for each in found if isinstance(each, FillBooked)}
            pending |= any(self._is_open(fill, booked) for fill in every)
        return pending or misses_fills(self._books.live_orders(), self._records)

    def _is_open(self, fill: Fill, booked: set[int]) -> bool:
        known = fill.trade_id in booked or self._books.has_fill(fill.symbol, fill.trade_id)
        return not known and self._books.ledger.counts(fill.symbol, fill.trade_id)

    def _explain_balances(self) -> None:
        """Writes down what is held at first sight, and later what trades do not explain."""
        balances = self._facts.balances
        if balances is None:
            return
        bases = {self._after.base(symbol): symbol for symbol in self._facts.fills}
        tracked = {self._books.quote} | bases.keys() | self._after.balances.keys()
        if not any(balances.get(asset) for asset in tracked) and any(self._after.balances.values()):
            self._blind = True  # everything gone at once: a reading that failed
            return
        trading = {*self._held, *(order.symbol for order in self._books.live_orders())}
        is_read = not (trading | self._facts.unread) - self._facts.fills.keys()
        for asset in sorted(tracked):
            there = balances.get(asset, _ZERO)
            amount = self._open(asset, there, bases.get(asset))
            if not amount:
                continue
            if not is_read:
                self._blind = True  # trades that were not read may explain it
            else:
                self._explain(asset, there, amount, bases.get(asset))

    def _open(self, asset: str, there: Decimal, symbol: str | None) -> Decimal:
        """Returns what of an asset nothing explains, after writing down what there was at first."""
        amount = difference(there, self._after.balance(asset))
        opening = self._opening_id(asset, symbol)
        if opening is None:
            return amount
        if symbol is None and self._unseen:
            return _ZERO  # trades that were not read may be part of it
        if not there and asset == self._books.quote:
            return amount
        self._transfer(opening, TransferKind.OPENING, asset, max(_ZERO, amount))
        return min(_ZERO, amount)  # nobody begins with less than nothing

    def _explain(self, asset: str, there: Decimal, amount: Decimal, symbol: str | None) -> None:
        if symbol is not None and not there and is_locked(symbol, self._facts.open_orders or ()):
            self._blind = True  # a reading that failed
        elif symbol is not None and was_gone(self._facts, self._after, asset, there):
            self._adjust(asset, _ZERO)
            self._blind = True  # what is there now came later: that is for the next look
        else:
            late = not there or symbol in self._facts.gone
            late = late or was_held(self._facts, self._after, asset, there)
            if self._is_confirmed(doubt_of(asset), amount, late=late):
                self._adjust(asset, there)

    def _adjust(self, asset: str, there: Decimal) -> None:
        amount = difference(there, self._after.balance(asset))
        transfer_id = f"adjustment/{asset}/{self._facts.at_ms}"
        self._transfer(transfer_id, TransferKind.ADJUSTMENT, asset, amount)
        words = f"{asset}: the venue holds {there}, {amount:+f} to what trades explain"
        self._note(Severity.CRITICAL, "adjustment", asset, words)
        self._demand(TradingState.REDUCING, words)

    def _opening_id(self, asset: str, symbol: str | None) -> str | None:
        if symbol is None:
            names = {asset, asset + self._books.quote}
            opened = any(map(self._books.ledger.is_opened, names))
            return None if opened else f"opening/{asset}"
        if self._books.ledger.is_opened(symbol):
            return None
        first = self._books.ledger.first_booked_id(symbol)
        if first is None:
            first = max((fill.trade_id for fill in self._facts.fills[symbol]), default=-1) + 1
        return f"opening/{symbol}/{first}"

    def _transfer(self, transfer_id: str, kind: TransferKind, asset: str, amount: Decimal) -> None:
        money = Money(amount, asset)
        self._add(TransferBooked(transfer_id, kind, money, self._facts.at_ms))

    def _is_confirmed(
        self, name: str, amount: Decimal, *, late: bool = False, not_before_ms: int = 0
    ) -> bool:
        """Returns whether an earlier reading showed the same; doubts it from now on where not.
        `late` is one that may only lag behind."""
        spaced = SPACED_LATE_MS if late else SPACED_MS
        before = self._facts.doubts.get(name)
        since = self._facts.at_ms
        if before is not None and before.amount == amount:
            if self._facts.at_ms >= max(before.since_ms + spaced, not_before_ms):
                return True
            since = before.since_ms
        self._doubts[name] = Doubt(amount, since, self._facts.at_ms)
        return False

    # What follows

    def _follow_taken_coins(self, *, is_settled: bool) -> None:
        """Closes what another hand took away, and reduces where it took a part; not while orders or
        differences are in doubt that may be what is missing, unless just what the books say is
        there. What is gone of dust is let go at any time. All of it before coins come that would
        take its place."""
        opened = [each for each in self._records if isinstance(each, PositionOpened)]
        plans = {each.symbol: (each.position_id, each.plan, "") for each in opened}
        for held in self._held.values():
            plans[held.symbol] = (held.position_id, held.plan, held.closing or "")
        current = {each: plan[0] for each, plan in plans.items()}
        for taken in taken_coins(self._after, current, self._facts.at_ms):
            asset = taken.record.money.currency
            is_sure = is_settled or self._is_there(taken.symbol, asset)
            if taken.position_id and (doubt_of(asset) in self._doubts or not is_sure):
                continue
            self._add(taken.record)
            if not taken.position_id:
                continue
            self._note(Severity.CRITICAL, "taken", taken.position_id, taken.words)
            self._demand(TradingState.REDUCING, taken.words)
            position_id, plan, closing = plans[taken.symbol]
            if taken.is_most and not closing:
                at_ms = self._facts.at_ms
                self._add(PlanChanged(position_id, plan, "operator", at_ms, taken.words))

    def _is_there(self, symbol: str, asset: str) -> bool:
        """Returns whether the account holds just what the books say after all trades: no order in
        doubt has made another."""
        balances = self._facts.balances
        return (
            balances is not None
            and symbol in self._facts.fills
            and balances.get(asset, _ZERO) == self._after.balance(asset)
        )

    def _watch(self) -> None:
        """Reports what is not as it should be, and whose hand else is on the account."""
        for report in self._facts.open_orders or ():
            if not is_ours(report.client_order_id):
                words = f"{report.symbol}: an open {report.side} of another hand"
                subject = f"{report.symbol}/{report.client_order_id}"
                self._note(Severity.INFO, "external_order", subject, words)
        for symbol in sorted(self._facts.gone & self._held.keys()):
            words = f"{symbol}: the exchange has the symbol no more; what is held stays as it is"
            self._note(Severity.CRITICAL, "delisting", symbol, words)
        for record in self._records:
            match record:
                case FillBooked(client_order_id=str() as name) if name in self._books.orders:
                    self._watch_overfill(name)
                case _:
                    pass

    def _watch_overfill(self, name: str) -> None:
        order = self._books.orders[name]
        for record in self._records:
            if isinstance(record, FillBooked) and record.client_order_id == name:
                order = filled(order, record.fill)
        ordered = order.planned.quantity
        if ordered is not None and order.booked > ordered:
            words = f"{order.symbol} {name}: filled {order.booked} of {ordered} ordered"
            self._note(Severity.CRITICAL, "overfill", name, words)
            self._demand(TradingState.REDUCING, words)

    def _demand(self, state: TradingState, why: str) -> None:
        present = self._books.state
        if present is not None and present.state is TradingState.HALTED:
            return
        if self._tighten is None or state is TradingState.HALTED:
            self._tighten = (state, why)

    def _note(self, severity: Severity, kind: str, subject: str, words: str) -> None:
        noted = Noted(kind, words, severity, self._facts.at_ms, subject)
        if not self._books.is_noted(noted):
            self._add(noted)

    def _add(self, record: Record) -> None:
        if isinstance(record, FillBooked):
            self._after.book_fill(record)
        elif isinstance(record, TransferBooked):
            self._after.book_transfer(record)
        self._records.append(record)
