"""Single orders: parameters, weights and answers."""

from __future__ import annotations

from typing import Final

from leeward.emulator.operations import Call, Operation, costs
from leeward.emulator.rejections import Json, Rejection, mandatory
from leeward.emulator.requests import (
    AmendRequest,
    CancelRequest,
    OrderRequest,
    ReplaceRequest,
    RespType,
)
from leeward.emulator.rest_parameters import Parameters, invalid
from leeward.emulator.symbols import ORDER_TYPES

SIDES: Final = ("BUY", "SELL")
_LEAST_STRATEGY_TYPE = 1_000_000
_SIDE = Rejection(-1117, "Invalid side.")
_TYPE = Rejection(-1116, "Invalid orderType.")
_TIME_IN_FORCE = Rejection(-1115, "Invalid timeInForce.")


def order_operations() -> list[Operation]:
    """Returns every operation that places, tests, cancels or changes single orders."""
    v3 = "/api/v3/"
    return [
        Operation(f"POST {v3}order", "order.place", "TRADE", costs(1), _place, free=True, orders=1),
        Operation(f"POST {v3}order/test", "order.test", "TRADE", _test_weight, _test),
        Operation(f"DELETE {v3}order", "order.cancel", "TRADE", costs(1), _cancel, free=True),
        Operation(
            f"DELETE {v3}openOrders", "openOrders.cancelAll", "TRADE", costs(1), _cancel_all,
            free=True,
        ),
        Operation(
            f"POST {v3}order/cancelReplace", "order.cancelReplace", "TRADE", costs(1), _replace,
            free=True, orders=1, replaces=True,
        ),
        Operation(
            f"PUT {v3}order/amend/keepPriority", "order.amend.keepPriority", "TRADE", costs(4),
            _amend,
        ),
        Operation(f"POST {v3}sor/order", "sor.order.place", "TRADE", costs(1), _sor),
        Operation(f"POST {v3}sor/order/test", "sor.order.test", "TRADE", costs(1), _sor),
    ]  # fmt: skip


def resp_type(read: Parameters) -> RespType | None:
    """Returns `newOrderRespType`."""
    match read.text("newOrderRespType"):
        case "ACK" | "RESULT" | "FULL" | None as found:
            return found
    raise invalid("newOrderRespType")


def side(read: Parameters, name: str) -> str:
    read.required(name)
    return read.one_of(name, SIDES, _SIDE) or ""


def leg(read: Parameters, prefix: str, order_side: str, quantity: str | None) -> OrderRequest:
    """Returns the order whose parameters begin with `prefix` (empty for a single order);
    `quantity` names the parameter of its quantity, None where there is none."""

    def name(word: str) -> str:
        return prefix + word[0].upper() + word[1:] if prefix else word

    read.required(name("type"))
    strategy_type = read.integer(name("strategyType"))
    if strategy_type is not None and strategy_type < _LEAST_STRATEGY_TYPE:
        raise Rejection(-1134, f"'{name('strategyType')}' value was less than 1000000.")
    client_id = "newClientOrderId" if not prefix else name("clientOrderId")
    return OrderRequest(
        symbol=read.symbol(),
        side=order_side,
        type=read.one_of(name("type"), ORDER_TYPES, _TYPE) or "",
        quantity=None if quantity is None else read.decimal(quantity),
        price=read.decimal(name("price")),
        time_in_force=read.one_of(name("timeInForce"), ("GTC", "IOC", "FOK"), _TIME_IN_FORCE),
        quote_order_qty=None if prefix else read.decimal("quoteOrderQty"),
        stop_price=read.decimal(name("stopPrice")),
        trailing_delta=read.integer(name("trailingDelta")),
        iceberg_qty=read.decimal(name("icebergQty")),
        client_order_id=read.client_id(client_id),
        strategy_id=read.integer(name("strategyId")),
        strategy_type=strategy_type,
        resp_type=resp_type(read),
        stp_mode=read.text("selfTradePreventionMode"),
        peg_price_type=read.text(name("pegPriceType")),
        peg_offset_type=read.text(name("pegOffsetType")),
        peg_offset_value=read.integer(name("pegOffsetValue")),
        prefix=prefix,
    )


def _order(read: Parameters) -> OrderRequest:
    read.symbol()
    return leg(read, "", side(read, "side"), "quantity")


def _place(call: Call) -> Json:
    return call.exchange.place(call.account, _order(call.parameters))


def _test(call: Call) -> Json:
    rates = call.parameters.flag("computeCommissionRates", default=False)
    return call.exchange.test_order(call.account, _order(call.parameters), rates=rates)


def _test_weight(read: Parameters) -> int:
    return 20 if read.values.get("computeCommissionRates", "").lower() == "true" else 1


def _cancel(call: Call) -> Json:
    read = call.parameters
    symbol = read.symbol()
    request = _cancel_request(read, symbol, "orderId", "origClientOrderId", "newClientOrderId")
    return call.exchange.cancel(call.account, request)


def _cancel_request(
    read: Parameters, symbol: str, id_name: str, client_name: str, new_name: str
) -> CancelRequest:
    order_id, client_id = read.integer(id_name), read.text(client_name)
    if order_id is None and client_id is None:
        raise mandatory(client_name)
    restrictions = read.one_of(
        "cancelRestrictions",
        ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"),
        Rejection(-1145, "Invalid cancelRestrictions"),
    )
    return CancelRequest(symbol, order_id, client_id, read.client_id(new_name), restrictions)


def _cancel_all(call: Call) -> list[Json]:
    return call.exchange.cancel_open_orders(call.account, call.parameters.symbol())


def _replace(call: Call) -> Json:
    read = call.parameters
    symbol = read.symbol()
    read.required("cancelReplaceMode")
    modes = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
    mode = read.one_of("cancelReplaceMode", modes, invalid("cancelReplaceMode")) or ""
    exceeded = read.one_of(
        "orderRateLimitExceededMode",
        ("DO_NOTHING", "CANCEL_ONLY"),
        invalid("orderRateLimitExceededMode"),
    )
    cancel = _cancel_request(
        read, symbol, "cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId"
    )
    limit = None if call.order_limit is None else call.order_limit.msg
    request = ReplaceRequest(cancel, _order(read), mode, exceeded or "DO_NOTHING", limit)
    return call.exchange.cancel_replace(call.account, request)


def _amend(call: Call) -> Json:
    read = call.parameters
    symbol = read.symbol()
    order_id, client_id = read.integer("orderId"), read.text("origClientOrderId")
    if order_id is None and client_id is None:
        raise mandatory("origClientOrderId")
    read.required("newQty")
    quantity = read.decimal("newQty")
    if quantity is None:
        raise mandatory("newQty")
    request = AmendRequest(
        symbol, quantity, order_id, client_id, read.client_id("newClientOrderId")
    )
    return call.exchange.amend(call.account, request)


def _sor(call: Call) -> Json:
    _order(call.parameters)
    raise Rejection(-1013, "This symbol is not SOR enabled.")
