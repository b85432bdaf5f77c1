"""What an exchange demands of orders for one symbol, in exact decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from leeward.domain.instrument import Instrument
from leeward.domain.orders import OrderType


class SymbolStatus(StrEnum):
    TRADING = "TRADING"
    END_OF_DAY = "END_OF_DAY"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Grid:
    """Allowed values: from `least` to `most` in steps of `step`; zero turns a part off."""

    least: Decimal
    most: Decimal
    step: Decimal

    def allows(self, value: Decimal) -> bool:
        """Returns whether `value` keeps every part of the rule; the remainder is exact."""
        if self.least and value < self.least:
            return False
        if self.most and value > self.most:
            return False
        return not self.step or value % self.step == 0


@dataclass(frozen=True, slots=True)
class NotionalRule:
    """Bounds of price times quantity in quote units, `most` None for none; a market order counts
    with the average price of the last minutes, where the bound applies to it at all."""

    least: Decimal
    most: Decimal | None
    least_for_market: bool
    most_for_market: bool


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Factors of the reference price between which an order's price must lie, by side."""

    buy_down: Decimal
    buy_up: Decimal
    sell_down: Decimal
    sell_up: Decimal


@dataclass(frozen=True, slots=True)
class OrderCaps:
    """The most open orders of each kind for one symbol; None where the exchange names no limit."""

    orders: int | None = None
    stops: int | None = None
    lists: int | None = None
    amends: int | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """What the symbol supports beyond single orders."""

    oco: bool
    oto: bool
    opo: bool
    cancel_replace: bool
    amend: bool
    trailing: bool
    market_by_quote: bool


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """One symbol's rules; `notices` names what the exchange sent and this version does not know;
    `ends_ms` is when it stops trading the symbol, where that is announced."""

    symbol: str
    status: SymbolStatus
    base: str
    quote: str
    order_types: frozenset[OrderType]
    features: Features
    price: Grid
    lot: Grid
    market_lot: Grid
    notional: NotionalRule | None
    price_band: PriceBand | None
    most_position: Decimal | None
    caps: OrderCaps
    notices: tuple[str, ...] = ()
    ends_ms: int | None = None

    def instrument(self) -> Instrument:
        """Returns the part the decision core needs, as floats."""
        least = self.notional.least if self.notional else Decimal(0)
        return Instrument(self.symbol, float(self.lot.step), float(self.price.step), float(least))
