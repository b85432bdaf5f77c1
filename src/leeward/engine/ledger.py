"""What an account owns, from fills and transfers alone: balances, and whose the coins are.

Every asset is an account of its own: what came by transfers and fills is what is there, to the
last unit. Of a symbol's base asset, ours is what our own fills bought and did not sell (the
claim), never more than the balance; all else is foreign. So a stranger's sale or withdrawal eats
foreign coins first, and what strangers buy never becomes ours. What they took of ours is written
down, and lowers the claim: coins that come later do not take its place. The order in which records
arrive does not matter, but that a position is closed after the fills its trade was made of.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

from leeward.domain.errors import BadUsage, Failed
from leeward.domain.money import Price
from leeward.domain.orders import Fill, Side
from leeward.engine.records import FillBooked, Trade, TransferBooked, TransferKind

_ZERO = Decimal(0)
_EXACT = Context(prec=400, Emax=MAX_EMAX, Emin=MIN_EMIN)  # sums never round
_AVERAGE = Context(prec=28)

#: A fill that an order's own report told of may be booked before an earlier trade is known: the
#: trades of the last hour, and all since the oldest order that is not done, are read again.
OVERLAP_MS = 3_600_000

_OPENING = "opening"


@dataclass(slots=True)
class Lot:
    """What the fills of one position add up to: base units bought and sold, quote units paid and
    received, fees by asset. `net` is what it has left, commissions in the base asset and what other
    hands took of it deducted."""

    symbol: str
    bought: Decimal = _ZERO
    cost: Decimal = _ZERO
    sold: Decimal = _ZERO
    proceeds: Decimal = _ZERO
    net: Decimal = _ZERO
    taken: Decimal = _ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    entered_ms: int | None = None
    left_ms: int | None = None

    def copy(self) -> Lot:
        return Lot(
            self.symbol,
            self.bought,
            self.cost,
            self.sold,
            self.proceeds,
            self.net,
            self.taken,
            dict(self.fees),
            self.entered_ms,
            self.left_ms,
        )

    def add(self, fill: Fill, base: str) -> Decimal:
        """Returns by how much `net` changed."""
        quantity = fill.quantity.value
        amount = _EXACT.multiply(fill.price.value, quantity)
        if fill.side is Side.BUY:
            self.bought = _EXACT.add(self.bought, quantity)
            self.cost = _EXACT.add(self.cost, amount)
            first = self.entered_ms
            self.entered_ms = fill.time_ms if first is None else min(first, fill.time_ms)
            change = quantity
        else:
            self.sold = _EXACT.add(self.sold, quantity)
            self.proceeds = _EXACT.add(self.proceeds, amount)
            self.left_ms = max(self.left_ms or 0, fill.time_ms)
            change = -quantity
        fee = fill.commission
        if fee is not None:
            self.fees[fee.currency] = _EXACT.add(self.fees.get(fee.currency, _ZERO), fee.amount)
            if fee.currency == base:
                change = _EXACT.subtract(change, fee.amount)
        self.net = _EXACT.add(self.net, change)
        return change

    def take(self, sale: Fill, part: Decimal) -> None:
        """Counts `part` of a stranger's sale as this position's."""
        self.sold = _EXACT.add(self.sold, part)
        self.proceeds = _EXACT.add(self.proceeds, _EXACT.multiply(sale.price.value, part))
        self.left_ms = max(self.left_ms or 0, sale.time_ms)
        fee = sale.commission
        if fee is not None and part == sale.quantity.value:
            self.fees[fee.currency] = _EXACT.add(self.fees.get(fee.currency, _ZERO), fee.amount)


@dataclass(slots=True)
class _Trades:
    """The trade ids of one symbol that are booked, ascending, and their times."""

    ids: list[int] = field(default_factory=list)
    times: dict[int, int] = field(default_factory=dict)
    #: The first id that counts: what happened before is in what the account held then.
    first: int = 0

    def add(self, fill: Fill) -> None:
        insort(self.ids, fill.trade_id)
        self.times[fill.trade_id] = fill.time_ms

    def cursor(self, since_ms: int | None) -> int:
        if not self.ids:
            return self.first
        horizon = self.times[self.ids[-1]] - OVERLAP_MS
        if since_ms is not None:
            horizon = min(horizon, since_ms)
        for trade_id in reversed(self.ids):
            if self.times[trade_id] < horizon:
                return max(self.first, trade_id + 1)
        return self.first


@dataclass
class Ledger:
    """Balances and claims of one account, and the lots they come from."""

    quote: str
    balances: dict[str, Decimal] = field(default_factory=dict)
    claims: dict[str, Decimal] = field(default_factory=dict)
    lots: dict[str, Lot] = field(default_factory=dict)
    #: Commissions of our fills in assets that are neither side of the symbol.
    elsewhere: dict[str, Decimal] = field(default_factory=dict)
    _trades: dict[str, _Trades] = field(default_factory=dict)
    _transfers: set[str] = field(default_factory=set)
    _opened: set[str] = field(default_factory=set)
    #: Sales that were not ours, by symbol: the price at which coins of ours went.
    strange_sales: dict[str, dict[int, Fill]] = field(default_factory=dict)

    def base(self, symbol: str) -> str:
        """Returns the base asset; raises BadUsage for a symbol of another quote."""
        base = symbol.removesuffix(self.quote)
        if base in {symbol, ""}:
            raise BadUsage(f"{symbol} is not quoted in {self.quote}; trade {self.quote} pairs only")
        return base

    def has_fill(self, symbol: str, trade_id: int) -> bool:
        trades = self._trades.get(symbol)
        return trades is not None and trade_id in trades.times

    def is_opened(self, asset_or_symbol: str) -> bool:
        """Returns whether it is written down what the account held of it when first seen."""
        return asset_or_symbol in self._opened

    def next_trade_id(self, symbol: str, since_ms: int | None) -> int:
        """Returns the trade id to read from, so that nothing since `since_ms` is left out."""
        trades = self._trades.get(symbol)
        return 0 if trades is None else trades.cursor(since_ms)

    def first_trade_id(self, symbol: str) -> int:
        trades = self._trades.get(symbol)
        return 0 if trades is None else trades.first

    def counts(self, symbol: str, trade_id: int) -> bool:
        """Returns whether a trade has to be booked, and is not part of what the account held when
        the symbol was first seen. Where that is not written down yet, trades after the first one
        booked are none of it."""
        if self.is_opened(symbol):
            return trade_id >= self.first_trade_id(symbol)
        first = self.first_booked_id(symbol)
        return first is not None and trade_id >= first

    def first_booked_id(self, symbol: str) -> int | None:
        """Returns the least trade id that is booked."""
        trades = self._trades.get(symbol)
        return trades.ids[0] if trades is not None and trades.ids else None

    def balance(self, asset: str) -> Decimal:
        return self.balances.get(asset, _ZERO)

    def ours(self, symbol: str) -> Decimal:
        """Returns base units that are there and ours: of the open position, and dust."""
        return _held(self.claims.get(symbol, _ZERO), self.balance(self.base(symbol)))

    def book_fill(self, booked: FillBooked) -> bool:
        """Returns whether the fill was new."""
        fill = booked.fill
        if self.has_fill(fill.symbol, fill.trade_id):
            return False
        base = self.base(fill.symbol)
        self._trades.setdefault(fill.symbol, _Trades()).add(fill)
        for asset, change in changes(fill, base, self.quote):
            self.balances[asset] = _EXACT.add(self.balance(asset), change)
        if booked.position_id is not None:
            lot = self.lots.setdefault(booked.position_id, Lot(fill.symbol))
            self._claim(fill.symbol, lot.add(fill, base))
            self._count_elsewhere(fill, base)
        elif fill.side is Side.SELL:
            self.strange_sales.setdefault(fill.symbol, {})[fill.trade_id] = fill
        return True

    def _count_elsewhere(self, fill: Fill, base: str) -> None:
        fee = fill.commission
        if fee is not None and fee.amount and fee.currency not in {base, self.quote}:
            known = self.elsewhere.get(fee.currency, _ZERO)
            self.elsewhere[fee.currency] = _EXACT.add(known, fee.amount)

    def book_transfer(self, booked: TransferBooked) -> bool:
        """Returns whether the transfer was new."""
        if booked.transfer_id in self._transfers:
            return False
        self._transfers.add(booked.transfer_id)
        if booked.kind is TransferKind.TAKEN:
            self._let_go(booked)
            return True
        asset = booked.money.currency
        self.balances[asset] = _EXACT.add(self.balance(asset), booked.money.amount)
        kind, _, rest = booked.transfer_id.partition("/")
        if kind == _OPENING:
            name, _, first = rest.partition("/")
            self._opened.add(name)
            if first:
                self._trades.setdefault(name, _Trades()).first = int(first)
        return True

    def _let_go(self, taken: TransferBooked) -> None:
        _, symbol, _, position_id = taken.transfer_id.split("/", 3)
        self._claim(symbol, taken.money.amount)
        if position_id:
            lot = self.lots.setdefault(position_id, Lot(symbol))
            lot.net = _EXACT.add(lot.net, taken.money.amount)
            lot.taken = _EXACT.subtract(lot.taken, taken.money.amount)

    def close(self, trade: Trade) -> None:
        """Lets go of what a closed position's fills still claim beyond its dust."""
        lot = self.lots.get(trade.position_id)
        if lot is not None:
            self._claim(trade.symbol, min(_ZERO, trade.dust.value - max(_ZERO, lot.net)))

    def position_quantity(self, position_id: str, symbol: str) -> Decimal:
        lot = self.lots.get(position_id)
        return _ZERO if lot is None else _held(lot.net, self.ours(symbol))

    def outcome(self, position_id: str, extra: Iterable[FillBooked] = ()) -> tuple[Lot, Decimal]:
        """Returns what a position comes to when it is closed now, `extra` fills booked too, and
        the quantity it has left; changes nothing.

        Coins of ours that a stranger sold count as sold at the stranger's price, with the
        commission where the whole sale was ours; those that went without a trade bring nothing.
        """
        if position_id not in self.lots:
            raise Failed(f"position {position_id} has no fill")
        after = self.preview([position_id])
        for booked in extra:
            if not self.has_fill(booked.fill.symbol, booked.fill.trade_id):
                after.book_fill(booked)
        lot = after.lots[position_id]
        left = after.position_quantity(position_id, lot.symbol)
        taken = _EXACT.add(lot.taken, _EXACT.subtract(max(_ZERO, lot.net), left))
        sales = () if taken <= 0 else self._strange_sales_with(after, lot.symbol)
        for sale in sales:
            part = min(taken, sale.quantity.value)
            if part <= 0 or (lot.entered_ms is not None and sale.time_ms < lot.entered_ms):
                break
            taken = _EXACT.subtract(taken, part)
            lot.take(sale, part)
        return lot, left

    def preview(self, position_ids: Iterable[str]) -> Ledger:
        """Returns a ledger to try further fills and transfers on, with the lots of these positions
        and no memory of what is booked: cheap to make, and this one stays as it is."""
        return Ledger(
            self.quote,
            balances=dict(self.balances),
            claims=dict(self.claims),
            lots={name: self.lots[name].copy() for name in position_ids if name in self.lots},
        )

    def _strange_sales_with(self, after: Ledger, symbol: str) -> list[Fill]:
        """Returns the sales of other hands, the preview's too, latest first."""
        sales = self.strange_sales.get(symbol, {}) | after.strange_sales.get(symbol, {})
        return [sale for _, sale in sorted(sales.items(), reverse=True)]

    def _claim(self, symbol: str, change: Decimal) -> None:
        self.claims[symbol] = _EXACT.add(self.claims.get(symbol, _ZERO), change)


