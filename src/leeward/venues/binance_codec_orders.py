"""Binance's answers about orders, order lists, replacements and trades."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from leeward.domain.answers import Acked, NotAttempted, Refused, Replacement
from leeward.domain.money import Money, Quantity
from leeward.domain.orders import (
    AmendReport,
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
from leeward.venues.binance_codec import Record, Unreadable, as_list
from leeward.venues.binance_errors import reaction_to

Report: TypeAlias = OrderReport | OrderListReport


def order(value: object) -> OrderReport:
    """Returns the order of a place (RESULT or FULL), cancel or query answer."""
    return _order(Record.of(value))


def orders(value: object) -> tuple[OrderReport, ...]:
    """Returns the orders of openOrders or allOrders."""
    return tuple(_order(Record.of(each, f"[{at}]")) for at, each in enumerate(as_list(value)))


def order_receipt(value: object) -> tuple[str, int, str]:
    """Returns symbol, order id and client order id of an ACK answer: it holds nothing else."""
    record = Record.of(value)
    record.integer("transactTime")
    return (
        record.filled_text("symbol"),
        record.integer("orderId"),
        record.text("clientOrderId"),
    )


def _order(record: Record) -> OrderReport:
    symbol, order_id = record.filled_text("symbol"), record.integer("orderId")
    time_ms = _time(record)
    side = side_of(record, "side")
    fills = record.records("fills") if "fills" in record else ()
    return OrderReport(
        symbol=symbol,
        order_id=order_id,
        # A cancel's answer carries its own client id; the order's is the "orig" one.
        client_order_id=record.text(
            "origClientOrderId" if "origClientOrderId" in record else "clientOrderId"
        ),
        order_list_id=list_id(record, "orderListId"),
        side=side,
        type=record.word("type", OrderType),
        time_in_force=record.word("timeInForce", TimeInForce),
        status=record.word("status", OrderStatus),
        quantity=_quantity(record),
        executed=record.quantity("executedQty"),
        executed_quote=record.decimal("cummulativeQuoteQty"),
        price=record.price_or_none("price"),
        stop_price=record.price_or_none("stopPrice"),
        time_ms=time_ms,
        fills=tuple(_own_fill(fill, symbol, order_id, side, time_ms) for fill in fills),
        expiry_reason=record.filled_text("expiryReason") if "expiryReason" in record else None,
    )


def _quantity(record: Record) -> Quantity | None:
    """Returns None for an order whose quantity another one's fill was to set (OPO, OPOCO), waiting
    for it or ended before."""
    if "origQty" not in record and list_id(record, "orderListId") is not None:
        if not record.quantity("executedQty").is_zero:
            raise record.fails("origQty", "the quantity of an order that was filled")
        return None
    return record.quantity("origQty")


def _time(record: Record) -> int:
    for name in ("transactTime", "updateTime", "time"):
        if name in record:
            return record.integer(name)
    raise record.fails("transactTime", "a time")


def _own_fill(  # a fill inside an order's answer: it was the taker
    fill: Record, symbol: str, order_id: int, side: Side, time_ms: int
) -> Fill:
    return Fill(
        symbol=symbol,
        trade_id=fill.integer("tradeId"),
        order_id=order_id,
        side=side,
        price=fill.price("price"),
        quantity=fill.quantity("qty"),
        commission=Money(fill.decimal("commission"), fill.filled_text("commissionAsset")),
        time_ms=time_ms,
        is_maker=False,
    )


def side_of(record: Record, name: str) -> Side:
    """Returns the side; there is no third one to be unknown."""
    text = record.text(name)
    if text not in Side.__members__:
        raise record.fails(name, "BUY or SELL")
    return Side(text)


def list_id(record: Record, name: str) -> int | None:
    """Returns the order list's id, None where the exchange says -1: in no list."""
    value = record.integer(name) if name in record else -1
    return None if value == -1 else value


def order_list(value: object) -> OrderListReport:
    """Returns the list of a placement, cancel or query answer."""
    return _order_list(Record.of(value))


def order_lists(value: object) -> tuple[OrderListReport, ...]:
    """Returns the lists of openOrderList or allOrderList."""
    return tuple(_order_list(Record.of(each, f"[{at}]")) for at, each in enumerate(as_list(value)))


