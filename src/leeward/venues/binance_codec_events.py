"""Binance's user events and the frames of its WebSocket API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from leeward.domain.answers import Refused
from leeward.domain.money import Money
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
    TimeInForce,
)
from leeward.venues.binance_codec import Record
from leeward.venues.binance_codec_market import Ignored, ServerShutdown
from leeward.venues.binance_codec_orders import list_id, refusal, side_of
from leeward.venues.binance_codec_rules import balance


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An order changed; `execution` is the exchange's word for how, `reject_reason` is NONE where
    there is none. A trade is in the report's `fills`."""

    report: OrderReport
    execution: str
    reject_reason: str


@dataclass(frozen=True, slots=True)
class ListEvent:
    report: OrderListReport


@dataclass(frozen=True, slots=True)
class BalancesEvent:
    """The balances that may have changed, as they are now."""

    balances: tuple[Balance, ...]
    time_ms: int


@dataclass(frozen=True, slots=True)
class CashFlowEvent:
    """A deposit, withdrawal or transfer (signed), or a lock from outside of trading."""

    change: Money
    time_ms: int
    external_lock: bool


@dataclass(frozen=True, slots=True)
class StreamTerminated:
    """The subscription has ended; the connection may live on."""


UserEvent: TypeAlias = (
    OrderEvent
    | ListEvent
    | BalancesEvent
    | CashFlowEvent
    | StreamTerminated
    | ServerShutdown
    | Ignored
)


@dataclass(frozen=True, slots=True)
class ApiReply:
    """An answer to one request: `result` where it was carried out, `refused` where not. A reply
    without an id is about the connection itself."""

    id: str | int | None
    status: int
    result: object
    refused: Refused | None


def api_frame(value: object) -> ApiReply | UserEvent:
    """Returns what one frame of the WebSocket API is."""
    record = Record.of(value)
    if "event" in record:
        return user_event(record.values["event"])
    if "status" not in record:  # an older capture: the bare event, or wrapped like a stream
        return user_event(record.values.get("data", value))
    number = record.values.get("id")
    if not isinstance(number, str | int | None):
        raise record.fails("id", "a text, a number or null")
    refused = refusal(record.record("error")) if "error" in record else None
    if refused is None and "result" not in record:
        raise record.fails("result", "a result or an error")
    return ApiReply(number, record.integer("status"), record.values.get("result"), refused)


def user_event(value: object) -> UserEvent:
    """Returns one user event, without its wrapping."""
    record = Record.of(value)
    match record.text("e"):
        case "executionReport":
            return _order_event(record)
        case "listStatus":
            return ListEvent(_list_report(record))
        case "outboundAccountPosition":
            balances = (balance(each, ("a", "f", "l")) for each in record.records("B"))
            return BalancesEvent(tuple(balances), record.integer("u"))
        case "balanceUpdate":
            return _cash_flow(record, external_lock=False)
        case "externalLockUpdate":
            return _cash_flow(record, external_lock=True)
        case "eventStreamTerminated":
            return StreamTerminated()
        case "serverShutdown":
            return ServerShutdown()
        case kind:
            return Ignored(kind)


def _cash_flow(record: Record, *, external_lock: bool) -> CashFlowEvent:
    change = Money(record.decimal("d"), record.filled_text("a"))
    return CashFlowEvent(change, record.integer("T"), external_lock)


def _list_report(record: Record) -> OrderListReport:
    return OrderListReport(
        symbol=record.filled_text("s"),
        list_id=record.integer("g"),
        client_list_id=record.text("C"),
        contingency=record.word("c", Contingency),
        status=record.word("L", ListStatus),
        time_ms=record.integer("T"),
        orders=tuple(
            ListedOrder(each.integer("i"), each.text("c")) for each in record.records("O")
        ),
    )


def _order_event(record: Record) -> OrderEvent:
    execution = record.text("x")
    # `c` is the cancel's own id while `C` names the order it cancels.
    cancelled_id = record.text("C")
    report = OrderReport(
        symbol=record.filled_text("s"),
        order_id=record.integer("i"),
        client_order_id=cancelled_id or record.text("c"),
        order_list_id=list_id(record, "g"),
        side=side_of(record, "S"),
        type=record.word("o", OrderType),
        time_in_force=record.word("f", TimeInForce),
        status=record.word("X", OrderStatus),
        quantity=record.quantity("q"),
        executed=record.quantity("z"),
        executed_quote=record.decimal("Z"),
        price=record.price_or_none("p"),
        stop_price=record.price_or_none("P"),
        time_ms=record.integer("T"),
        fills=_fills(record, execution),
        expiry_reason=record.filled_text("eR") if "eR" in record else None,
    )
    return OrderEvent(report, execution, record.text("r"))


def _fills(record: Record, execution: str) -> tuple[Fill, ...]:
    """Returns the trade of the event; one without quantity or price is a hint to ask for it."""
    quantity, price = record.quantity("l"), record.price_or_none("L")
    if execution != "TRADE" or quantity.is_zero or price is None:
        return ()
    paid, charged = record.quantity("n").value, record.values.get("N") is not None
    if paid and not charged:
        raise record.fails("N", "the asset of the commission")
    return (
        Fill(
            symbol=record.filled_text("s"),
            trade_id=record.integer("t"),
            order_id=record.integer("i"),
            side=side_of(record, "S"),
            price=price,
            quantity=quantity,
            commission=Money(paid, record.filled_text("N")) if charged else None,
            time_ms=record.integer("T"),
            is_maker=record.flag("m"),
        ),
    )
