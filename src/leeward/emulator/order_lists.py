"""Order lists: OCO, OTO, OTOCO, OPO, OPOCO: placing, pending legs, cancelling."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from leeward.emulator import contingency, reports
from leeward.emulator.accounts import Account
from leeward.emulator.book import BUY, SELL
from leeward.emulator.filters import check_order
from leeward.emulator.floor import Floor
from leeward.emulator.market import Market
from leeward.emulator.matching import activate
from leeward.emulator.orders import Order, OrderList
from leeward.emulator.pegging import peg
from leeward.emulator.placing import (
    check_counts,
    check_prices,
    draft,
    lock,
    lock_price,
    register,
    size_by_quote,
)
from leeward.emulator.rejections import (
    DUPLICATE,
    RELATION,
    Json,
    Rejection,
    mandatory,
    refused,
    unknown_order,
)
from leeward.emulator.requests import ListRequest, OrderRequest

_LIMIT_SIDE: Final = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_STOP_SIDE: Final = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_LEGS: Final = {"OCO": {2}, "OTO": {2}, "OTOCO": {2, 3}, "OPO": {2}, "OPOCO": {2, 3}}


def place_list(floor: Floor, account: Account, request: ListRequest) -> Json:
    """Returns the answer to a new order list."""
    market = floor.market(request.symbol)
    _check_kind(request, market)
    opo = request.kind.startswith("OPO")
    legs = []
    for k, leg in enumerate(request.legs):
        asked = replace(leg, stp_mode=request.stp_mode)
        pending = k > 0 and request.kind != "OCO"
        legs.append(draft(floor, account, asked, sized=not (opo and pending), pending=pending))
    ordered, pair = _arrange(request, legs)
    check_counts(floor, account, ordered, lists=1)
    _check_list_id(floor, account, request)
    now = ordered if request.kind == "OCO" else ordered[:1]
    if request.kind == "OCO":
        _check_oco_prices(market, pair)
    for order in now:
        check_prices(market, order)
        size_by_quote(market, order)
    found = OrderList(
        0, account.name, request.symbol, request.kind, request.list_client_order_id or "",
        ordered, pair, floor.now_ms,
    )  # fmt: skip
    if request.kind == "OCO":
        _lock_pair(floor, account, found)
    else:
        lock(floor, account, ordered[0])
    _register(floor, account, found)
    for order in now:
        activate(floor, order)
    answer = _placed(found, request)
    enter_pending(floor)
    return answer


def _register(floor: Floor, account: Account, found: OrderList) -> None:
    found.list_id = len(floor.lists) + 1
    found.client_id = found.client_id or floor.new_client_id()
    floor.lists[found.list_id] = found
    for k, order in enumerate(found.legs):
        order.list_id = found.list_id
        register(floor, account, order)
        if found.kind != "OCO" and k > 0:
            order.status = "PENDING_NEW"
    floor.report_list(found, "EXEC_STARTED")


def _check_kind(request: ListRequest, market: Market) -> None:
    kind, legs, rules = request.kind, request.legs, market.rules
    allowed = rules.oco if kind == "OCO" else rules.opo if kind.startswith("OPO") else rules.oto
    if not allowed:
        raise refused(f"{kind} orders are not supported for this symbol.")
    if len(legs) not in _LEGS[kind]:
        raise mandatory("belowType" if kind == "OCO" else "pendingType")
    if any(leg.symbol != request.symbol for leg in legs):
        raise Rejection(-1121, "Invalid symbol.")
    if kind == "OCO":
        _check_oco_types(legs[0], legs[1])
        return
    working = legs[0]
    if working.type not in {"LIMIT", "LIMIT_MAKER"}:
        raise Rejection(-1130, "Data sent for parameter 'workingType' is not valid.")
    if kind.startswith("OPO"):
        if working.side != BUY:
            raise Rejection(-1222, "Working order in an OPO list must be a bid.")
        if any(leg.side != SELL for leg in legs[1:]):
            raise Rejection(-1223, "Pending orders in an OPO list must be asks.")
    if len(legs) == 3:
        _check_oco_types(legs[1], legs[2])


def _check_oco_types(above: OrderRequest, below: OrderRequest) -> None:
    """Refuses two legs that cannot stand above and below the market together."""
    selling = above.side == SELL
    side = "sell" if selling else "buy"
    limit, stop = (above, below) if selling else (below, above)
    limit_place, stop_place = ("above", "below") if selling else ("below", "above")
    for leg in (above, below):
        if leg.type not in _LIMIT_SIDE | _STOP_SIDE:
            raise Rejection(-1158, "Order type not supported in OCO.")
    if limit.type in _LIMIT_SIDE and stop.type in _STOP_SIDE:
        return
    if limit.type == stop.type == "LIMIT_MAKER":
        raise Rejection(-1168, "At least one OCO order must be contingent.")
    if stop.type == "LIMIT_MAKER":
        code = -1166 if selling else -1165
        raise Rejection(code, f"A limit order in a {side} OCO must be {limit_place}.")
    if stop.type in _LIMIT_SIDE:
        code = -1199 if selling else -1198
        raise Rejection(code, f"A take profit order in a {side} OCO must be {limit_place}.")
    code = -1197 if selling else -1196
    raise Rejection(code, f"A stop loss order in a {side} OCO must be {stop_place}.")


def _arrange(request: ListRequest, legs: list[Order]) -> tuple[list[Order], list[Order]]:
    """Returns the legs in the order of their ids (a stop before its limit) and the OCO pair."""
    if request.kind == "OCO":
        pair = sorted(legs, key=lambda order: order.type in _LIMIT_SIDE)
        return pair, list(pair)
    if len(legs) == 3:
        pair = sorted(legs[1:], key=lambda order: order.type in _LIMIT_SIDE)
        return [legs[0], *pair], list(pair)
    return legs, []


def _check_oco_prices(market: Market, pair: list[Order]) -> None:
    """Refuses an OCO whose prices do not lie on both sides of the market."""
    stop, limit = pair
    if stop.side != limit.side or stop.qty != limit.qty:
        raise Rejection(-1158, "Order type not supported in OCO.")
    target = limit.price if limit.type == "LIMIT_MAKER" else limit.stop_price
    price = market.cursor
    beyond = target > price if limit.side == SELL else target < price
    if limit.type == "LIMIT_MAKER" and limit.peg is None and not beyond:
        raise refused(RELATION)
    if target and stop.stop_price:
        right = target > stop.stop_price if limit.side == SELL else target < stop.stop_price
        if not right:
            raise refused(RELATION)


def _check_list_id(floor: Floor, account: Account, request: ListRequest) -> None:
    name = request.list_client_order_id
    if name is not None and any(
        found.client_id == name and found.account == account.name and found.status == "EXECUTING"
        for found in floor.lists.values()
    ):
        raise refused(DUPLICATE)


def _lock_pair(floor: Floor, account: Account, found: OrderList) -> None:
    """Locks once what either leg could need."""
    amount = max(contingency.need(order) for order in found.pair)
    account.lock(contingency.lock_asset(floor, found.pair[0]), amount)
    found.locked = amount


def _placed(found: OrderList, request: ListRequest) -> Json:
    answer = reports.order_list(found, found.created_ms)
    answer["listStatusType"], answer["listOrderStatus"] = "EXEC_STARTED", "EXECUTING"
    kind = request.resp_type or "RESULT"
    answer["orderReports"] = [reports.answer(leg, kind, found.created_ms) for leg in found.legs]
    return answer


def cancel_list(
    floor: Floor, account: Account, symbol: str, ids: tuple[int | None, str | None],
    cancel_id: str | None,
) -> Json:  # fmt: skip
    """Returns the report of a list cancelled by its id, its client's id, or both."""
    floor.market(symbol)
    list_id, name = ids
    if list_id is None and name is None:
        raise mandatory("orderListId")
    for found in floor.lists.values():
        if (
            found.account == account.name
            and found.symbol == symbol
            and found.status == "EXECUTING"
            and list_id in {None, found.list_id}
            and name in {None, found.client_id}
        ):
            return cancel_whole(floor, found, cancel_id or floor.new_client_id())
    raise unknown_order()


