"""The displayed book of one symbol: made up around the last trade, the same for everyone.

Levels are computed when somebody looks. What accounts take away stays away until the next tick.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

BUY: Final = "BUY"
SELL: Final = "SELL"
#: Sixteen levels further out show this much more, in percent of the base; all times noise.
_SLOPE_PERCENT: Final = 160
_MIX: Final = 0x9E3779B97F4A7C15
_MASK: Final = 0xFFFFFFFFFFFFFFFF
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
        self.gap = self.gap_from = self.gap_until = 0

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
        """Yields (price, quantity) of what is displayed on a side, best first: one level at the
        best price, the others on whole gaps, so that they stay while the price moves."""
        if self.empty:
            return
        gap = self._gap()
        if side == BUY:
            price, outward = self.bid, -gap
            following = (price - 1) // gap * gap
        else:
            price, outward = self.ask, gap
            following = (price // gap + 1) * gap
        left = limit or self.levels
        for i in range(self.levels):
            if price <= 0 or not left:
                return
            quantity = self._shown(price, i)
            if self.consumed:
                quantity -= self.consumed.get(price, 0)
            if quantity > 0:
                left -= 1
                yield price, quantity
            price = following
            following += outward

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
        """Returns the distance of levels: 1, 2 or 5 times a power of ten, about 0.2 bps."""
        raw = self.bid // 50_000
        if raw < self.gap_from or raw >= self.gap_until:
            power = 10 ** (len(str(max(raw, 1))) - 1)
            lead = max(raw, 1) // power
            first, last = (5, 10) if lead >= 5 else (2, 5) if lead >= 2 else (1, 2)
            self.gap_from, self.gap_until = first * power, last * power
            self.gap = first * power
        gap = self.gap
        return gap if gap > self.tick_size and gap % self.tick_size == 0 else self.tick_size

    def _shown(self, price: int, rank: int) -> int:
        """Returns what stands at a price; its noise changes every sixteen ticks, each price at
        its own time."""
        mixed = (price * _MIX + self.key) & _MASK
        mixed ^= mixed >> 29
        mixed = ((mixed + ((self.age + (mixed >> 60)) >> 4)) * _MIX) & _MASK
        noise = (mixed >> 40) % 100 + 50
        lots = self.base_lots * (100 + (rank >> 4) * _SLOPE_PERCENT) * noise // 10_000
        return (lots or 1) * self.step
