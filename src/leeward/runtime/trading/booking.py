"""What fills mean: the records that go into one commit with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from leeward.domain.orders import Fill, OrderReport, Side
from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.filling import Beside, fill_records
from leeward.engine.own_orders import BookedOrder
from leeward.engine.records import FillBooked, PositionClosed, Record, Role

_REASONS = {Role.STOP: "stop", Role.TARGET: "target"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What booking depends on beside the books. `opens` are the opens of the last candles, as far
    as the session told, by open time."""

    rules: SymbolRules
    timeframe: Timeframe
    at_ms: int
    unprotected_ms: int = 0
    opens: Mapping[int, Decimal] = field(default_factory=dict)


def own_fills(
    books: Books, fills: Iterable[Fill], reports: Sequence[OrderReport], setting: Setting
) -> tuple[Record, ...]:
    """Returns the records of fills of our own orders that are not booked yet, with the opening of
    a position at its first and its closing trade at its last. `reports` name the orders."""
    records = fill_records(books, fills, setting.timeframe, Beside(reports))
    return (*records, *closing(books, records, setting))


def closing(
    books: Books, records: Sequence[Record], setting: Setting
) -> tuple[PositionClosed, ...]:
    """Returns the end of the symbol's position, where own sales among `records` leave less of it
    than can be sold and no buy is open."""
    held = books.position(setting.rules.symbol)
    fills = [
        each
        for each in records
        if isinstance(each, FillBooked) and each.fill.symbol == setting.rules.symbol
    ]
    if any(each.position_id is None for each in fills):
        return ()
    if held is None or not fills or any(each.fill.side is Side.BUY for each in fills):
        return ()
    if any(order.may_buy for order in books.live_orders(held.symbol)):
        return ()
    left = held.quantity.value + sum(
        (_net(each.fill, setting.rules.base) for each in fills), Decimal(0)
    )
    if left >= max(setting.rules.lot.least, setting.rules.lot.step):
        return ()
    last = fills[-1]
    order = books.orders.get(last.client_order_id or "")
    reason = _reason(order, last.fill.time_ms, setting) or held.closing or "operator"
    trade = books.trade_of(held.position_id, reason, fills)
    return (PositionClosed(trade, setting.at_ms, setting.unprotected_ms),)


def last_sale(books: Books, position_id: str, setting: Setting) -> str | None:
    """Returns why a position ended that is known by its booked sales only: by what sold last, None
    where nothing was sold or what sold was an exit, which is part of closing."""
    lot = books.ledger.lots.get(position_id)
    if lot is None or not lot.sold or lot.left_ms is None:
        return None
    sales = [
        order
        for order in books.orders_of(position_id)
        if order.planned.role in _REASONS and not order.booked.is_zero
    ]
    if not sales:
        return None
    last = max(sales, key=lambda order: order.moved_ms)
    return _reason(last, lot.left_ms, setting)


def _reason(order: BookedOrder | None, time_ms: int, setting: Setting) -> str | None:
    """Returns the reason a protective order sells for, None for other orders. A stop was jumped
    over where the candle opened at it or below, as in a backtest; where the open is not known,
    where it sold in the very millisecond of the open."""
    if order is None:
        return None
    if order.planned.role is Role.STOP and order.planned.stop_price is not None:
        open_ms = setting.timeframe.floor(time_ms)
        open_ = setting.opens.get(open_ms)
        if open_ms == time_ms or (open_ is not None and open_ <= order.planned.stop_price.value):
            return "stop_gap"
    return _REASONS.get(order.planned.role)


def _net(fill: Fill, base: str) -> Decimal:
    fee = fill.commission
    charged = fee.amount if fee is not None and fee.currency == base else Decimal(0)
    return -fill.quantity.value - charged
