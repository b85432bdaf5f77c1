"""Orders, lists and trades as JSON: answers, queries and user events, in documented order."""

from __future__ import annotations

from leeward.emulator.orders import NO_GROUP, Fill, Order, OrderList, Prevented, PreventedMatch
from leeward.emulator.rejections import Json
from leeward.emulator.requests import RespType
from leeward.emulator.units import product, text

_ZERO = text(0)
#: How a user event spells what answers say of a pegged order.
_PEG_KEYS = {
    "pegPriceType": "gP",
    "pegOffsetType": "gOT",
    "pegOffsetValue": "gOV",
    "peggedPrice": "gp",
}


def answer(order: Order, kind: RespType, time_ms: int) -> Json:
    """Returns the ACK, RESULT or FULL answer to a placement."""
    found = _ack(order, order.client_id, time_ms)
    if kind == "ACK":
        return found
    found |= _amounts(order) | _conditions(order) | {"workingTime": order.working_ms}
    found |= _iceberg(order) | _strategy(order)
    if kind == "FULL":
        found["fills"] = [_fill(fill) for fill in order.fills]
        if order.prevented_matches:
            found["preventedMatches"] = [
                {
                    "preventedMatchId": match.match_id,
                    "makerSymbol": order.symbol,
                    "makerOrderId": match.maker_id,
                    "price": text(match.price),
                    **prevented_quantities(match),
                }
                for match in order.prevented_matches
            ]
    found["selfTradePreventionMode"] = order.stp
    if order.prevented_matches and order.trade_group != NO_GROUP:
        found["tradeGroupId"] = order.trade_group
    if order.prevented:
        found["preventedQuantity"] = text(order.prevented)
    return found | _expiry(order)


def cancelled(order: Order, cancel_id: str, time_ms: int) -> Json:
    """Returns the answer to a cancel."""
    found: Json = {"symbol": order.symbol, "origClientOrderId": order.client_id}
    found |= _ack(order, cancel_id, time_ms) | _amounts(order) | _conditions(order)
    found |= _iceberg(order) | _strategy(order)
    found["selfTradePreventionMode"] = order.stp
    return found | _prevention(order)


def queried(order: Order, *, single: bool) -> Json:
    """Returns an order as GET order (`single`) or a list of orders shows it."""
    found = _ack(order, order.client_id, 0)
    del found["transactTime"]
    found |= _amounts(order)
    quote = found.pop("origQuoteOrderQty")
    found |= {
        "stopPrice": text(order.stop_price),
        "icebergQty": text(order.iceberg),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.working_ms != -1,
    }
    working: Json = {"workingTime": order.working_ms}
    asked: Json = {"origQuoteOrderQty": quote}
    found |= working | asked if single else asked | working
    found["selfTradePreventionMode"] = order.stp
    return found | _trailing(order) | _strategy(order) | _prevention(order) | _expiry(order)


def _ack(order: Order, client_id: str, time_ms: int) -> Json:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": client_id,
        "transactTime": time_ms,
    }


def _amounts(order: Order) -> Json:
    found: Json = {"price": text(order.shown_price)} | _peg(order)
    if not order.size_pending:
        found["origQty"] = text(order.qty)
    return found | {
        "executedQty": text(order.executed),
        "origQuoteOrderQty": text(order.quote_qty),
        "cummulativeQuoteQty": text(order.cum_quote),
        "status": order.status,
        "timeInForce": order.tif,
        "type": order.type,
        "side": order.side,
    }


def _conditions(order: Order) -> Json:
    found: Json = {"stopPrice": text(order.stop_price)} if order.stop_price else {}
    return found | _trailing(order)


def _trailing(order: Order) -> Json:
    if not order.trailing:
        return {}
    return {"trailingDelta": order.trailing, "trailingTime": order.trailing_ms}


def _peg(order: Order) -> Json:
    """Returns how an order is pegged, and its price once it has one."""
    if order.peg is None:
        return {}
    found: Json = {"pegPriceType": order.peg.price_type}
    if order.peg.offset_type is not None:
        found |= {"pegOffsetType": order.peg.offset_type, "pegOffsetValue": order.peg.offset}
    return found | ({"peggedPrice": text(order.pegged_price)} if order.pegged_price else {})


def _iceberg(order: Order) -> Json:
    return {"icebergQty": text(order.iceberg)} if order.iceberg else {}


def _strategy(order: Order) -> Json:
    found: Json = {}
    if order.strategy_id is not None:
        found["strategyId"] = order.strategy_id
    if order.strategy_type is not None:
        found["strategyType"] = order.strategy_type
    return found


def _prevention(order: Order) -> Json:
    if order.prevented_match < 0:
        return {}
    return {
        "preventedMatchId": order.prevented_match,
        "preventedQuantity": text(order.prevented),
    }


def _expiry(order: Order) -> Json:
    return {"expiryReason": order.expiry} if order.expiry else {}


def prevented_quantities(match: Prevented) -> Json:
    """Returns what the orders of a prevented match lost by it, of each that lost something."""
    lost = {"takerPreventedQuantity": match.taker_qty, "makerPreventedQuantity": match.maker_qty}
    return {name: text(quantity) for name, quantity in lost.items() if quantity}


def _fill(fill: Fill) -> Json:
    return {
        "price": text(fill.price),
        "qty": text(fill.qty),
        "commission": text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "tradeId": fill.trade_id,
    }