def taken_id(symbol: str, at_ms: int, position_id: str) -> str:
    """Returns the id of a transfer that says what another hand took of a position, or of dust."""
    return f"taken/{symbol}/{at_ms}/{position_id}"


def changes(fill: Fill, base: str, quote: str) -> list[tuple[str, Decimal]]:
    """Returns what a fill adds to each balance: the base asset, the quote and the commission's."""
    quantity = fill.quantity.value
    amount = _EXACT.multiply(fill.price.value, quantity)
    buys = fill.side is Side.BUY
    moved = [(base, quantity if buys else -quantity), (quote, -amount if buys else amount)]
    if fill.commission is not None:
        moved.append((fill.commission.currency, -fill.commission.amount))
    return moved


def foreign_flow(fill: Fill, base: str, quote: str, eaten: Decimal) -> Decimal:
    """Returns the quote units that another hand's trade brought, or took (negative), but for those
    that `eaten` brought, the coins of ours that it sold."""
    moved = total(amount for asset, amount in changes(fill, base, quote) if asset == quote)
    quantity = fill.quantity.value
    return product(moved, difference(quantity, min(eaten, quantity))) / quantity


def difference(left: Decimal, right: Decimal) -> Decimal:
    """Returns left − right, exact."""
    return _EXACT.subtract(left, right)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Returns the sum, exact."""
    result = _ZERO
    for amount in amounts:
        result = _EXACT.add(result, amount)
    return result


def product(left: Decimal, right: Decimal) -> Decimal:
    """Returns left × right, exact."""
    return _EXACT.multiply(left, right)


def average(amount: Decimal, quantity: Decimal) -> Price:
    """Returns the price of one unit, to 28 digits."""
    return Price(_AVERAGE.divide(amount, quantity))


def _held(claim: Decimal, there: Decimal) -> Decimal:
    return max(_ZERO, min(claim, there))
