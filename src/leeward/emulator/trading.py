"""Plain orders: placing, cancelling, replacing, amending."""

from __future__ import annotations

from copy import copy
from decimal import Decimal
from typing import Final

from leeward.emulator import contingency, reports
from leeward.emulator.accounts import Account, commission_rates, discount, rate_text
from leeward.emulator.filters import check_order
from leeward.emulator.floor import Floor
from leeward.emulator.matching import activate
from leeward.emulator.order_lists import cancel_whole, enter_pending
from leeward.emulator.orders import Amendment, Order
from leeward.emulator.placing import (
    check_counts,
    check_prices,
    draft,
    lock,
    register,
    size_by_quote,
)
from leeward.emulator.rejections import (
    CLOSED,
    INSUFFICIENT,
    TAKES,
    TRIGGERS,
    Json,
    Rejection,
    mandatory,
    unknown_order,
)
from leeward.emulator.requests import AmendRequest, CancelRequest, OrderRequest, ReplaceRequest
from leeward.emulator.units import units

_REASONS: Final = {
    INSUFFICIENT: "INSUFFICIENT_BALANCES",
    TRIGGERS: "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    TAKES: "WOULD_MATCH_IMMEDIATELY",
}


def place(floor: Floor, account: Account, request: OrderRequest) -> Json:
    """Returns the answer to a new order."""
    order = _accept(floor, account, draft(floor, account, request))
    activate(floor, order)
    enter_pending(floor)
    kind = request.resp_type or ("FULL" if order.type in {"MARKET", "LIMIT"} else "ACK")
    return reports.answer(order, kind, order.created_ms)


def test(floor: Floor, account: Account, request: OrderRequest) -> None:
    """Refuses what `place` would refuse, and changes nothing."""
    order = draft(floor, account, request)
    check_counts(floor, account, [order])
    market = floor.markets[order.symbol]
    check_prices(market, order)
    size_by_quote(market, order)
    lock(floor, account, order)
    account.unlock(contingency.lock_asset(floor, order), order.locked)


def order_rates(account: Account) -> Json:
    """Returns the commission rates that an order would pay, both sides added up."""
    found: Json = {}
    for name, rates in commission_rates(account).items():
        side = Decimal(str(rates["buyer"]))
        found[f"{name}CommissionForOrder"] = {
            kind: rate_text(Decimal(str(rates[kind])) + side) for kind in ("maker", "taker")
        }
    return found | {"discount": discount(account)}


def _accept(floor: Floor, account: Account, order: Order) -> Order:
    market = floor.markets[order.symbol]
    check_counts(floor, account, [order])
    check_prices(market, order)
    size_by_quote(market, order)
    lock(floor, account, order)
    register(floor, account, order)
    return order


def find_open(account: Account, request: CancelRequest | AmendRequest) -> Order:
    """Returns the open order that a request names by one id or both; refuses (-2011) others."""
    if request.order_id is None and request.client_order_id is None:
        raise mandatory("orderId")
    for (symbol, name), order in account.open.items():
        if symbol != request.symbol:
            continue
        if request.order_id is not None and order.order_id != request.order_id:
            continue
        if request.client_order_id in {None, name}:
            return order
    raise unknown_order()


def cancel(floor: Floor, account: Account, request: CancelRequest) -> Json:
    """Returns the answer to a cancel: the order, or the whole list it is a leg of."""
    market = floor.market(request.symbol)
    if request.restrictions not in {None, "ONLY_NEW", "ONLY_PARTIALLY_FILLED"}:
        raise Rejection(-1145, "Invalid cancelRestrictions")
    order = find_open(account, request)
    if market.rules.status not in {"TRADING", "CANCEL_ONLY"}:
        raise Rejection(-2011, CLOSED)
    wanted = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}
    if request.restrictions is not None and order.status != wanted[request.restrictions]:
        raise Rejection(-2011, "Order was not canceled due to cancel restrictions.")
    cancel_id = request.new_client_order_id or floor.new_client_id()
    found = contingency.list_of(floor, order)
    if found is not None:
        return cancel_whole(floor, found, cancel_id)
    return cancel_one(floor, order, cancel_id)


def cancel_one(floor: Floor, order: Order, cancel_id: str) -> Json:
    """Cancels a plain order and returns its report."""
    contingency.close(floor, order, "CANCELED")
    floor.report(order, "CANCELED", names=(cancel_id, order.client_id))
    return reports.cancelled(order, cancel_id, floor.now_ms)


def cancel_all(floor: Floor, account: Account, symbol: str) -> list[Json]:
    """Cancels every open order and list of a symbol and returns their reports."""
    market = floor.market(symbol)
    orders = [order for (held, _), order in account.open.items() if held == symbol]
    if not orders:
        raise unknown_order()
    if market.rules.status not in {"TRADING", "CANCEL_ONLY"}:
        raise Rejection(-2011, CLOSED)
    cancel_id = floor.new_client_id()
    answers = []
    for order in sorted(orders, key=lambda order: order.order_id):
        if not order.is_open:
            continue
        found = contingency.list_of(floor, order)
        if found is None:
            answers.append(cancel_one(floor, order, cancel_id))
        else:
            answers.append(cancel_whole(floor, found, cancel_id))
    return answers