def cancel_whole(floor: Floor, found: OrderList, cancel_id: str) -> Json:
    """Cancels every open leg of a list and returns its report."""
    rows = []
    contingency.release(floor, found)
    for leg in found.legs:
        if leg.is_open:
            contingency.close(floor, leg, "CANCELED")
            floor.report(leg, "CANCELED", names=(cancel_id, leg.client_id))
            rows.append(reports.cancelled(leg, cancel_id, floor.now_ms))
    contingency.finish(floor, found)
    answer = reports.order_list(found, floor.now_ms)
    answer["orderReports"] = rows
    return answer


def enter_pending(floor: Floor) -> None:
    """Lets the pending legs of every list whose working leg has filled enter their book."""
    while floor.entering:
        _enter_legs(floor, floor.entering.pop(0))


def _enter_legs(floor: Floor, found: OrderList) -> None:
    market, account = floor.markets[found.symbol], floor.accounts[found.account]
    legs = [leg for leg in found.legs[1:] if leg.is_open]
    if not legs:
        contingency.finish(floor, found)
        return
    try:
        _size_by_bought(market, found, legs)
        for leg in legs:
            if leg.peg is not None and not leg.is_stop:
                peg(market, leg)
            leg.lock_price = lock_price(market, leg)
            check_order(floor, leg)
            check_prices(market, leg)
            size_by_quote(market, leg)
        _lock_legs(floor, account, found, legs)
    except Rejection:
        contingency.release(floor, found)
        for leg in legs:
            contingency.close(floor, leg, "EXPIRED")
            leg.expiry = "REJECTED"
            floor.report(leg, "EXPIRED")
        contingency.finish(floor, found)
        return
    for leg in legs:
        if leg.is_open:
            activate(floor, leg)


def _size_by_bought(market: Market, found: OrderList, legs: list[Order]) -> None:
    """Gives the legs of an OPO what was bought net of the commission, cut to lots."""
    for leg in legs:
        if leg.size_pending:
            step = market.book.step
            leg.qty = found.bought // step * step
            leg.size_pending = False


def _lock_legs(floor: Floor, account: Account, found: OrderList, legs: list[Order]) -> None:
    """Locks the legs' funds, from what an OPO already holds and from what is free."""
    if found.locked:
        account.unlock(contingency.lock_asset(floor, legs[0]), found.locked)
        found.locked = 0
    if found.pair:
        _lock_pair(floor, account, found)
        return
    lock(floor, account, legs[0])
