"""The ticks inside a candle: open, the two extremes, close; their volumes add up to the candle's.

One source for everything: trades, bars, tickers and the book all follow from these ticks.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import NamedTuple

from leeward.emulator.units import UNIT

#: The first tick of a bar comes this long after its open, later than any close message of the
#: bar before; the last one in the bar's last millisecond.
FIRST_TICK_MS = 100


class Bar(NamedTuple):
    """One source candle in units. `quote_volume` and `taker_volume` are -1 where unknown."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int
    taker_volume: int


class Tick(NamedTuple):
    """One public trade. `jump` says that the price got here without passing what lies between
    (the first tick of a bar); other ticks end a continuous move from the one before."""

    time_us: int
    price: int
    qty: int
    buyer_maker: bool
    jump: bool


def ticks(
    bar: Bar, span_ms: tuple[int, int], steps: tuple[int, int], count: int, chance: Random,
    *, low_first: bool,
) -> list[Tick]:  # fmt: skip
    """Returns the trades of a bar in time order, none for a bar without volume.

    Prices touch exactly open, both extremes and close; quantities sum exactly to the volume, and
    the takers' purchases to `taker_volume` where known; price times quantity comes as near to the
    quote volume as lots allow. `span_ms` are the bar's open time
    and length, `steps` tick size and lot step in units, `count` the ticks wanted.
    """
    if bar.volume == 0:
        return []
    prices = _waypoints(bar, low_first=low_first)
    lot = steps[1] if bar.volume % steps[1] == 0 and bar.volume // steps[1] >= len(prices) else 1
    lots = bar.volume // lot
    extra = min(count, lots) - len(prices)
    if extra > 0 and len(prices) > 1:
        prices = _between(prices, extra, steps[0], chance)
    prices = prices[-lots:]
    sizes = [size * lot for size in _sizes(bar, prices, lots, lot, chance)]
    sides = _sides(bar, prices, sizes, chance)
    open_ms, length_ms = span_ms
    span = length_ms - FIRST_TICK_MS - 1
    last = max(1, len(prices) - 1)
    found = []
    for k, (price, size) in enumerate(zip(prices, sizes, strict=True)):
        time_us = (open_ms + FIRST_TICK_MS + span * k // last) * 1000
        bought = sides[k]
        if bought:
            found.append(Tick(time_us, price, bought, buyer_maker=False, jump=k == 0))
        if bought < size:
            jump = k == 0 and not bought
            found.append(Tick(time_us, price, size - bought, buyer_maker=True, jump=jump))
    return found


def _waypoints(bar: Bar, *, low_first: bool) -> list[int]:
    first, second = (bar.low, bar.high) if low_first else (bar.high, bar.low)
    found = [bar.open]
    for price in (first, second, bar.close):
        if price != found[-1]:
            found.append(price)
    return found


def _between(prices: list[int], extra: int, tick_size: int, chance: Random) -> list[int]:
    """Returns the waypoints with `extra` seeded prices on the way from one to the next."""
    legs = [0] * (len(prices) - 1)
    for _ in range(extra):
        legs[chance.randrange(len(legs))] += 1
    found = [prices[0]]
    for a, b, count in zip(prices, prices[1:], legs, strict=False):
        low, high = min(a, b) // tick_size, max(a, b) // tick_size
        inside = sorted(chance.randint(low, high) * tick_size for _ in range(count))
        inside = [min(max(price, min(a, b)), max(a, b)) for price in inside]
        found.extend(inside if a < b else reversed(inside))
        found.append(b)
    return found


def _sizes(bar: Bar, prices: list[int], lots: int, lot: int, chance: Random) -> list[int]:
    """Returns lots a price, at least one each, that sum to `lots`."""
    if len(prices) == 1:
        return [lots]
    high, low = prices.index(max(prices)), prices.index(min(prices))
    spare = lots - len(prices)
    share = [spare * chance.randrange(5, 25) // (100 * len(prices)) + 1 for _ in prices]
    for others in (share, [1] * len(prices)):
        sizes = list(others)
        rest = lots - sum(sizes) + sizes[high] + sizes[low]
        sizes[high] = wanted = _lots_at_high(bar, prices, sizes, rest, lot, (high, low))
        sizes[high] = min(max(wanted, 1), rest - 1)
        sizes[low] = rest - sizes[high]
        if sizes[high] == wanted:
            break
    return sizes


def _lots_at_high(
    bar: Bar, prices: list[int], sizes: list[int], rest: int, lot: int, ends: tuple[int, int]
) -> int:
    """Returns how many of `rest` lots traded at the high for the quote volume to come out."""
    high, low = ends
    if bar.quote_volume < 0 or prices[high] == prices[low]:
        return rest // 2
    spent = sum(
        price * size for k, (price, size) in enumerate(zip(prices, sizes, strict=True))
        if k not in ends
    )  # fmt: skip
    left = bar.quote_volume * UNIT // lot - spent - prices[low] * rest
    gap = prices[high] - prices[low]
    return (2 * left + gap) // (2 * gap)


def _sides(bar: Bar, prices: list[int], sizes: list[int], chance: Random) -> list[int]:
    """Returns how much of each tick a taker bought: all or nothing, but for one tick at most."""
    rises = [chance.random() < 0.5] + [b > a for a, b in pairwise(prices)]
    if bar.taker_volume < 0:
        return [size if up else 0 for size, up in zip(sizes, rises, strict=True)]
    left = min(bar.taker_volume, bar.volume)
    bought = [0] * len(prices)
    for wanted in (True, False):
        for k, up in enumerate(rises):
            if up is wanted and left:
                bought[k] = min(left, sizes[k])
                left -= bought[k]
    return bought
