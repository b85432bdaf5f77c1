"""Compares what an emulated exchange knows of an account with what was written down of it.

The exchange is right. The drill and the campaigns of the tests judge by the same words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias, cast

from leeward.emulator.rejections import Json
from leeward.engine.books import Books
from leeward.engine.intents import is_ours
from leeward.engine.records import (
    FillBooked,
    IntentMade,
    OrderState,
    PositionClosed,
    PositionOpened,
    Purpose,
    Record,
)

_STATES = {
    "NEW": {OrderState.OPEN},
    "PENDING_NEW": {OrderState.PENDING},
    "PARTIALLY_FILLED": {OrderState.PARTIAL},
    "FILLED": {OrderState.FILLED},
    "CANCELED": {OrderState.CANCELED},
    "EXPIRED": {OrderState.EXPIRED},
    "EXPIRED_IN_MATCH": {OrderState.EXPIRED},
    "REJECTED": {OrderState.REFUSED, OrderState.EXPIRED},
}
_Table: TypeAlias = dict[str, dict[str, Any]]
#: An order that the exchange does not know.
_NEVER = {OrderState.VOID, OrderState.REFUSED}
_OPEN = {"NEW", "PENDING_NEW", "PARTIALLY_FILLED"}


@dataclass(frozen=True)
class Truth:
    """The account as the exchange has it."""

    balances: dict[str, Decimal]
    orders: dict[str, dict[str, Any]]
    trades: dict[tuple[str, int], dict[str, Any]]
    prices: dict[str, Decimal]

    def open_stops(self, symbol: str) -> Decimal:
        """Returns for how much stops are open."""
        return sum(
            (
                Decimal(order["origQty"]) - Decimal(order["executedQty"])
                for order in self.orders.values()
                if order["symbol"] == symbol
                and order["type"] == "STOP_LOSS"
                and order["status"] in _OPEN - {"PENDING_NEW"}
            ),
            Decimal(0),
        )


def truth_of(told: Json, account: str) -> Truth:
    """Returns the truth about one account of what the emulator's administration tells."""
    symbols, accounts = cast("_Table", told["symbols"]), cast("_Table", told["accounts"])
    mine = accounts[account]
    return Truth(
        {
            asset: Decimal(held["free"]) + Decimal(held["locked"])
            for asset, held in mine["balances"].items()
        },
        {order["clientOrderId"]: order for order in mine["orders"]},
        {(trade["symbol"], trade["id"]): trade for trade in mine["trades"]},
        {symbol: Decimal(entry["price"]) for symbol, entry in symbols.items()},
    )


def differences(truth: Truth, books: Books, records: Sequence[Record]) -> list[str]:
    """Returns what is wrong, one sentence each; `books` are those of `records`, as loaded."""
    wrong = _fills(truth, books, records) + _entries(records)
    wrong += _orders(truth, books)
    wrong += _balances(truth, books)
    for symbol in truth.prices:
        wrong += _position(truth, books, symbol)
    return wrong


def _fills(truth: Truth, books: Books, records: Sequence[Record]) -> list[str]:
    booked = [record.fill for record in records if isinstance(record, FillBooked)]
    counts = Counter((fill.symbol, fill.trade_id) for fill in booked)
    wrong = [f"trade {each} is booked {count} times" for each, count in counts.items() if count > 1]
    # What another hand traded before the account was first seen is part of what it held then.
    ours = {order["orderId"] for name, order in truth.orders.items() if is_ours(name)}
    wrong += [
        f"trade {each} is lost"
        for each, trade in truth.trades.items()
        if each not in counts and (books.ledger.counts(*each) or trade["orderId"] in ours)
    ]
    for fill in booked:
        trade = truth.trades.get((fill.symbol, fill.trade_id))
        if trade is None:
            wrong.append(f"trade {fill.trade_id} of {fill.symbol} never happened")
            continue
        paid = None if fill.commission is None else fill.commission.amount
        if (fill.price.value, fill.quantity.value, paid) != (
            Decimal(trade["price"]), Decimal(trade["qty"]), Decimal(trade["commission"]),
        ):  # fmt: skip
            wrong.append(f"trade {fill.trade_id} of {fill.symbol} is booked as {fill}")
    return wrong


def _entries(records: Sequence[Record]) -> list[str]:
    keys = Counter(
        record.key
        for record in records
        if isinstance(record, IntentMade) and record.purpose is Purpose.ENTRY
    )
    closed = Counter(
        record.trade.position_id for record in records if isinstance(record, PositionClosed)
    )
    opened = Counter(record.position_id for record in records if isinstance(record, PositionOpened))
    wrong = [f"decided twice: {key}" for key, count in keys.items() if count > 1]
    wrong += [
        f"position {each} closed {count} times" for each, count in closed.items() if count > 1
    ]
    wrong += [
        f"position {each} opened {count} times" for each, count in opened.items() if count > 1
    ]
    return wrong + [f"position {each} closed but never opened" for each in closed - opened]


def _orders(truth: Truth, books: Books) -> list[str]:
    wrong = [
        f"order {name} ({order['side']} {order['type']} {order['status']}) is in no book"
        for name, order in truth.orders.items()
        if is_ours(name) and name not in books.orders
    ]
    for name, order in books.orders.items():
        told = truth.orders.get(name)
        status = None if told is None else told["status"]
        if order.state not in (_NEVER if status is None else _STATES[status]):
            wrong.append(f"order {name} is {status or 'unknown'}, the books say {order.state}")
        # A fill may be known from the list of trades before the order itself is told of.
        done = max(order.executed, order.booked)
        if told is not None and done.value != Decimal(told["executedQty"]):
            wrong.append(f"order {name} executed {told['executedQty']}, the books say {done}")
    return wrong + [f"order {each.client_order_id} is unresolved" for each in books.unresolved()]


def _balances(truth: Truth, books: Books) -> list[str]:
    # Assets that we never touched are not ours to count.
    return [
        f"{asset}: the account holds {held}, the books say {books.balance(asset)}"
        for asset, held in truth.balances.items()
        if asset in books.ledger.balances and books.balance(asset) != held
    ]


def _position(truth: Truth, books: Books, symbol: str) -> list[str]:
    held = books.position(symbol)
    open_orders = [
        order
        for order in truth.orders.values()
        if order["symbol"] == symbol
        and order["status"] in _OPEN
        and is_ours(order["clientOrderId"])
    ]
    if held is None:
        return [f"{each['clientOrderId']} is open without a position" for each in open_orders]
    if held.closing is not None:
        return [f"{symbol}: to be closed ({held.closing}) and still held: {held.quantity}"]
    stops = truth.open_stops(symbol)
    worth = (held.quantity.value - stops) * truth.prices[symbol]
    wrong = []
    if worth > 6:  # the least notional is 5; a lot step of value comes on top
        wrong.append(f"{symbol}: {held.quantity} held, stops for {stops} only")
    if stops > held.quantity.value:
        wrong.append(f"{symbol}: {held.quantity} held, stops for {stops}")
    return wrong
