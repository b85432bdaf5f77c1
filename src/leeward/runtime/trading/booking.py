"""What fills mean: the records that go into one commit with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from leeward.domain.orders import Fill, Side
from leeward.domain.rules import SymbolRules
from leeward.domain.timeframe import Timeframe
from leeward.engine.books import Books
from leeward.engine.records import (
    FillBooked,
    IntentMade,
    PositionClosed,
    PositionOpened,
    Record,
    Role,
)

_REASONS = {Role.STOP: "stop", Role.TARGET: "target"}


@dataclass(frozen=True, slots=True)
class Told:
    """Fills that the venue told of one of our orders."""

    client_order_id: str
    role: Role
    intent: IntentMade
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """What booking depends on beside the books. Of an order in `open_buys` more may come."""

    rules: SymbolRules
    timeframe: Timeframe
    at_ms: int
    unprotected_ms: int = 0
    open_buys: frozenset[str] = frozenset()


def booked(books: Books, told: Sequence[Told], setting: Setting) -> tuple[Record, ...]:
    """Returns the records of fills that are not booked yet: each once, with the opening of a
    position at its first fill and its closing trade at its last.

    A position is over when what is left is less than can be sold and no buy of it is open. Its
    reason is what it was closing for, or else the order that sold last.
    """
    symbol = setting.rules.symbol
    held = books.position(symbol)
    position_id = None if held is None else held.position_id
    fills: list[FillBooked] = []
    records: list[Record] = []
    seen: set[int] = set()
    for each in told:
        owner = each.intent.position_id if position_id is None else position_id
        for fill in each.fills:
            if fill.trade_id in seen or books.has_fill(symbol, fill.trade_id):
                continue
            seen.add(fill.trade_id)
            if position_id is None and each.role is Role.ENTRY:
                position_id = owner
                records.append(_opened(each.intent, fill, setting))
            fills.append(FillBooked(fill, each.client_order_id, owner, each.role))
    records.extend(fills)
    if held is not None and position_id is not None and not setting.open_buys:
        closing = _closed(books, held.quantity.value, fills, setting)
        records.extend(closing)
    return tuple(records)


def _opened(intent: IntentMade, fill: Fill, setting: Setting) -> PositionOpened:
    assert intent.plan is not None, "every entry has a plan"
    return PositionOpened(
        position_id=intent.position_id,
        symbol=fill.symbol,
        entry_time_ms=setting.timeframe.floor(fill.time_ms),
        plan=intent.plan,
        strategy=intent.strategy,
        tag=intent.tag,
        at_ms=setting.at_ms,
    )


def _closed(
    books: Books, quantity: Decimal, fills: Sequence[FillBooked], setting: Setting
) -> tuple[PositionClosed, ...]:
    sales = [each for each in fills if each.fill.side is Side.SELL]
    if not sales or any(each.fill.side is Side.BUY for each in fills):
        return ()
    left = quantity + sum((net_of(each.fill, setting.rules.base) for each in fills), Decimal(0))
    if left >= max(setting.rules.lot.least, setting.rules.lot.step):
        return ()
    held = books.position(setting.rules.symbol)
    assert held is not None
    reason = _reason(sales[-1], held.closing, setting.timeframe)
    trade = books.trade_of(held.position_id, reason, fills)
    return (PositionClosed(trade, setting.at_ms, setting.unprotected_ms),)


def _reason(last: FillBooked, closing: str | None, timeframe: Timeframe) -> str:
    """Returns why the position ended. A stop that sold in the very millisecond a candle opened
    was jumped over."""
    if last.role is Role.STOP and timeframe.floor(last.fill.time_ms) == last.fill.time_ms:
        return "stop_gap"
    if last.role is not None and last.role in _REASONS:
        return _REASONS[last.role]
    return closing or "operator"


def net_of(fill: Fill, base: str) -> Decimal:
    """Returns by how much a fill changes what is held of the base asset."""
    fee = fill.commission
    charged = fee.amount if fee is not None and fee.currency == base else Decimal(0)
    return (fill.quantity.value if fill.side is Side.BUY else -fill.quantity.value) - charged