def _order_list(record: Record) -> OrderListReport:
    reports = record.records("orderReports") if "orderReports" in record else ()
    return OrderListReport(
        symbol=record.filled_text("symbol"),
        list_id=record.integer("orderListId"),
        client_list_id=record.text("listClientOrderId"),
        contingency=record.word("contingencyType", Contingency),
        status=record.word("listOrderStatus", ListStatus),
        time_ms=record.integer("transactionTime"),
        orders=tuple(
            ListedOrder(each.integer("orderId"), each.text("clientOrderId"))
            for each in record.records("orders")
        ),
        reports=tuple(_order(each) for each in reports),
    )


def cancelled(value: object) -> Report:
    """Returns the order of a cancel, or the whole list where the order was part of one."""
    record = Record.of(value)
    return _order_list(record) if "contingencyType" in record else _order(record)


def all_cancelled(value: object) -> tuple[Report, ...]:
    """Returns what a cancel of all open orders of a symbol has cancelled."""
    return tuple(cancelled(each) for each in as_list(value))


def amended(value: object) -> AmendReport:
    """Returns the order after an amend that keeps its priority."""
    record = Record.of(value)
    after = record.record("amendedOrder")
    side = side_of(after, "side")
    report = OrderReport(
        symbol=after.filled_text("symbol"),
        order_id=after.integer("orderId"),
        # Here "orig" is the id before the amend: the order now goes by the new one.
        client_order_id=after.text("clientOrderId"),
        order_list_id=list_id(after, "orderListId"),
        side=side,
        type=after.word("type", OrderType),
        time_in_force=after.word("timeInForce", TimeInForce),
        status=after.word("status", OrderStatus),
        quantity=after.quantity("qty"),
        executed=after.quantity("executedQty"),
        executed_quote=after.decimal("cumulativeQuoteQty"),
        price=after.price_or_none("price"),
        stop_price=after.price_or_none("stopPrice"),
        time_ms=record.integer("transactTime"),
    )
    return AmendReport(report, record.integer("executionId"))


def replacement(value: object) -> Replacement[Report]:
    """Returns both steps of a cancel-replace, from a full success (200) or a partial or whole
    failure (409 or 400, where they lie under `data`)."""
    record = Record.of(value)
    steps = record.record("data") if "data" in record else record
    cancel = _step(steps, "cancelResult", "cancelResponse", cancelled)
    place = _step(steps, "newOrderResult", "newOrderResponse", order)
    if isinstance(cancel, NotAttempted):
        raise steps.fails("cancelResult", "SUCCESS or FAILURE")
    return Replacement(cancel, place)


def _step(
    steps: Record, result: str, response: str, reader: Callable[[object], Report]
) -> Acked[Report] | Refused | NotAttempted:
    match steps.text(result):
        case "SUCCESS":
            return Acked(reader(steps.record(response).values))
        case "FAILURE":
            return refusal(steps.record(response))
        case "NOT_ATTEMPTED":
            return NotAttempted()
        case _:
            raise steps.fails(result, "SUCCESS, FAILURE or NOT_ATTEMPTED")


def refusal(record: Record, retry_after_s: float | None = None) -> Refused:
    """Returns the exchange's error object with the reaction it asks for."""
    code, text = record.integer("code"), record.text("msg")
    if code >= 0:
        raise record.fails("code", "a code below zero")
    return Refused(code, text, reaction_to(code, text), retry_after_s)


def error(value: object) -> Refused:
    """Returns the error of a body `{"code": ..., "msg": ...}`."""
    return refusal(Record.of(value))


def trades(value: object) -> tuple[Fill, ...]:
    """Returns the fills of myTrades, oldest first as sent."""
    return tuple(_trade(Record.of(each, f"[{at}]")) for at, each in enumerate(as_list(value)))


def _trade(record: Record) -> Fill:
    return Fill(
        symbol=record.filled_text("symbol"),
        trade_id=record.integer("id"),
        order_id=record.integer("orderId"),
        side=Side.BUY if record.flag("isBuyer") else Side.SELL,
        price=record.price("price"),
        quantity=record.quantity("qty"),
        commission=Money(record.decimal("commission"), record.filled_text("commissionAsset")),
        time_ms=record.integer("time"),
        is_maker=record.flag("isMaker"),
    )


def nothing(value: object) -> None:
    """Reads an empty object, as ping and order/test send it."""
    if value != {}:
        raise Unreadable(f"an empty object is needed, not {value!r:.80}")
