"""Closed candles as they arrive, put together to steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from leeward.domain.candle import Candle
from leeward.domain.timeframe import Timeframe
from leeward.runtime.trading.deciding import Series


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is due: the candles to be taken before it, oldest first, and the symbols whose
    candle, or whose informative candle, did not come in time."""

    open_time_ms: int
    candles: tuple[Candle, ...]
    missing: tuple[str, ...]
    without: tuple[Series, ...]


@dataclass
class Arrivals:
    """Waits for every symbol's candle of a step, and for the informative candles closed by then,
    at most `late_s` after the first one came. `last_ms` tells what was taken before."""

    symbols: Sequence[str]
    timeframe: Timeframe
    further: Sequence[Series]
    last_ms: Callable[[Series], int | None]
    late_s: float
    _held: dict[Series, list[Candle]] = field(default_factory=dict)
    _since_s: dict[int, float] = field(default_factory=dict)
    _decided_ms: int = -1

    def take(self, candle: Candle, now_s: float) -> None:
        """Takes a candle of any series, each series in order. One whose step is over is taken with
        the next step."""
        series = (candle.symbol, candle.timeframe.name)
        self._held.setdefault(series, []).append(candle)
        if self._is_traded(series) and candle.open_time_ms > self._decided_ms:
            self._since_s.setdefault(candle.open_time_ms, now_s)

    def due(self, now_s: float) -> Step | None:
        """Returns the oldest step whose candles are there, or that has waited long enough."""
        opens = [
            candle.open_time_ms
            for symbol in self.symbols
            for candle in self._held.get((symbol, self.timeframe.name), ())
            if candle.open_time_ms in self._since_s
        ]
        if not opens:
            return None
        open_ms = min(opens)
        missing = [symbol for symbol in self.symbols if not self._has(symbol, open_ms)]
        without = [series for series in self.further if not self._is_known(series, open_ms)]
        if (missing or without) and now_s < self._since_s[open_ms] + self.late_s:
            return None
        return Step(open_ms, self._take_until(open_ms), tuple(missing), tuple(without))

    def newest_ms(self, series: Series) -> int | None:
        """Returns the open time of the newest candle of a series that came, None for none."""
        held = self._held.get(series)
        return held[-1].open_time_ms if held else self.last_ms(series)

    def wait_s(self, now_s: float) -> float | None:
        """Returns how long the oldest unfinished step still waits, None where there is none."""
        if not self._since_s:
            return None
        return max(0.0, self._since_s[min(self._since_s)] + self.late_s - now_s)

    def _is_traded(self, series: Series) -> bool:
        return series[1] == self.timeframe.name and series[0] in self.symbols

    def _has(self, symbol: str, open_ms: int) -> bool:
        held = self._held.get((symbol, self.timeframe.name), ())
        return any(candle.open_time_ms == open_ms for candle in held)

    def _is_known(self, series: Series, open_ms: int) -> bool:
        """Returns whether the last candle of the series that closed by the step's close is here."""
        timeframe = Timeframe.parse(series[1])
        needed_ms = timeframe.floor(open_ms + self.timeframe.length_ms) - timeframe.length_ms
        last_ms = self.last_ms(series)
        if last_ms is not None and last_ms >= needed_ms:
            return True
        return any(candle.open_time_ms >= needed_ms for candle in self._held.get(series, ()))

    def _take_until(self, open_ms: int) -> tuple[Candle, ...]:
        close_ms, self._decided_ms = open_ms + self.timeframe.length_ms, open_ms
        taken = []
        for series, held in self._held.items():
            taken += [candle for candle in held if candle.close_time_ms <= close_ms]
            self._held[series] = [candle for candle in held if candle.close_time_ms > close_ms]
        for step_ms in [each for each in self._since_s if each <= open_ms]:
            del self._since_s[step_ms]
        return tuple(sorted(taken, key=lambda candle: candle.close_time_ms))
