"""The trend gate: buy only where the market already rises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leeward.compiled import compiled
from leeward.domain.columns import ByteColumn, FloatColumn
from leeward.domain.errors import BadConfig
from leeward.indicators.averages import ema

#: What the gate says of a row: its average is not known yet, entries are refused, or allowed.
UNKNOWN, AGAINST, WITH = range(3)


@dataclass(frozen=True, slots=True)
class TrendGate:
    """Entry only while close > EMA(period) and EMA(period) > its value `lookback` rows before."""

    period: int
    lookback: int

    @classmethod
    def parse(cls, text: str) -> TrendGate | None:
        """Returns the gate written as `ema:PERIOD:LOOKBACK`, or None for `off`.

        >>> TrendGate.parse("ema:200:10")
        TrendGate(period=200, lookback=10)
        """
        if text == "off":
            return None
        kind, *numbers = text.split(":")
        if kind != "ema" or len(numbers) != 2 or not all(n.isdecimal() for n in numbers):
            raise BadConfig(f"risk.trend_gate: '{text}' is not 'ema:PERIOD:LOOKBACK' or 'off'")
        gate = cls(int(numbers[0]), int(numbers[1]))
        if gate.period < 2 or gate.lookback < 1:
            raise BadConfig(f"risk.trend_gate: '{text}' needs a period >= 2 and a lookback >= 1")
        return gate


def trend_verdicts(gate: TrendGate | None, close: FloatColumn) -> ByteColumn:
    """Returns UNKNOWN, AGAINST or WITH for every row, from closes up to that row."""
    if gate is None:
        return np.full(len(close), WITH, dtype=np.uint8)
    verdicts = np.empty(len(close), dtype=np.uint8)
    _judge(np.ascontiguousarray(close), ema(close, gate.period), gate.lookback, verdicts)
    return verdicts


@compiled
def _judge(close: FloatColumn, average: FloatColumn, lookback: int, verdicts: ByteColumn) -> None:
    for t in range(len(close)):
        verdicts[t] = UNKNOWN
        if t >= lookback and not np.isnan(average[t - lookback]):
            rising = close[t] > average[t] and average[t] > average[t - lookback]
            verdicts[t] = WITH if rising else AGAINST
