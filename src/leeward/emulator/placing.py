"""From a request to an order: what the exchange checks before it accepts one, and the locks."""

from __future__ import annotations

from decimal import Decimal

from leeward.emulator import filters, parameters
from leeward.emulator.accounts import Account
from leeward.emulator.book import BUY
from leeward.emulator.contingency import lock_asset, need
from leeward.emulator.floor import Floor
from leeward.emulator.market import Market
from leeward.emulator.matching import crosses, reach
from leeward.emulator.orders import Order, Peg
from leeward.emulator.pegging import peg, unpeg
from leeward.emulator.rejections import (
    CLOSED,
    DUPLICATE,
    INSUFFICIENT,
    NO_LIQUIDITY,
    TAKES,
    TRIGGERS,
    refused,
)
from leeward.emulator.requests import OrderRequest
from leeward.emulator.units import product, units

_BIPS = 10_000


def draft(
    floor: Floor,
    account: Account,
    request: OrderRequest,
    *,
    sized: bool = True,
    pending: bool = False,
) -> Order:
    """Returns the order a request asks for, without an id, not yet on any book; refuses what its
    parameters, the symbol's status or the filters do not allow. A pegged order has its price,
    unless it is `pending` or a stop."""
    market = floor.market(request.symbol)
    rules = market.rules
    parameters.check(request, rules, sized=sized)
    if not account.can_trade:
        raise refused("This account may not place or cancel orders.")
    if rules.status != "TRADING":
        raise refused(CLOSED)
    order = Order(
        symbol=request.symbol,
        order_id=0,
        account=account.name,
        client_id=request.client_order_id or "",
        side=request.side,
        type=request.type,
        tif=request.time_in_force or "GTC",
        qty=_amount(request, "quantity", request.quantity),
        price=_amount(request, "price", request.price),
        created_ms=floor.now_ms,
        sequence=0,
        stp=request.stp_mode or rules.default_stp,
        trade_group=account.trade_group,
        stop_price=_amount(request, "stop_price", request.stop_price),
        iceberg=_amount(request, "iceberg_qty", request.iceberg_qty),
        quote_qty=_amount(request, "quote_order_qty", request.quote_order_qty),
        trailing=request.trailing_delta or 0,
        strategy_id=request.strategy_id,
        strategy_type=request.strategy_type,
        size_pending=not sized,
        peg=None
        if request.peg_price_type is None
        else Peg(request.peg_price_type, request.peg_offset_type, request.peg_offset_value or 0),
    )
    if request.price is not None and sized and product(order.price, order.qty) <= 0:
        raise refused("Price * QTY is zero or less.")
    if order.iceberg > order.qty and sized:
        raise refused("IcebergQty exceeds QTY.")
    order.asked_price = order.price
    if order.peg is None or order.price:
        filters.check_order(floor, order)
    if order.peg is not None:
        peg(market, order)
        filters.check_order(floor, order)
        if pending or order.is_stop:
            unpeg(order)
    order.lock_price = lock_price(market, order)
    return order


def _amount(request: OrderRequest, field: str, value: Decimal | None) -> int:
    return 0 if value is None else units(value, parameters.name(request, field))


def lock_price(market: Market, order: Order) -> int:
    """Returns what a BUY locks a unit: its limit, else its stop, else what a trailing stop would
    pay if it started now; 0 for MARKET, which is paid at once."""
    if order.price:
        return order.price
    if order.stop_price or not order.trailing:
        return order.stop_price
    return market.cursor * (_BIPS + order.trailing) // _BIPS


def check_counts(floor: Floor, account: Account, new: list[Order], *, lists: int = 0) -> None:
    """Refuses doubled client ids and more orders, lists or position than the filters allow."""
    market = floor.markets[new[0].symbol]
    names = [order.client_id for order in new if order.client_id]
    symbol = market.rules.symbol
    if len(set(names)) < len(names) or any((symbol, name) in account.open for name in names):
        raise refused(DUPLICATE)
    everywhere = list(account.open.values())
    mine = [order for order in everywhere if order.symbol == symbol]
    for entries, orders in (
        (market.rules.filters, mine),
        (floor.exchange_filters.values(), everywhere),
    ):
        held_lists = {order.list_id for order in orders if order.list_id != -1}
        filters.check_counts(entries, orders, new, lists and len(held_lists) + lists)
    if market.rules.filter("MAX_POSITION") is not None and any(o.side == BUY for o in new):
        held = account.balance(market.rules.base)
        buying = sum(order.remaining for order in [*mine, *new] if order.side == BUY)
        filters.check_position(market.rules, held.free + held.locked, buying)


def check_prices(market: Market, order: Order) -> None:
    """Refuses a stop that the price has passed and a LIMIT_MAKER that would take."""
    if order.is_stop and order.stop_price:
        price = market.cursor
        above = order.triggers_above
        if price >= order.stop_price if above else price <= order.stop_price:
            raise refused(TRIGGERS)
    if order.type == "LIMIT_MAKER" and crosses(market, order):
        raise refused(TAKES)


def size_by_quote(market: Market, order: Order) -> None:
    """Gives a MARKET order with a quote quantity the base quantity it will trade."""
    if order.quote_qty:
        order.qty = reach(market, order, order.quote_qty)[0]
        if order.qty <= 0 or order.qty < market.rules.amount("LOT_SIZE", "minQty"):
            order.qty = 0
            raise refused(NO_LIQUIDITY)


def lock(floor: Floor, account: Account, order: Order) -> None:
    """Locks what an order needs; refuses without enough free funds. A MARKET order is paid at
    once and only checked."""
    asset = lock_asset(floor, order)
    if order.type != "MARKET":
        account.lock(asset, need(order))
        order.locked = need(order)
        return
    market = floor.markets[order.symbol]
    wanted = reach(market, order)[1] if order.side == BUY else order.qty
    if wanted > account.balance(asset).free:
        raise refused(INSUFFICIENT)


def register(floor: Floor, account: Account, order: Order) -> None:
    """Gives an accepted order its ids and enters it in the account's records."""
    market = floor.markets[order.symbol]
    order.order_id = market.next_order_id
    market.next_order_id += 1
    order.sequence = floor.next_sequence()
    order.client_id = order.client_id or floor.new_client_id()
    order.created_ms = order.updated_ms = floor.now_ms
    market.orders[order.order_id] = order
    account.orders.setdefault(order.symbol, []).append(order)
    account.open[order.symbol, order.client_id] = order
    account.by_client[order.symbol, order.client_id] = order
