"""The rule of the trend gate, apart from its computing: what reads settings compiles nothing."""

from __future__ import annotations

from dataclasses import dataclass

from leeward.domain.errors import BadConfig

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
