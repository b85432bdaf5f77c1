"""One symbol as the plain-Python twin sees it: candles, signals, gate and correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from leeward.domain.candles import Candles
from leeward.domain.instrument import Instrument
from leeward.simulation.setup import Setup
from leeward.strategies.signals import Signals

DAY_MS = 86_400_000
WINDOW, LEAST_RETURNS, DUST = 720, 30, 1e-12
NAN = math.nan


class Bar(NamedTuple):
    open: float
    high: float
    low: float
    close: float


class Market:
    """One symbol: its candles, finer candles, signals and filters; `row` is its latest candle."""

    def __init__(
        self, index: int, candles: Candles, signals: Signals, finer: Candles | None, setup: Setup
    ) -> None:
        self.index = index
        self.symbol = candles.symbol
        self.instrument: Instrument = setup.instruments[index]
        self.length_ms = candles.timeframe.length_ms
        self.times: list[int] = candles.open_time.tolist()
        self.row_at = {time: row for row, time in enumerate(self.times)}
        self.bars = _bars(candles)
        self.finer = {} if finer is None else _group_finer(finer, self.length_ms)
        self.finer_each = 0 if finer is None else self.length_ms // finer.timeframe.length_ms
        self.row = -1
        self.entry: list[int] = signals.entry.tolist()
        self.exit: list[int] = signals.exit.tolist()
        self.warm_up = signals.warm_up
        self.numbers = {name: column.tolist() for name, column in signals.numbers().items()}
        closes = [bar.close for bar in self.bars]
        self.trend = _trend(setup.limits.trend_gate, closes)
        self.returns = {
            self.times[row]: math.log(closes[row] / closes[row - 1])
            for row in range(1, len(closes))
        }

    @property
    def close(self) -> float:
        return self.bars[self.row].close

    def number(self, name: str) -> float:
        """The strategy's value at the latest candle; NaN where it gives none."""
        return self.numbers[name][self.row] if name in self.numbers else NAN

    def path(self) -> list[Bar]:
        """The finer candles inside the latest candle where they cover it, else the candle."""
        finer = self.finer.get(self.times[self.row], [])
        return finer if finer and len(finer) == self.finer_each else [self.bars[self.row]]

    def tick_down(self, price: float) -> float:
        tick = self.instrument.tick_size
        return floor_to_step(price, tick) if tick > 0 else price

    def tick_up(self, price: float) -> float:
        return -self.tick_down(-price)


def _bars(candles: Candles) -> list[Bar]:
    columns = (candles.open, candles.high, candles.low, candles.close)
    return [Bar(*prices) for prices in zip(*(c.tolist() for c in columns), strict=True)]


def _group_finer(finer: Candles, length_ms: int) -> dict[int, list[Bar]]:
    """Finer candles by the open time of the candle they lie in."""
    offset_ms = 4 * DAY_MS if length_ms == 7 * DAY_MS else 0  # weeks open on Mondays
    groups: dict[int, list[Bar]] = {}
    for time, bar in zip(finer.open_time.tolist(), _bars(finer), strict=True):
        groups.setdefault(time - (time - offset_ms) % length_ms, []).append(bar)
    return groups


def _trend(gate: str, closes: list[float]) -> list[bool | None]:
    """Whether the market rises at each row; None while the average is not known."""
    if gate == "off":
        return [True] * len(closes)
    _, period, lookback = gate.split(":")
    averages = _average(closes, int(period))
    verdicts: list[bool | None] = []
    for row, close in enumerate(closes):
        before = averages[row - int(lookback)] if row >= int(lookback) else None
        now = averages[row]
        known = now is not None and before is not None
        verdicts.append(close > now > before if known else None)  # type: ignore[operator] # both are known here
    return verdicts


def _average(values: list[float], period: int) -> list[float | None]:
    """The exponential average that starts as the mean of the first `period` values."""
    averages: list[float | None] = []
    average, weight = 0.0, 2.0 / (period + 1.0)
    for row, value in enumerate(values):
        if row < period - 1:
            averages.append(None)
            continue
        if row == period - 1:
            # Around the first value, so that equal prices average to that price exactly.
            average = values[0] + total([value - values[0] for value in values[:period]]) / period
        else:
            average += weight * (value - average)
        averages.append(average)
    return averages


def total(values: Sequence[float]) -> float:
    """The sum, added left to right (`sum` compensates from Python 3.12 on)."""
    result = 0.0
    for value in values:
        result += value
    return result


def floor_to_step(value: float, step: float) -> float:
    """The largest multiple of `step` that is not above `value`."""
    inverse = round(1 / step)
    whole = inverse >= 1 and abs(1 / step - inverse) <= 1e-9 * inverse

    def multiple(k: int) -> float:
        return k / inverse if whole else k * step

    k = math.floor(Fraction(value) * inverse if whole else Fraction(value) / Fraction(step))
    while multiple(k + 1) <= value:
        k += 1
    while multiple(k) > value:
        k -= 1
    return multiple(k)


def correlate(ours: Market, theirs: Market) -> float:
    """Pearson's r of the last returns both have, up to our latest; 1 where it cannot be told."""
    latest_first = reversed(ours.times[1 : ours.row + 1])
    times = list(islice((t for t in latest_first if t in theirs.returns), WINDOW))
    if len(times) < LEAST_RETURNS:
        return 1.0
    x = [ours.returns[t] for t in times]
    y = [theirs.returns[t] for t in times]
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    var_x = math.fsum((a - mean_x) ** 2 for a in x)
    var_y = math.fsum((b - mean_y) ** 2 for b in y)
    # Equal returns leave rounding dust, which is no variance.
    if var_x <= DUST * math.fsum(a * a for a in x) or var_y <= DUST * math.fsum(b * b for b in y):
        return 1.0
    both = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return both / math.sqrt(var_x * var_y)
