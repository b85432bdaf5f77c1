"""What another hand took of our coins: where more is claimed than is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from leeward.domain.money import Money
from leeward.domain.orders import OrderReport, Side
from leeward.engine.ledger import Ledger, difference, taken_id
from leeward.engine.order_table import state_of
from leeward.engine.records import OrderState, TransferBooked, TransferKind

_ZERO = Decimal(0)
#: A sell in such a state holds coins.
_LOCKING = frozenset({OrderState.OPEN, OrderState.PARTIAL})
#: A position of which less than this part is left is closed.
_MOSTLY = 100


@dataclass(frozen=True, slots=True)
class Taken:
    """What is gone of a position, or of dust where `position_id` is empty, for good; `is_most`
    where next to nothing is left."""

    record: TransferBooked
    symbol: str
    position_id: str
    words: str = ""
    is_most: bool = False


def taken_coins(ledger: Ledger, current: Mapping[str, str], at_ms: int) -> list[Taken]:
    """Returns what another hand took: of what closed positions left behind first. `current` are the
    open positions by symbol."""
    found = []
    for symbol, claim in sorted(ledger.claims.items()):
        gone = difference(claim, ledger.ours(symbol))
        position_id = current.get(symbol, "")
        lot = ledger.lots.get(position_id)
        if gone > 0 and lot is not None:
            left = ledger.position_quantity(position_id, symbol)
            part = min(gone, difference(lot.net, left))
            if part > 0:
                record = _record(ledger, symbol, part, position_id, at_ms)
                words = f"{symbol}: another hand took {part:f} of our {lot.net:f}"
                is_most = left * _MOSTLY < lot.net
                found.append(Taken(record, symbol, position_id, words, is_most))
                gone = difference(gone, part)
        if gone > 0:
            found.append(Taken(_record(ledger, symbol, gone, "", at_ms), symbol, ""))
    return found


def is_locked(symbol: str, open_orders: Iterable[OrderReport]) -> bool:
    """Returns whether an order that rests holds some of a symbol's coins: nobody can take those."""
    return any(
        each.symbol == symbol and each.side is Side.SELL and state_of(each) in _LOCKING
        for each in open_orders
    )


def _record(
    ledger: Ledger, symbol: str, gone: Decimal, position_id: str, at_ms: int
) -> TransferBooked:
    money = Money(difference(_ZERO, gone), ledger.base(symbol))
    return TransferBooked(taken_id(symbol, at_ms, position_id), TransferKind.TAKEN, money, at_ms)
