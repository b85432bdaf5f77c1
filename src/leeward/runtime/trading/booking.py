"""What fills mean: the records that go into one commit with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from leeward.domain.orders import Fill, OrderReport, Side
from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.filling import Beside, fill_records
from leeward.engine.records import FillBooked, PositionClosed, Record, Role

_REASONS = {Role.STOP: "stop", Role.TARGET: "target"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What booking depends on beside the books."""

    rules: SymbolRules
    timeframe: Timeframe
    at_ms: int
    unprotected_ms: int = 0


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
    reason = _reason(last.role, last.fill.time_ms, setting.timeframe) or held.closing or "operator"
    trade = books.trade_of(held.position_id, reason, fills)
    return (PositionClosed(trade, setting.at_ms, setting.unprotected_ms),)


def last_sale(books: Books, position_id: str, timeframe: Timeframe) -> str | None:
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
    return _reason(last.planned.role, lot.left_ms, timeframe)


def _reason(role: Role | None, time_ms: int, timeframe: Timeframe) -> str | None:
    """Returns the reason a protective order sells for. A stop that sold in the millisecond in which
    a candle opened was jumped over."""
    if role is Role.STOP and timeframe.floor(time_ms) == time_ms:
        return "stop_gap"
    return None if role is None else _REASONS.get(role)


def _net(fill: Fill, base: str) -> Decimal:
    fee = fill.commission
    charged = fee.amount if fee is not None and fee.currency == base else Decimal(0)
    return -fill.quantity.value - charged
