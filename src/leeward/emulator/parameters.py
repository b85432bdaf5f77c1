"""Which parameters each order type needs, and which it refuses."""

from __future__ import annotations

from typing import Final

from leeward.emulator.orders import (
    MARKET_PEG,
    MARKET_TYPES,
    PEGGED_TYPES,
    PRIMARY_PEG,
    STOP_TYPES,
)
from leeward.emulator.rejections import Rejection, mandatory, not_required, refused
from leeward.emulator.requests import OrderRequest
from leeward.emulator.symbols import ORDER_TYPES, STP_MODES, SymbolRules

_TIFS: Final = ("GTC", "IOC", "FOK")
_NAMES: Final = {
    "time_in_force": "timeInForce",
    "quantity": "quantity",
    "price": "price",
    "stop_price": "stopPrice",
    "trailing_delta": "trailingDelta",
    "iceberg_qty": "icebergQty",
    "quote_order_qty": "quoteOrderQty",
    "peg_offset_type": "pegOffsetType",
    "peg_offset_value": "pegOffsetValue",
}
#: How many levels deep an order may be pegged.
_DEEPEST_PEG: Final = 100
_NEEDED: Final = {
    "LIMIT": ("time_in_force", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    "STOP_LOSS": ("quantity",),
    "TAKE_PROFIT": ("quantity",),
    "STOP_LOSS_LIMIT": ("time_in_force", "quantity", "price"),
    "TAKE_PROFIT_LIMIT": ("time_in_force", "quantity", "price"),
}


def name(request: OrderRequest, field: str) -> str:
    """Returns the parameter's name as the client sent it, with its leg's prefix."""
    plain = _NAMES[field]
    return request.prefix + plain[0].upper() + plain[1:] if request.prefix else plain


def check(request: OrderRequest, rules: SymbolRules, *, sized: bool = True) -> None:
    """Refuses what the order's type does not allow; `sized` False for a leg without quantity."""
    if request.side not in {"BUY", "SELL"}:
        raise Rejection(-1117, "Invalid side.")
    if request.type not in ORDER_TYPES:
        raise Rejection(-1116, "Invalid orderType.")
    if request.time_in_force is not None and request.time_in_force not in _TIFS:
        raise Rejection(-1115, "Invalid timeInForce.")
    for field in _NEEDED[request.type]:
        if field == "price" and request.peg_price_type is not None:
            continue
        if getattr(request, field) is None and (sized or field != "quantity"):
            raise mandatory(name(request, field))
    _check_quantity(request, sized=sized)
    _check_unneeded(request)
    _check_peg(request)
    if request.strategy_type is not None and request.strategy_type < 1_000_000:
        raise Rejection(-1134, "strategyType was less than 1000000.")
    _check_symbol(request, rules)
    if request.peg_price_type is not None:
        _check_pegged_type(request, rules)


def _check_quantity(request: OrderRequest, *, sized: bool) -> None:
    if request.type == "MARKET" and sized:
        given = (request.quantity is not None) + (request.quote_order_qty is not None)
        if given == 0:
            raise mandatory(name(request, "quantity"))
        if given == 2:
            raise not_required(name(request, "quote_order_qty"))
    stops = request.stop_price is not None or request.trailing_delta is not None
    if request.type in STOP_TYPES and not stops:
        raise mandatory(name(request, "stop_price"))


def _check_unneeded(request: OrderRequest) -> None:
    kind = request.type
    unneeded = []
    if kind in MARKET_TYPES:
        unneeded += ["price", "time_in_force", "iceberg_qty"]
    if kind == "LIMIT_MAKER":
        unneeded.append("time_in_force")
    if kind not in STOP_TYPES:
        unneeded += ["stop_price", "trailing_delta"]
    if kind != "MARKET":
        unneeded.append("quote_order_qty")
    for field in unneeded:
        if getattr(request, field) is not None:
            raise not_required(name(request, field))
    if request.iceberg_qty is not None and request.time_in_force not in {None, "GTC"}:
        raise not_required(name(request, "iceberg_qty"))


def _check_peg(request: OrderRequest) -> None:
    kind, offset = request.peg_price_type, request.peg_offset_value
    if kind is None:
        for field in ("peg_offset_type", "peg_offset_value"):
            if getattr(request, field) is not None:
                raise not_required(name(request, field))
        return
    if kind not in {PRIMARY_PEG, MARKET_PEG}:
        raise Rejection(-1210, "Invalid pegPriceType.")
    if request.peg_offset_type not in {None, "PRICE_LEVEL"}:
        raise Rejection(-1211, "Invalid pegOffsetType.")
    if (request.peg_offset_type is None) != (offset is None):
        both = "pegOffsetType, pegOffsetValue"
        raise Rejection(-1128, f"Fields [{both}] must be sent together or omitted entirely.")
    if offset is not None and offset > _DEEPEST_PEG:
        sent = name(request, "peg_offset_value")
        raise Rejection(-1130, f"Data sent for parameter '{sent}' is not valid.")


def _check_pegged_type(request: OrderRequest, rules: SymbolRules) -> None:
    kind = request.peg_price_type
    if not rules.peg:
        raise refused("Pegged orders are not supported for this symbol.")
    if request.type not in PEGGED_TYPES:
        raise refused("This order type may not use pegged price.")
    if request.type == "LIMIT_MAKER" and kind == MARKET_PEG:
        raise refused("This price peg cannot be used with this order type.")
    if request.type == "LIMIT" and kind == PRIMARY_PEG and request.time_in_force != "GTC":
        raise refused("Unsupported order combination")


def _check_symbol(request: OrderRequest, rules: SymbolRules) -> None:
    if request.type not in rules.order_types:
        kind = request.type.replace("_", " ").capitalize()
        raise refused(f"{kind} orders are not supported for this symbol.")
    if request.iceberg_qty is not None and not rules.iceberg:
        raise refused("Iceberg orders are not supported for this symbol.")
    if request.trailing_delta is not None and not rules.trailing:
        raise refused("Trailing stop orders are not supported for this symbol.")
    mode = request.stp_mode
    if mode is None:
        return
    if mode != "NONE" and mode not in STP_MODES:
        raise Rejection(-1130, "Data sent for parameter 'selfTradePreventionMode' is not valid.")
    if mode not in rules.allowed_stp:
        raise Rejection(
            -1013, "This symbol does not allow the specified self-trade prevention mode."
        )
