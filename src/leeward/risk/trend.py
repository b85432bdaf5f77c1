"""The trend gate: buy only where the market already rises."""

from __future__ import annotations

import numpy as np

from leeward.compiled import compiled
from leeward.domain.columns import ByteColumn, FloatColumn
from leeward.indicators.averages import ema
from leeward.risk.trend_gate import AGAINST, UNKNOWN, WITH, TrendGate


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
