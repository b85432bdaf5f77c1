"""Order lists: parameters, weights and answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from leeward.emulator.market_operations import page
from leeward.emulator.operations import Call, Operation, costs
from leeward.emulator.order_operations import leg, resp_type, side
from leeward.emulator.rejections import Json, Rejection, mandatory
from leeward.emulator.requests import ListKind, ListRequest, OrderRequest
from leeward.emulator.rest_parameters import Parameters, invalid

_PLACED: Final[dict[ListKind, int]] = {"OCO": 2, "OTO": 2, "OTOCO": 3, "OPO": 2, "OPOCO": 3}
_DAY_MS = 86_400_000
_ONE_SIDED: Final = ("OPO", "OPOCO")


def list_operations() -> list[Operation]:
    """Returns every operation on order lists."""
    v3 = "/api/v3/"
    placing = [
        Operation(
            f"POST {v3}orderList/{kind.lower()}", f"orderList.place.{kind.lower()}", "TRADE",
            costs(1), _placer(kind), free=True, orders=orders,
        )
        for kind, orders in _PLACED.items()
    ]  # fmt: skip
    return [
        *placing,
        Operation(
            f"POST {v3}order/oco", "orderList.place", "TRADE", costs(1), _place_old_oco, free=True,
            orders=2,
        ),
        Operation(
            f"DELETE {v3}orderList", "orderList.cancel", "TRADE", costs(1), _cancel, free=True
        ),
        Operation(f"GET {v3}orderList", "orderList.status", "USER_DATA", costs(4), _one),
        Operation(
            f"GET {v3}openOrderList", "openOrderLists.status", "USER_DATA", costs(6),
            lambda call: call.exchange.open_order_lists(call.account),
        ),
        Operation(f"GET {v3}allOrderList", "allOrderLists", "USER_DATA", costs(20), _all),
    ]  # fmt: skip


def check_day(start_ms: int | None, end_ms: int | None) -> None:
    """Refuses (-1127) a span of more than 24 hours."""
    if start_ms is not None and end_ms is not None and end_ms - start_ms > _DAY_MS:
        raise Rejection(-1127, "More than 24 hours between startTime and endTime.")


def _placer(kind: ListKind) -> Callable[[Call], Json]:
    def place(call: Call) -> Json:
        read = call.parameters
        read.symbol()
        legs = _oco_legs(read) if kind == "OCO" else _contingent_legs(read, kind)
        return call.exchange.place_list(call.account, _request(read, kind, legs))

    return place


def _request(read: Parameters, kind: ListKind, legs: tuple[OrderRequest, ...]) -> ListRequest:
    return ListRequest(
        kind,
        read.symbol(),
        legs,
        read.client_id("listClientOrderId"),
        resp_type(read),
        read.text("selfTradePreventionMode"),
    )


def _oco_legs(read: Parameters) -> tuple[OrderRequest, ...]:
    list_side = side(read, "side")
    read.required("quantity")
    return tuple(leg(read, prefix, list_side, "quantity") for prefix in ("above", "below"))


def _contingent_legs(read: Parameters, kind: ListKind) -> tuple[OrderRequest, ...]:
    working_side = side(read, "workingSide")
    read.required("workingType")
    if read.values["workingType"] not in {"LIMIT", "LIMIT_MAKER"}:
        raise invalid("workingType")
    read.required("workingQuantity")
    if "workingPegPriceType" not in read:
        read.required("workingPrice")
    working = leg(read, "working", working_side, "workingQuantity")
    pending_side = side(read, "pendingSide")
    quantity = None
    if kind not in _ONE_SIDED:
        quantity = "pendingQuantity"
        read.required(quantity)
    if kind in {"OTO", "OPO"}:
        return working, leg(read, "pending", pending_side, quantity)
    above = leg(read, "pendingAbove", pending_side, quantity)
    if "pendingBelowType" not in read:
        return working, above
    return working, above, leg(read, "pendingBelow", pending_side, quantity)


#: The deprecated form: price and stopPrice of one side, the types follow from what is sent.
_OLD_NAMES: Final = {
    "LIMIT_MAKER": {
        "Price": "price",
        "ClientOrderId": "limitClientOrderId",
        "IcebergQty": "limitIcebergQty",
        "StrategyId": "limitStrategyId",
        "StrategyType": "limitStrategyType",
    },
    "STOP": {
        "StopPrice": "stopPrice",
        "Price": "stopLimitPrice",
        "TimeInForce": "stopLimitTimeInForce",
        "ClientOrderId": "stopClientOrderId",
        "IcebergQty": "stopIcebergQty",
        "TrailingDelta": "trailingDelta",
        "StrategyId": "stopStrategyId",
        "StrategyType": "stopStrategyType",
    },
}


def _place_old_oco(call: Call) -> Json:
    """Returns the answer of an OCO in the deprecated form: the same list under other names."""
    read = call.parameters
    read.symbol()
    for name in ("quantity", "price", "stopPrice"):
        read.required(name)
    stop_type = "STOP_LOSS_LIMIT" if "stopLimitPrice" in read else "STOP_LOSS"
    limit_is_above = side(read, "side") == "SELL"
    limit, stop = ("above", "below") if limit_is_above else ("below", "above")
    values = dict(read.values)
    values |= {f"{limit}Type": "LIMIT_MAKER", f"{stop}Type": stop_type}
    for prefix, names in ((limit, _OLD_NAMES["LIMIT_MAKER"]), (stop, _OLD_NAMES["STOP"])):
        for word, old in names.items():
            if old in read:
                values[prefix + word] = read.values[old]
    renamed = Parameters(values)
    return call.exchange.place_list(call.account, _request(renamed, "OCO", _oco_legs(renamed)))


def _cancel(call: Call) -> Json:
    read = call.parameters
    symbol = read.symbol()
    list_id, client_id = read.integer("orderListId"), read.text("listClientOrderId")
    if list_id is None and client_id is None:
        raise mandatory("orderListId")
    return call.exchange.cancel_list(
        call.account,
        symbol,
        list_id=list_id,
        list_client_order_id=client_id,
        new_client_order_id=read.client_id("newClientOrderId"),
    )


def _one(call: Call) -> Json:
    read = call.parameters
    list_id, client_id = read.integer("orderListId"), read.text("origClientOrderId")
    if list_id is None and client_id is None:
        raise mandatory("orderListId")
    return call.exchange.order_list(call.account, list_id=list_id, list_client_order_id=client_id)


def _all(call: Call) -> list[Json]:
    found = page(call.parameters, "fromId")
    times = (found.start_ms, found.end_ms)
    if found.from_id is not None and times != (None, None):
        raise Rejection(-1128, "Combination of optional parameters invalid.")
    check_day(*times)
    return call.exchange.all_order_lists(call.account, found)