def cancel_replace(floor: Floor, account: Account, request: ReplaceRequest) -> Json:
    """Returns both answers of a cancel-replace; raises -1015, -2021 or -2022 otherwise."""
    stop = request.mode == "STOP_ON_FAILURE"
    over = request.limit_exceeded
    if over is not None and (request.exceeded_mode != "CANCEL_ONLY"):
        raise Rejection(-1015, over, 429)
    if request.cancel.order_id is None and request.cancel.client_order_id is None:
        raise mandatory("cancelOrigClientOrderId")
    order = draft(floor, account, request.order)
    cancelled: Json
    try:
        cancelled = cancel(floor, account, request.cancel)
        cancel_ok = True
    except Rejection as refusal:
        cancelled, cancel_ok = refusal.body(), False
    if not cancel_ok and stop:
        raise _replace_failed("FAILURE", "NOT_ATTEMPTED", cancelled, None, 429 if over else 400)
    try:
        if over is not None:
            raise Rejection(-1015, over, 429)
        placed = _place_replacement(floor, account, request.order, order)
    except Rejection as refusal:
        status = 429 if over and stop else 409 if cancel_ok else 400
        result = "SUCCESS" if cancel_ok else "FAILURE"
        raise _replace_failed(result, "FAILURE", cancelled, refusal.body(), status) from None
    if not cancel_ok:
        raise _replace_failed("FAILURE", "SUCCESS", cancelled, placed, 409)
    return {
        "cancelResult": "SUCCESS",
        "newOrderResult": "SUCCESS",
        "cancelResponse": cancelled,
        "newOrderResponse": placed,
    }


def _place_replacement(floor: Floor, account: Account, request: OrderRequest, order: Order) -> Json:
    """Returns the answer to the new order; an engine's refusal is also a REJECTED event."""
    try:
        return place(floor, account, request)
    except Rejection as refusal:
        order.status = "REJECTED"
        order.client_id = order.client_id or floor.new_client_id()
        floor.report(order, "REJECTED", reject=_REASONS.get(refusal.msg, "NONE"))
        raise


def _replace_failed(
    cancel_result: str, new_result: str, cancelled: Json, placed: Json | None, status: int
) -> Rejection:
    partly = "SUCCESS" in {cancel_result, new_result}
    data: Json = {
        "cancelResult": cancel_result,
        "newOrderResult": new_result,
        "cancelResponse": cancelled,
        "newOrderResponse": placed,
    }
    if partly:
        return Rejection(-2021, "Order cancel-replace partially failed.", status, data)
    return Rejection(-2022, "Order cancel-replace failed.", status, data)


def amend(floor: Floor, account: Account, request: AmendRequest) -> Json:
    """Returns the order with its smaller quantity; it keeps its place in the queue."""
    rules = floor.market(request.symbol).rules
    order = find_open(account, request)
    quantity = units(request.new_qty, "newQty")
    _check_amend(floor, order, quantity)
    most = rules.filter("MAX_NUM_ORDER_AMENDS")
    if most is not None and len(order.amendments) >= int(str(most["maxNumOrderAmends"])):
        raise Rejection(-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    old_id = order.client_id
    new_id = request.new_client_order_id or floor.new_client_id()
    if new_id != old_id and (order.symbol, new_id) in account.open:
        raise Rejection(-2038, "Duplicate order sent.")
    del account.open[order.symbol, old_id]
    account.open[order.symbol, new_id] = account.by_client[order.symbol, new_id] = order
    old_quantity, order.qty, order.client_id = order.qty, quantity, new_id
    order.visible = min(order.visible, order.remaining)
    contingency.relock(floor, order)
    number = floor.report(order, "REPLACED", names=(new_id, old_id))
    order.amendments.append(Amendment(number, old_id, new_id, old_quantity, quantity, floor.now_ms))
    found = contingency.list_of(floor, order)
    answer: Json = {
        "transactTime": floor.now_ms,
        "executionId": number,
        "amendedOrder": reports.amended(order, old_id),
    }
    if found is not None:
        answer["listStatus"] = reports.amended_list(found)
        if new_id != old_id:
            floor.report_list(found, "UPDATED")
    return answer


def _check_amend(floor: Floor, order: Order, quantity: int) -> None:
    """Refuses (-2038, or the filter's own refusal) a quantity or an order that cannot change."""
    market = floor.markets[order.symbol]
    if not market.rules.amend:
        raise Rejection(-2038, "Order amend is not supported on this symbol.")
    found = contingency.list_of(floor, order)
    if (found is not None and order in found.pair) or order.size_pending or order.quote_qty:
        raise Rejection(-2038, "This order cannot be amended.")
    if quantity >= order.qty:
        raise Rejection(-2038, "The new quantity must be smaller than the order's quantity.")
    if quantity <= order.executed + order.prevented:
        raise Rejection(-2038, "The new quantity must be larger than what has been executed.")
    smaller = copy(order)
    smaller.qty = quantity
    check_order(floor, smaller)
