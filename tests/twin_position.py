"""What the plain-Python twin holds: an order, a position, and the rules inside one candle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tests.twin_market import Bar, Market


@dataclass(eq=False)
class Order:
    """A buy decided at a close, to be filled at the next open."""

    market: Market
    quantity: float
    stop: float
    target: float
    tag: int


@dataclass(eq=False)
class Position:
    """What was bought. `stop` was fixed at the decision, `stop_now` only rises from there."""

    order: Order
    entry_row: int
    entry_price: float
    quantity: float
    cost: float
    fees: float
    slippage: float
    stop_now: float
    lowest: float
    highest: float
    leaving: str | None = None
    exit_tag: int = 0

    @property
    def market(self) -> Market:
        return self.order.market

    @property
    def value(self) -> float:
        return self.quantity * self.market.close

    def see(self, *prices: float) -> None:
        self.lowest = min(self.lowest, *prices)
        self.highest = max(self.highest, *prices)


class Sale(NamedTuple):
    """Why a position is sold, at which price before slippage, and how low it went first."""

    reason: str
    reference: float
    slips: bool
    ambiguous: bool = False
    lowest: float = math.inf


def first_rule(bar: Bar, stop: float, target: float, just_bought: bool) -> Sale | None:
    """The exit inside one candle, or None. A NaN stop or target never holds."""
    if bar.open <= stop and not just_bought:
        return Sale("stop_gap", bar.open, slips=True)
    if bar.open >= target and not just_bought:
        return Sale("target", bar.open, slips=False)
    if bar.low <= stop:
        return Sale("stop", stop, slips=True, ambiguous=bar.high >= target)
    if bar.high >= target:
        return Sale("target", target, slips=False, lowest=bar.low)
    return None
