"""Puts closed candles in order: each once, none before the one it follows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from leeward.domain.candle import Candle
from leeward.domain.timeframe import Timeframe


@dataclass
class CandleSequence:
    """The closed candles of one symbol and timeframe. `next_ms` is the open time of the candle to
    come; later ones wait in `_early` until the gap before them is filled or known to be one."""

    symbol: str
    timeframe: Timeframe
    next_ms: int
    _early: dict[int, Candle] = field(default_factory=dict)

    @property
    def due_ms(self) -> int:
        """The time at which the next candle closes."""
        return self.next_ms + self.timeframe.length_ms

    @property
    def gap(self) -> tuple[int, int] | None:
        """The open times [from, to) that are missing before candles that have arrived."""
        return (self.next_ms, min(self._early)) if self._early else None

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
            self.next_ms = candle.close_time_ms
        return ready
