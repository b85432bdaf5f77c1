"""The displayed book of one symbol: made up around the last trade, the same for everyone.

Levels are computed when somebody looks. What accounts take away stays away until the next tick.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from leeward.emulator.chance import scatter

BUY: Final = "BUY"
SELL: Final = "SELL"
#: Level i shows base * (1 + i * SLOPE percent) lots, times noise.
_SLOPE_PERCENT: Final = 10
_LEAST_LOTS: Final = 10


class Book:
    """`bid` and `ask` are the best displayed prices in units. Update ids rise by `2 * levels` a
    tick (every level may have changed) and by one for each change of an account's order."""

    def __init__(self, key: int, steps: tuple[int, int], levels: int, spread_ppm: int) -> None:
        self.key = key
        self.tick_size, self.step = steps
        self.levels = levels
        self.spread_ppm = spread_ppm
        self.bid = self.ask = 0
        self.base_lots = _LEAST_LOTS
        self.age = 0
        self.update_id = 1_000_000
        self.consumed: dict[int, int] = {}
        self.empty = False

    def move(self, price: int, *, buyer_maker: bool) -> None:
        """Puts the best bid (or ask, where the taker bought) at `price`."""
        tick = self.tick_size
        spread = max(tick, price * self.spread_ppm // 1_000_000 // tick * tick)
        if buyer_maker:
            self.bid, self.ask = price, price + spread
        else:
            self.bid, self.ask = price - spread, price

    def refresh(self, price: int, *, buyer_maker: bool) -> None:
        """Starts the book of a new tick."""
        self.age += 1
        self.update_id += 2 * self.levels
        if self.consumed:
            self.consumed.clear()
        self.move(price, buyer_maker=buyer_maker)

    def size_by(self, volume: int) -> None:
        """Sizes the levels so that the best one shows about `volume` units."""
        self.base_lots = max(_LEAST_LOTS, volume // self.step)

    def side(self, side: str, limit: int | None = None) -> Iterator[tuple[int, int]]:
        """Yields (price, quantity) of what is displayed on a side, best first."""
        if self.empty:
            return
        outward = -1 if side == BUY else 1
        best = self.bid if side == BUY else self.ask
        gap = self._gap()
        left = limit or self.levels
        for i in range(self.levels):
            price = best + outward * i * gap
            if price <= 0 or not left:
                return
            quantity = self._shown(price, i) - self.consumed.get(price, 0)
            if quantity > 0:
                left -= 1
                yield price, quantity

    def at(self, side: str, price: int) -> int:
        """Returns the quantity that stands at `price`, also beyond the displayed levels; 0 inside
        the spread."""
        best = self.bid if side == BUY else self.ask
        away = best - price if side == BUY else price - best
        if self.empty or away < 0:
            return 0
        rank = min(away // self._gap(), 10 * self.levels)
        return max(0, self._shown(price, rank) - self.consumed.get(price, 0))

    def consume(self, price: int, quantity: int) -> None:
        """Takes a displayed quantity away until the next tick."""
        self.consumed[price] = self.consumed.get(price, 0) + quantity
        self.update_id += 1

    def changed(self) -> None:
        """Counts one change by an account's order."""
        self.update_id += 1

    def _gap(self) -> int:
        tick = self.tick_size
        return max(tick, self.bid // 50_000 // tick * tick)

    def _shown(self, price: int, rank: int) -> int:
        noise = scatter(self.key, price)
        noise = scatter(noise, (self.age + noise % 4) // 4) % 100 + 50
        lots = self.base_lots * (100 + rank * _SLOPE_PERCENT) * noise // 10_000
        return max(1, lots) * self.step
