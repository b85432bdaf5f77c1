"""Puts closed candles in order: each once, none before the one it follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from leeward.domain.candle import Candle
from leeward.domain.timeframe import Timeframe

#: A candle that leaves the last close by a tenth is rare, and one question more costs nothing then.
_WILD = 0.10


@dataclass
class CandleSequence:
    """The closed candles of one symbol and timeframe. `next_ms` is the open time of the candle to
    come; later ones wait in `_early` until the gap before them is filled or known to be one."""

    symbol: str
    timeframe: Timeframe
    next_ms: int
    last: Candle | None = None
    _early: dict[int, Candle] = field(default_factory=dict)

    @property
    def due_ms(self) -> int:
        """The time at which the next candle closes."""
        return self.next_ms + self.timeframe.length_ms

    @property
    def gap(self) -> tuple[int, int] | None:
        """The open times [from, to) that are missing before candles that have arrived."""
        return (self.next_ms, min(self._early)) if self._early else None

    def is_wild(self, candle: Candle) -> bool:
        """Returns whether a price of the candle is further from the last close than markets go as
        a rule: true or not, it is worth a second question."""
        if self.last is None:
            return False
        furthest = max(candle.high / self.last.close, self.last.close / candle.low)
        return furthest > 1 + _WILD

    def told_otherwise(self, candles: Iterable[Candle]) -> Candle | None:
        """Returns the last candle handed out as it is told now, where its prices are others."""
        if (last := self.last) is None:
            return None
        again = (each for each in candles if each.open_time_ms == last.open_time_ms)
        return next((each for each in again if _prices(each) != _prices(last)), None)

    def offer(self, candles: Iterable[Candle]) -> list[Candle]:
        """Takes closed candles in any order, also again; returns those whose turn it is now."""
        for candle in candles:
            if candle.open_time_ms >= self.next_ms:
                self._early.setdefault(candle.open_time_ms, candle)
        return self._ready()

    def skip_gap(self) -> list[Candle]:
        """Gives up the gap, because the exchange has no candles there; returns what follows it."""
        if self._early:
            self.next_ms = min(self._early)
        return self._ready()

    def _ready(self) -> list[Candle]:
        ready = []
        while (candle := self._early.pop(self.next_ms, None)) is not None:
            ready.append(candle)
            self.next_ms, self.last = candle.close_time_ms, candle
        return ready


def _prices(candle: Candle) -> tuple[float, ...]:
    return candle.open, candle.high, candle.low, candle.close
