"""The books of an account on paper: what its exchange would know of it.

Every balance is a total; what is locked follows from the open orders. `take_changes` returns what
changed since the last time as one row of JSON, `apply` reads such rows: the books are the sum of
their rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from leeward.domain.money import Money, Price, Quantity, notional
from leeward.domain.orders import (
    Balance,
    Contingency,
    Fill,
    ListedOrder,
    ListStatus,
    OrderListReport,
    OrderReport,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from leeward.domain.rules import SymbolRules

#: One row of the journal, ready for JSON.
Row: TypeAlias = dict[str, Any]

_OPEN = frozenset({OrderStatus.NEW, OrderStatus.PENDING_NEW})


@dataclass(slots=True)
class PaperOrder:
    """One order. `since_ms` is the open time of the first candle that can fill it, None where
    that is not known; `awaits_open` marks one that fills or ends at the next open; `triggered` a
    stop that has become a limit order."""

    order_id: int
    symbol: str
    client_id: str
    side: Side
    type: OrderType
    tif: TimeInForce
    updated_ms: int
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    quote_amount: Decimal | None = None
    list_id: int | None = None
    status: OrderStatus = OrderStatus.NEW
    executed: Decimal = Decimal(0)
    executed_quote: Decimal = Decimal(0)
    since_ms: int | None = None
    awaits_open: bool = False
    triggered: bool = False
    expiry: str | None = None

    @property
    def is_open(self) -> bool:
        return self.status in _OPEN


_ORDER_PARTS: Mapping[str, Any] = {
    "side": Side,
    "type": OrderType,
    "tif": TimeInForce,
    "status": OrderStatus,
    **dict.fromkeys(
        ("quantity", "price", "stop_price", "quote_amount", "executed", "executed_quote"), Decimal
    ),
}


@dataclass(slots=True)
class PaperList:
    """An order list: all its orders, and those that wait for the first one's fill. `by_fill` is
    for pending orders that sell what the first one bought."""

    list_id: int
    client_id: str
    symbol: str
    contingency: Contingency
    time_ms: int
    order_ids: list[int]
    pending_ids: list[int]
    by_fill: bool = False
    status: ListStatus = ListStatus.EXECUTING


@dataclass(frozen=True, slots=True)
class Pair:
    """What fills need of a symbol's rules, so that a restart needs no question."""

    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    least_notional: Decimal

    @classmethod
    def of(cls, rules: SymbolRules) -> Pair:
        least = rules.notional.least if rules.notional else Decimal(0)
        return cls(rules.base, rules.quote, rules.price.step, rules.lot.step, least)


@dataclass(slots=True)
class Mark:
    """How far a symbol's candles have been judged: open and close time of the last one, and the
    open time of the candle of the last purchase."""

    judged_ms: int | None = None
    next_ms: int | None = None
    bought_ms: int | None = None


