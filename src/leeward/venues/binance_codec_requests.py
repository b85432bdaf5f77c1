"""Orders as Binance's parameters: names and texts, in the order they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

from leeward.domain.order_requests import Leg, OcoRequest, OrderRequest, TriggerRequest

Parameters: TypeAlias = Mapping[str, str]


def place(request: OrderRequest) -> Parameters:
    """Returns the parameters of one order; the answer is asked for in full."""
    return _known(
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        timeInForce=request.time_in_force,
        quantity=request.quantity,
        quoteOrderQty=None if request.quote_amount is None else plain(request.quote_amount),
        price=request.price,
        stopPrice=request.stop_price,
        trailingDelta=request.trailing_bips,
        newClientOrderId=request.client_order_id,
        newOrderRespType="FULL",
    )


def place_oco(request: OcoRequest) -> Parameters:
    """Returns the parameters of orderList/oco."""
    return {
        **_known(
            symbol=request.symbol,
            listClientOrderId=request.client_list_id,
            side=request.side,
            quantity=request.quantity,
        ),
        **_leg("above", request.above),
        **_leg("below", request.below),
        "newOrderRespType": "FULL",
    }


def place_trigger(request: TriggerRequest) -> tuple[str, Parameters]:
    """Returns the endpoint (oto, otoco, opo or opoco) and its parameters."""
    working = request.working
    pair = request.pending_below is not None
    endpoint = ("opo" if request.pending_quantity is None else "oto") + ("co" if pair else "")
    parameters = {
        **_known(
            symbol=working.symbol,
            listClientOrderId=request.client_list_id,
            workingType=working.type,
            workingSide=working.side,
            workingClientOrderId=working.client_order_id,
            workingPrice=working.price,
            workingQuantity=working.quantity,
            workingTimeInForce=working.time_in_force,
            pendingSide=request.pending_side,
            pendingQuantity=request.pending_quantity,
        ),
        **_leg("pendingAbove" if pair else "pending", request.pending),
        "newOrderRespType": "FULL",
    }
    if request.pending_below is not None:
        parameters |= _leg("pendingBelow", request.pending_below)
    return endpoint, parameters


def _leg(prefix: str, leg: Leg) -> dict[str, str]:
    named = _known(
        Type=leg.type,
        ClientOrderId=leg.client_order_id,
        Price=leg.price,
        StopPrice=leg.stop_price,
        TimeInForce=leg.time_in_force,
        TrailingDelta=leg.trailing_bips,
    )
    return {prefix + name: text for name, text in named.items()}


def _known(**values: object) -> dict[str, str]:
    """Returns the values that are given, as text; amounts never come with an exponent."""
    return {name: str(value) for name, value in values.items() if value is not None}


def plain(amount: Decimal) -> str:
    """Returns a number the exchange accepts: digits, and a point where needed."""
    return f"{amount:f}"
