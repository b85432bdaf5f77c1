"""The last door before an entry is written down: nothing opens a position but through it.

The decision core has sized the entry already, on floats and on what was known at the close. Here it
is held against the books as they are now, in exact decimals, with every order of unknown outcome
taken as filled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from leeward.domain.money import Quantity
from leeward.domain.orders import Side
from leeward.domain.rules import SymbolRules, SymbolStatus
from leeward.engine.books import Books
from leeward.engine.records import IntentMade, Purpose, Role, TradingState
from leeward.engine.trading_state import allows_entry
from leeward.engine.venue_rules import objection
from leeward.risk.limits import RiskLimits

#: The core works on floats: their dust is not a breach.
_DUST: Final = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Door:
    """What entries are held against at one step. `prices` are the last closes of all symbols, quote
    units; `rules` those of the symbols that may be traded; `late` where the next candle has closed
    already: a signal that old is not bought on."""

    state: TradingState
    limits: RiskLimits
    prices: Mapping[str, Decimal]
    rules: Mapping[str, SymbolRules]
    now_ms: int
    late: bool = False


def admit(
    books: Books, intent: IntentMade, door: Door, beside: Sequence[IntentMade] = ()
) -> str | None:
    """Returns why the entry may not be made, None where it may. `beside` are the entries that were
    admitted at the same step and are not in the books yet.

    After it the worst case, positions and buys of any outcome at the last closes, stays within
    `max_position_fraction` of equity for the symbol and `max_exposure_fraction` over all. What
    closed positions left behind is exempt as long as it is too little to be sold.
    """
    symbol, entry = intent.key.symbol, _entry(intent)
    if not allows_entry(door.state):
        return door.state.value.lower()
    if door.late:
        return "late"
    if entry is None:
        return "no_entry"
    if door.limits.require_stop and (intent.plan is None or intent.plan.stop is None):
        return "no_stop"
    rules, price = door.rules.get(symbol), door.prices.get(symbol)
    if rules is None or price is None:
        return "not_allowed"
    if rules.status is not SymbolStatus.TRADING:
        return "symbol_closed"
    if rules.ends_ms is not None:
        return "delisting"
    return (
        _ordered(books, intent, door, beside)
        or _within_money(books, intent, entry.value * price, door, beside)
        or objection(books, intent, rules, price)
    )


def _ordered(
    books: Books, intent: IntentMade, door: Door, beside: Sequence[IntentMade]
) -> str | None:
    """Returns a reason that lies in what was ordered before."""
    symbol = intent.key.symbol
    if books.is_decided(intent.key):
        return "already_decided"
    if books.position(symbol) is not None or books.buying(symbol) > 0:
        return "already_held"
    if any(each.key.symbol == symbol for each in beside):
        return "already_held"
    if books.orders_last_hour(door.now_ms) + len(beside) >= door.limits.max_orders_per_hour:
        return "max_orders_per_hour"
    return None


def room(books: Books, symbol: str, door: Door, beside: Sequence[IntentMade] = ()) -> Decimal:
    """Returns the quote units at the last close that the limits of a position and of all of them
    leave for an entry; not above zero for none."""
    return min(_rooms(books, symbol, door, beside))


def _rooms(
    books: Books, symbol: str, door: Door, beside: Sequence[IntentMade]
) -> tuple[Decimal, Decimal]:
    """Returns what the limit of one position leaves for an entry, and that of all positions."""
    limits, equity = door.limits, books.equity(door.prices).equity
    worst_here = books.worst_case({symbol: door.prices[symbol]}) - _exempt(books, symbol, door)
    added = sum((_value(each, door.prices) for each in beside), Decimal(0))
    exempt = sum((_exempt(books, each, door) for each in door.prices), Decimal(0))
    worst = books.worst_case(door.prices) + added - exempt
    return (
        _share(limits.max_position_fraction) * equity - worst_here,
        _share(limits.max_exposure_fraction) * equity - worst,
    )


def _within_money(
    books: Books, intent: IntentMade, value: Decimal, door: Door, beside: Sequence[IntentMade]
) -> str | None:
    here, over_all = _rooms(books, intent.key.symbol, door, beside)
    if value > here:
        return "max_position"
    if value > over_all:
        return "max_exposure"
    reserved = books.reserved + sum((each.reserved.amount for each in beside), Decimal(0))
    if books.cash - reserved < intent.reserved.amount:
        return "insufficient_cash"
    return None


def _exempt(books: Books, symbol: str, door: Door) -> Decimal:
    """Returns the value of the symbol's dust, at most the least that can be sold."""
    rules = door.rules.get(symbol)
    if rules is None or rules.notional is None:
        return Decimal(0)
    return min(books.dust(symbol).value * door.prices[symbol], rules.notional.least)


def _share(fraction: float) -> Decimal:
    return Decimal(repr(fraction)) * (1 + _DUST)


def _value(intent: IntentMade, prices: Mapping[str, Decimal]) -> Decimal:
    entry = _entry(intent)
    assert entry is not None, "it was admitted"
    return entry.value * prices[intent.key.symbol]


def _entry(intent: IntentMade) -> Quantity | None:
    """Returns the base units that the intent buys, None where it is no entry of a known size."""
    if intent.purpose is not Purpose.ENTRY:
        return None
    bought = [each.quantity for each in intent.orders if each.role is Role.ENTRY]
    sides = {each.side for each in intent.orders if each.role is Role.ENTRY}
    return bought[0] if len(bought) == 1 and sides == {Side.BUY} else None