@dataclass
class PaperBooks:
    """Orders and lists by id, fills in order, totals by asset. Whoever changes a row says so by
    `touch`."""

    orders: dict[int, PaperOrder] = field(default_factory=dict)
    lists: dict[int, PaperList] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    totals: dict[str, Money] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    number: int = 0
    _last_id: int = 0
    _open: dict[int, PaperOrder] = field(default_factory=dict)
    _by_client: dict[tuple[str, str], int] = field(default_factory=dict)
    _lists_by_client: dict[str, int] = field(default_factory=dict)
    _fills_of: dict[int, list[Fill]] = field(default_factory=dict)
    _fills_in: dict[str, list[Fill]] = field(default_factory=dict)
    _touched: set[tuple[str, int | str]] = field(default_factory=set)
    _new_fills: list[Fill] = field(default_factory=list)

    # Rows.

    def touch(self, what: PaperOrder | PaperList) -> None:
        """Takes a new or changed order or list into the books and into the next row."""
        if isinstance(what, PaperOrder):
            self._keep_order(what)
            self._touched.add(("orders", what.order_id))
        else:
            self._keep_list(what)
            self._touched.add(("lists", what.list_id))

    def mark_of(self, symbol: str) -> Mark:
        """Returns the symbol's mark for changing it."""
        self._touched.add(("marks", symbol))
        return self.marks.setdefault(symbol, Mark())

    def add_pair(self, symbol: str, pair: Pair) -> None:
        if self.pairs.get(symbol) != pair:
            self.pairs[symbol] = pair
            self._touched.add(("pairs", symbol))

    def add_money(self, money: Money) -> None:
        asset = money.currency
        self.totals[asset] = self.totals.get(asset, Money(Decimal(0), asset)) + money
        self._touched.add(("totals", asset))

    def add_fill(self, fill: Fill) -> None:
        self._keep_fill(fill)
        self._new_fills.append(fill)

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def take_changes(self) -> Row | None:
        """Returns the row of what changed since the last call, None where nothing did."""
        if not self._touched and not self._new_fills:
            return None
        self.number += 1
        row = self._row(sorted(self._touched, key=str), self._new_fills)
        self._touched, self._new_fills = set(), []
        return row

    def whole(self) -> Row:
        """Returns one row that stands for all rows so far."""
        names: list[tuple[str, int | str]] = []
        for kind in ("orders", "lists", "totals", "pairs", "marks"):
            names += [(kind, key) for key in getattr(self, kind)]
        return self._row(names, self.fills)

    def _row(self, names: Iterable[tuple[str, int | str]], fills: Iterable[Fill]) -> Row:
        row: Row = {"n": self.number, "fills": [_fill_row(fill) for fill in fills]}
        for kind, key in names:
            value = getattr(self, kind)[key]
            row.setdefault(kind, {})[str(key)] = _plain(value)
        return row

    def apply(self, row: Row) -> None:
        """Takes one row in; those that the books already hold are passed over."""
        if row["n"] <= self.number:
            return
        self.number = row["n"]
        for key, pair in row.get("pairs", {}).items():
            amounts = {name: Decimal(pair[name]) for name in ("tick", "lot", "least_notional")}
            self.pairs[key] = Pair(pair["base"], pair["quote"], **amounts)
        for key, mark in row.get("marks", {}).items():
            self.marks[key] = Mark(**mark)
        for asset, amount in row.get("totals", {}).items():
            self.totals[asset] = Money(Decimal(amount), asset)
        for order in row.get("orders", {}).values():
            parts = {
                name: _ORDER_PARTS[name](part)
                if name in _ORDER_PARTS and part is not None
                else part
                for name, part in order.items()
            }
            self._keep_order(PaperOrder(**parts))
        for each in row.get("lists", {}).values():
            words = {
                "contingency": Contingency(each["contingency"]),
                "status": ListStatus(each["status"]),
            }
            self._keep_list(PaperList(**{**each, **words}))
        for fill in row["fills"]:
            self._keep_fill(_fill_of(fill))

    def _keep_order(self, order: PaperOrder) -> None:
        self.orders[order.order_id] = order
        self._last_id = max(self._last_id, order.order_id)
        latest = self._by_client.get((order.symbol, order.client_id), 0)
        self._by_client[order.symbol, order.client_id] = max(latest, order.order_id)
        if order.is_open:
            self._open[order.order_id] = order
        else:
            self._open.pop(order.order_id, None)

    def _keep_list(self, each: PaperList) -> None:
        self.lists[each.list_id] = each
        self._last_id = max(self._last_id, each.list_id)
        latest = self._lists_by_client.get(each.client_id, 0)
        self._lists_by_client[each.client_id] = max(latest, each.list_id)

    def _keep_fill(self, fill: Fill) -> None:
        self.fills.append(fill)
        self._last_id = max(self._last_id, fill.trade_id)
        self._fills_of.setdefault(fill.order_id, []).append(fill)
        self._fills_in.setdefault(fill.symbol, []).append(fill)

    # Questions.

    def open_orders(self, symbol: str | None = None) -> Iterator[PaperOrder]:
        """Yields the open orders, oldest first."""
        for order_id in sorted(self._open):
            if symbol in {None, self._open[order_id].symbol}:
                yield self._open[order_id]

    def open_lists(self) -> list[PaperList]:
        ids = {order.list_id for order in self._open.values() if order.list_id is not None}
        return [self.lists[list_id] for list_id in sorted(ids)]

    def order(self, symbol: str, client_id: str) -> PaperOrder | None:
        """Returns the newest order of that client id."""
        order_id = self._by_client.get((symbol, client_id))
        return None if order_id is None else self.orders[order_id]

    def list_named(self, client_id: str) -> PaperList | None:
        list_id = self._lists_by_client.get(client_id)
        return None if list_id is None else self.lists[list_id]

    def list_of(self, order: PaperOrder) -> PaperList | None:
        return None if order.list_id is None else self.lists[order.list_id]

    def legs(self, each: PaperList) -> list[PaperOrder]:
        return [self.orders[order_id] for order_id in each.order_ids]

    def fills_of(self, order_id: int) -> tuple[Fill, ...]:
        return tuple(self._fills_of.get(order_id, ()))

    def trades(self, symbol: str, from_id: int, most: int) -> tuple[Fill, ...]:
        """Returns at most so many fills of a symbol with trade ids from `from_id` on."""
        fills = self._fills_in.get(symbol, [])
        first = bisect_left(fills, from_id, key=lambda fill: fill.trade_id)
        return tuple(fills[first : first + most])

    def lock_of(self, order: PaperOrder) -> Money:
        """Returns what an open order holds back by itself."""
        pair = self.pairs[order.symbol]
        if order.status is not OrderStatus.NEW:
            return Money(Decimal(0), pair.quote)
        quantity = order.quantity or Decimal(0)
        if order.side is Side.SELL:
            return Money(quantity, pair.base)
        price = order.price or order.stop_price
        if price is None:  # bought at the market, paid when it fills
            return Money(Decimal(0), pair.quote)
        return notional(Price(price), Quantity(quantity), pair.quote)

    def locked(self, asset: str) -> Money:
        """Returns what open orders hold of an asset; two orders of which one cancels the other
        hold once what the dearer needs."""
        groups: dict[tuple[str, int], Money] = {}
        for order in self._open.values():
            lock = self.lock_of(order)
            if lock.currency == asset:
                key = (
                    ("order", order.order_id) if order.list_id is None else ("list", order.list_id)
                )
                groups[key] = max(groups.get(key, lock), lock)
        return sum(groups.values(), Money(Decimal(0), asset))

    def free(self, asset: str) -> Money:
        return self.totals.get(asset, Money(Decimal(0), asset)) + -self.locked(asset)

    def balances(self) -> tuple[Balance, ...]:
        """Returns the balances that are not zero."""
        held = sorted(asset for asset, total in self.totals.items() if not total.is_zero)
        return tuple(Balance(self.free(asset), self.locked(asset)) for asset in held)

    # Reports.

    def report(self, order: PaperOrder) -> OrderReport:
        return OrderReport(
            symbol=order.symbol,
            order_id=order.order_id,
            client_order_id=order.client_id,
            order_list_id=order.list_id,
            side=order.side,
            type=order.type,
            time_in_force=order.tif,
            status=order.status,
            quantity=None if order.quantity is None else Quantity(order.quantity),
            executed=Quantity(order.executed),
            executed_quote=order.executed_quote,
            price=None if order.price is None else Price(order.price),
            stop_price=None if order.stop_price is None else Price(order.stop_price),
            time_ms=order.updated_ms,
            fills=self.fills_of(order.order_id),
            expiry_reason=order.expiry,
        )

    def list_report(self, each: PaperList) -> OrderListReport:
        legs = self.legs(each)
        return OrderListReport(
            symbol=each.symbol,
            list_id=each.list_id,
            client_list_id=each.client_id,
            contingency=each.contingency,
            status=each.status,
            time_ms=each.time_ms,
            orders=tuple(ListedOrder(leg.order_id, leg.client_id) for leg in legs),
            reports=tuple(self.report(leg) for leg in legs),
        )


def _plain(value: PaperOrder | PaperList | Pair | Mark | Money) -> Row | str:
    if isinstance(value, Money):
        return str(value.amount)
    parts = asdict(value)
    return {n: str(part) if isinstance(part, Decimal) else part for n, part in parts.items()}


def _fill_row(fill: Fill) -> Row:
    return {
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "side": fill.side,
        "price": str(fill.price),
        "quantity": str(fill.quantity),
        "commission": None if fill.commission is None else [str(fill.commission.amount),
                                                           fill.commission.currency],
        "time_ms": fill.time_ms,
        "is_maker": fill.is_maker,
    }  # fmt: skip


def _fill_of(row: Row) -> Fill:
    paid = row["commission"]
    return Fill(
        symbol=row["symbol"],
        trade_id=row["trade_id"],
        order_id=row["order_id"],
        side=Side(row["side"]),
        price=Price(Decimal(row["price"])),
        quantity=Quantity(Decimal(row["quantity"])),
        commission=None if paid is None else Money(Decimal(paid[0]), paid[1]),
        time_ms=row["time_ms"],
        is_maker=row["is_maker"],
    )
