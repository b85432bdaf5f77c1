"""The books of one account: everything that is known of it, made of records and nothing else.

A record is committed first and applied here after. Applying is cheap and does not depend on the
order of records, but that an order's intent comes before what became of it, a position is closed
after its fills, and the last state and the last mark count. The same fill or transfer again
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from leeward.domain.errors import Failed
from leeward.domain.money import Money, Price, Quantity
from leeward.engine.ledger import Ledger, average, difference, foreign_flow, product, total
from leeward.engine.own_orders import OwnOrders
from leeward.engine.records import (
    EquityMarked,
    FeesValued,
    FillBooked,
    IntentMade,
    Noted,
    OrderMoved,
    Plan,
    PlanChanged,
    PositionClosed,
    PositionOpened,
    Record,
    SessionStarted,
    StateMoved,
    Trade,
    TransferBooked,
    TransferKind,
)

_ZERO = Decimal(0)
#: How far the venue's time may be off: an order is not filled before it was meant.
SKEW_MS = 10_000
_STOPPED = frozenset({"stop", "stop_gap"})


@dataclass(frozen=True, slots=True)
class Held:
    """An open position. `quantity` is what is there, net of commissions in the base asset; `cost`
    quote units paid without fees; `entry_price` their average."""

    position_id: str
    symbol: str
    quantity: Quantity
    plan: Plan
    closing: str | None
    entry_time_ms: int
    entry_price: Price | None
    cost: Money
    tag: str
    strategy: str
    opened_ms: int


@dataclass(frozen=True, slots=True)
class Equity:
    """Quote units: all cash less what was paid in commissions of other assets, our coins at the
    prices given, and both."""

    cash: Decimal
    exposure: Decimal
    equity: Decimal


@dataclass(frozen=True, slots=True)
class FeesElsewhere:
    """Commissions in an asset that is neither side of its symbols: `paid` so far, of which `valued`
    count in equity as `value` quote units."""

    asset: str
    paid: Decimal
    valued: Decimal
    value: Decimal

    @property
    def unvalued(self) -> Decimal:
        return difference(self.paid, self.valued)


@dataclass
class Books(OwnOrders):
    """Apply records, then ask. Foreign coins count in balances, never in equity."""

    account: str
    quote: str
    state: StateMoved | None = None
    marked: EquityMarked | None = None
    stop_outs: dict[str, int] = field(default_factory=dict)
    ledger: Ledger = field(init=False)
    _noted: set[tuple[str, str, str]] = field(default_factory=set, compare=False)
    _positions: dict[str, PositionOpened] = field(default_factory=dict)
    _current: dict[str, str] = field(default_factory=dict)
    _closed: set[str] = field(default_factory=set)
    _closing: dict[str, str] = field(default_factory=dict)
    _valued: dict[str, FeesValued] = field(default_factory=dict)
    #: Commissions in other assets when the session began; None before the first one.
    _paid_before: dict[str, Decimal] | None = field(default=None, compare=False)
    _unmarked: Decimal = field(default=_ZERO, compare=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.quote)

    def apply(self, record: Record) -> None:
        """Takes in one committed record; raises Failed for what becomes of an order that nobody
        meant."""
        match record:
            case FillBooked():
                self._book_fill(record)
            case OrderMoved():
                self._move_order(record)
            case IntentMade():
                self._make_intent(record)
            case TransferBooked():
                self._book_transfer(record)
            case PositionOpened():
                self._open(record)
            case PlanChanged():
                self._change_plan(record)
            case PositionClosed():
                self._close(record)
            case _:
                self._apply_rest(record)

    def _apply_rest(self, record: Record) -> None:
        match record:
            case StateMoved():
                self.state = record
            case EquityMarked() if takes_over(record, self.marked):
                self.marked, self._unmarked = record, _ZERO
            case Noted():
                self._noted.add((record.kind, record.subject, record.words))
            case FeesValued():
                self._value_fees(record)
            case SessionStarted():
                self.highest_epoch = max(self.highest_epoch, record.epoch)
                self._paid_before = dict(self.ledger.elsewhere)
            case _:
                pass  # of interest to readers of the journal only

    def _book_fill(self, booked: FillBooked) -> None:
        if booked.client_order_id is not None:
            self._own(booked.client_order_id)
        fill, ledger = booked.fill, self.ledger
        ours = ledger.ours(fill.symbol)
        if not ledger.book_fill(booked):
            return
        self._fill_order(booked)
        if booked.position_id is None:
            eaten = max(_ZERO, difference(ours, ledger.ours(fill.symbol)))
            flow = foreign_flow(fill, ledger.base(fill.symbol), self.quote, eaten)
            self._unmarked = total((self._unmarked, flow))

    def _value_fees(self, valued: FeesValued) -> None:
        """What was paid before the session is no loss of its day: it flows out, as a withdrawal."""
        asset, nothing = valued.asset, FeesValued(valued.asset, _ZERO, Money(_ZERO, self.quote), 0)
        known = self._valued.get(asset, nothing)
        if valued.amount <= known.amount:
            return
        self._valued[asset] = valued
        paid = valued.amount if self._paid_before is None else self._paid_before.get(asset, _ZERO)
        early = max(_ZERO, min(paid, valued.amount) - known.amount)
        worth = difference(valued.value.amount, known.value.amount)
        part = product(worth, early) / difference(valued.amount, known.amount)
        self._unmarked = difference(self._unmarked, part)

    def _book_transfer(self, booked: TransferBooked) -> None:
        new = self.ledger.book_transfer(booked)
        flows = booked.kind is not TransferKind.OPENING and booked.money.currency == self.quote
        if new and flows:
            self._unmarked = total((self._unmarked, booked.money.amount))

    def _open(self, opened: PositionOpened) -> None:
        known = opened.position_id in self._positions
        if known or opened.position_id in self._closed:
            return
        self._positions[opened.position_id] = opened
        self._current[opened.symbol] = opened.position_id

    def _change_plan(self, changed: PlanChanged) -> None:
        opened = self._positions.get(changed.position_id)
        if opened is None:
            return  # closed already
        self._positions[changed.position_id] = replace(opened, plan=changed.plan)
        if changed.closing is not None:
            self._closing.setdefault(changed.position_id, changed.closing)

    def _close(self, closed: PositionClosed) -> None:
        trade = closed.trade
        if trade.position_id in self._closed:
            return
        self._closed.add(trade.position_id)
        self._positions.pop(trade.position_id, None)
        self._closing.pop(trade.position_id, None)
        if self._current.get(trade.symbol) == trade.position_id:
            del self._current[trade.symbol]
        self.ledger.close(trade)
        if trade.exit_reason in _STOPPED:
            last = self.stop_outs.get(trade.symbol, trade.exit_time_ms)
            self.stop_outs[trade.symbol] = max(last, trade.exit_time_ms)

    @property
    def anomalies(self) -> tuple[str, ...]:
        """What should not be: orders filled beyond their quantity."""
        return tuple(self._anomalies[name] for name in sorted(self._anomalies))

    def is_noted(self, noted: Noted) -> bool:
        """Returns whether the same was noted before, since the books were opened."""
        return (noted.kind, noted.subject, noted.words) in self._noted

    def position(self, symbol: str) -> Held | None:
        position_id = self._current.get(symbol)
        if position_id is None:
            return None
        opened = self._positions[position_id]
        lot = self.ledger.lots.get(position_id)
        bought = lot is not None and lot.bought > 0
        return Held(
            position_id,
            symbol,
            Quantity(self.ledger.position_quantity(position_id, symbol)),
            opened.plan,
            self._closing.get(position_id),
            opened.entry_time_ms,
            average(lot.cost, lot.bought) if lot is not None and bought else None,
            Money(lot.cost if lot is not None else _ZERO, self.quote),
            opened.tag,
            opened.strategy,
            opened.at_ms,
        )

    def positions(self) -> list[Held]:
        held = [self.position(symbol) for symbol in sorted(self._current)]
        return [position for position in held if position is not None]

    def knows(self, position_id: str) -> bool:
        return position_id in self._positions or position_id in self._closed

    def is_closed(self, position_id: str) -> bool:
        return position_id in self._closed

    def symbols(self) -> list[str]:
        """Returns the symbols the books know: traded, or with an order."""
        return sorted(self.ledger.claims.keys() | self._live.keys() | self._current.keys())

    def dust(self, symbol: str) -> Quantity:
        """Returns what closed positions left behind and is still there."""
        position_id = self._current.get(symbol)
        held = self.ledger.ours(symbol)
        if position_id is not None:
            held = difference(held, self.ledger.position_quantity(position_id, symbol))
        return Quantity(held)

    def foreign(self, symbol: str) -> Quantity:
        """Returns base units on the account that are not ours."""
        there = self.ledger.balance(self.ledger.base(symbol))
        return Quantity(max(_ZERO, difference(there, self.ledger.ours(symbol))))

    def balance(self, asset: str) -> Decimal:
        """Returns what the account is believed to hold, free and locked, ours and foreign."""
        return self.ledger.balance(asset)

    @property
    def cash(self) -> Decimal:
        return self.ledger.balance(self.quote)

    @property
    def net_cash(self) -> Decimal:
        """Cash less what was paid in commissions of other assets, as equity counts it."""
        return difference(self.cash, total(each.value.amount for each in self._valued.values()))

    def has_fill(self, symbol: str, trade_id: int) -> bool:
        return self.ledger.has_fill(symbol, trade_id)

    def next_trade_id(self, symbol: str) -> int:
        """Returns the trade id to read own trades from: those of the last hour, and all since the
        oldest order that is not done, are read again."""
        live = [order.intent.made_ms for order in self.live_orders(symbol)]
        since_ms = min(live, default=None)
        return self.ledger.next_trade_id(symbol, None if since_ms is None else since_ms - SKEW_MS)

    def equity(self, last_closes: Mapping[str, Decimal]) -> Equity:
        """Returns the account at these prices; raises Failed where a price is missing."""
        exposure = total(
            product(held, _price(last_closes, symbol)) for symbol, held in self._held()
        )
        return Equity(self.net_cash, exposure, total((self.net_cash, exposure)))

    def fees_elsewhere(self) -> list[FeesElsewhere]:
        """Returns the commissions paid in assets that are neither side of their symbols."""
        return [
            FeesElsewhere(asset, amount, known.amount, known.value.amount)
            for asset, amount in sorted(self.ledger.elsewhere.items())
            for known in [
                self._valued.get(asset, FeesValued(asset, _ZERO, Money(_ZERO, self.quote), 0))
            ]
        ]

    def worst_case(self, prices: Mapping[str, Decimal]) -> Decimal:
        """Returns the exposure, in quote units at these prices, if every buy that may still fill
        does: open ones, committed ones and those of unknown fate. Only the symbols named count."""
        may_hold = [
            product(price, total((self.ledger.ours(symbol), self.buying(symbol))))
            for symbol, price in prices.items()
        ]
        return total(may_hold)

    @property
    def unmarked_flow(self) -> Decimal:
        """Quote units that came (or went, negative) without a trade of ours and were written down
        after the last mark, by whichever process: that mark lacks them. Opening balances do not
        count, commissions of before the session that got a value by now do, and of what another
        hand sold only what was not ours."""
        return self._unmarked

    @property
    def reserved(self) -> Decimal:
        """Quote units that open, committed and unknown buys may still take."""
        parts = []
        for order in self.live_orders():
            if order.may_buy:
                lot = self.ledger.lots.get(order.intent.position_id)
                spent = _ZERO if lot is None else lot.cost
                parts.append(max(_ZERO, difference(order.intent.reserved.amount, spent)))
        return total(parts)

    def trade_of(self, position_id: str, reason: str, extra: Sequence[FillBooked] = ()) -> Trade:
        """Returns the trade that the open position makes if it is closed after `extra` fills; the
        books stay as they are.

        `exit_time_ms` is the time of the last sale. Where nothing was sold (withdrawn, say) it is
        that of the entry, and so is the exit price. Raises Failed where it is not open.
        """
        opened = self._positions.get(position_id)
        if opened is None:
            raise Failed(f"position {position_id} is not open; there is no trade to make of it")
        lot, left = self.ledger.outcome(position_id, extra)
        if not lot.bought:
            raise Failed(f"{lot.symbol}: position {position_id} has no fill of its entry")
        entry_price = average(lot.cost, lot.bought)
        fee = lot.fees.get(self.quote, _ZERO)
        return Trade(
            position_id=position_id,
            symbol=lot.symbol,
            entry_time_ms=opened.entry_time_ms,
            exit_time_ms=lot.left_ms if lot.left_ms is not None else opened.at_ms,
            quantity=Quantity(lot.bought),
            entry_price=entry_price,
            exit_price=average(lot.proceeds, lot.sold) if lot.sold else entry_price,
            cost=Money(lot.cost, self.quote),
            proceeds=Money(lot.proceeds, self.quote),
            fees=tuple(Money(lot.fees[asset], asset) for asset in sorted(lot.fees)),
            pnl=Money(difference(difference(lot.proceeds, lot.cost), fee), self.quote),
            exit_reason=reason,
            tag=opened.tag,
            dust=Quantity(left),
        )

    def _held(self) -> list[tuple[str, Decimal]]:
        return [
            (symbol, held)
            for symbol in sorted(self.ledger.claims)
            if (held := self.ledger.ours(symbol))
        ]


def books_of(records: Iterable[Record], account: str, quote: str) -> Books:
    """Returns the books that these records make."""
    books = Books(account, quote)
    for record in records:
        books.apply(record)
    return books


def takes_over(mark: EquityMarked, known: EquityMarked | None) -> bool:
    """Returns whether a mark counts in place of one that was committed before it: not that of an
    earlier step of the same session, whose commit came late."""
    return (
        known is None
        or mark.session_id != known.session_id
        or mark.open_time_ms >= known.open_time_ms
    )


def _price(prices: Mapping[str, Decimal], symbol: str) -> Decimal:
    price = prices.get(symbol)
    if price is None:
        raise Failed(f"{symbol}: its coins cannot be valued without a price; wait for a candle")
    return price