def my_trade(fill: Fill, symbol: str) -> Json:
    """Returns one row of myTrades."""
    return {
        "symbol": symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": fill.list_id,
        "price": text(fill.price),
        "qty": text(fill.qty),
        "quoteQty": text(fill.quote),
        "commission": text(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
        "isBuyer": fill.is_buyer,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def amended(order: Order, old_client_id: str) -> Json:
    """Returns `amendedOrder` of an amendment's answer."""
    found: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "origClientOrderId": old_client_id,
        "clientOrderId": order.client_id,
        "price": text(order.shown_price),
        "qty": text(order.qty),
        "executedQty": text(order.executed),
        "preventedQty": text(order.prevented),
        "quoteOrderQty": text(order.quote_qty),
        "cumulativeQuoteQty": text(order.cum_quote),
        "status": order.status,
        "timeInForce": order.tif,
        "type": order.type,
        "side": order.side,
    }
    found |= _peg(order) | _conditions(order) | _iceberg(order) | _strategy(order)
    if order.working_ms != -1:
        found["workingTime"] = order.working_ms
    return found | {"selfTradePreventionMode": order.stp}


def order_list(found: OrderList, time_ms: int) -> Json:
    """Returns a list as queries show it, without order reports."""
    return {
        "orderListId": found.list_id,
        "contingencyType": found.contingency,
        "listStatusType": found.status_type,
        "listOrderStatus": found.status,
        "listClientOrderId": found.client_id,
        "transactionTime": time_ms,
        "symbol": found.symbol,
        "orders": _legs(found),
    }


def amended_list(found: OrderList) -> Json:
    """Returns `listStatus` of an amendment's answer."""
    return {
        "orderListId": found.list_id,
        "contingencyType": found.contingency,
        "listOrderStatus": found.status,
        "listClientOrderId": found.client_id,
        "symbol": found.symbol,
        "orders": _legs(found),
    }


def _legs(found: OrderList) -> list[Json]:
    return [
        {"symbol": leg.symbol, "orderId": leg.order_id, "clientOrderId": leg.client_id}
        for leg in found.legs
    ]


def list_status(found: OrderList, kind: str, time_ms: int) -> Json:
    """Returns the listStatus event; `kind` is its status type."""
    return {
        "e": "listStatus",
        "E": time_ms,
        "s": found.symbol,
        "g": found.list_id,
        "c": found.contingency,
        "l": kind,
        "L": found.status,
        "r": "NONE",
        "C": found.client_id,
        "T": time_ms,
        "O": [{"s": leg.symbol, "i": leg.order_id, "c": leg.client_id} for leg in found.legs],
    }


def execution(  # noqa: PLR0913 - the event's own degrees of freedom
    order: Order,
    kind: str,
    time_ms: int,
    execution_id: int,
    *,
    fill: Fill | None = None,
    names: tuple[str, str] | None = None,
    prevented: PreventedMatch | None = None,
    reject: str = "NONE",
) -> Json:
    """Returns the executionReport event of type `kind`. `names` are the client id to show and the
    order's own, where they differ."""
    client_id, own_id = names or (order.client_id, "")
    found: Json = {
        "e": "executionReport",
        "E": time_ms,
        "s": order.symbol,
        "c": client_id,
        "S": order.side,
        "o": order.type,
        "f": order.tif,
        "q": text(order.qty),
        "p": text(order.shown_price),
        "P": text(order.stop_price),
        "F": text(order.iceberg),
        "g": order.list_id,
        "C": own_id,
        "x": kind,
        "X": order.status,
        "r": reject,
        "i": order.order_id,
        "l": _ZERO if fill is None else text(fill.qty),
        "z": text(order.executed),
        "L": _ZERO if fill is None else text(fill.price),
        "n": "0" if fill is None else text(fill.commission),
        "N": None if fill is None else fill.commission_asset,
        "T": time_ms,
        "t": -1 if fill is None else fill.trade_id,
    }
    if prevented is not None:
        found["v"] = prevented.match_id
    found |= {
        "I": execution_id,
        "w": order.working and not (fill is not None and order.at_market),
        "m": fill is not None and fill.is_maker,
        "M": fill is not None,
        "O": order.created_ms,
        "Z": text(order.cum_quote),
        "Y": _ZERO if fill is None else text(fill.quote),
        "Q": text(order.quote_qty),
    }
    if order.working_ms != -1:
        found["W"] = order.working_ms
    found["V"] = order.stp
    return found | _event_extras(order, prevented)


def _event_extras(order: Order, prevented: PreventedMatch | None) -> Json:
    found: Json = {}
    if order.trailing:
        found["d"] = order.trailing
        if order.trailing_ms != -1:
            found["D"] = order.trailing_ms
    if order.strategy_id is not None:
        found["j"] = order.strategy_id
    if order.strategy_type is not None:
        found["J"] = order.strategy_type
    if prevented is not None:
        found |= {"A": text(order.prevented), "B": text(prevented.prevented)}
        if order.trade_group != NO_GROUP:
            found["u"] = order.trade_group
        found |= {
            "U": prevented.counter.order_id,
            "Cs": prevented.counter.symbol,
            "pl": text(prevented.qty),
            "pL": text(prevented.price),
            "pY": text(product(prevented.price, prevented.qty)),
        }
    found |= {_PEG_KEYS[word]: value for word, value in _peg(order).items()}
    if order.expiry:
        found["eR"] = order.expiry
    return found
