"""An average whose speed changes from row to row, and a measure to set that speed by."""

from __future__ import annotations

import numpy as np

from leeward.compiled import compiled_alone
from leeward.domain.columns import FloatColumn
from leeward.indicators.averages import ema_need
from leeward.indicators.runs import over_runs
from leeward.indicators.table import Need, indicator
from leeward.indicators.windows import rolling_mean


@indicator(lambda period: Need(period, period + 1))
def efficiency_ratio(values: FloatColumn, period: int) -> FloatColumn:
    """Returns how straight the last `period` moves were, 0 to 1 (Kaufman, 1995).

    The distance covered divided by the length of the way: 1 when every move went the same way, near
    0 when they cancelled out, and 0 when nothing moved. The first `period` rows are NaN.

    >>> efficiency_ratio(np.array([1.0, 2.0, 3.0, 2.0, 2.0, 2.0]), 2).tolist()
    [nan, nan, 1.0, 0.0, 1.0, 0.0]
    """
    moves = np.abs(np.diff(values, prepend=np.nan))
    moves.flags.writeable = False  # as every column is: windows are compiled for no other kind
    return _ratio(values, rolling_mean(moves, period), period)


def _adaptive_ema_need(fast: int, slow: int) -> Need:
    # The weight is never below that of the slowest average, whatever the speed.
    return ema_need(max(fast, slow))


@indicator(_adaptive_ema_need)
def adaptive_ema(values: FloatColumn, speed: FloatColumn, fast: int, slow: int) -> FloatColumn:
    """Returns an exponential average that moves as EMA(slow) at speed 0, as EMA(fast) at speed 1.

    In between the weight of the row is in proportion; a speed outside 0 to 1 counts as the nearer
    of the two. In units of `values`. Starts as the mean of the first max(fast, slow) rows in which
    both columns are known; rows before are NaN.

    >>> adaptive_ema(np.array([1.0, 3.0, 5.0, 8.0]), np.array([0.0, 0.0, 1.0, 0.5]), 1, 3).tolist()
    [nan, nan, 3.0, 6.75]
    """
    slowest = max(fast, slow)
    return over_runs(_adaptive, [values, speed], [fast, slow], slowest - 1)[0]


@compiled_alone
def _ratio(values: FloatColumn, mean_move: FloatColumn, period: int) -> FloatColumn:
    out = np.full(len(values), np.nan)
    for t in range(period, len(values)):
        way = mean_move[t] * period
        if way > 0.0:
            out[t] = min(1.0, abs(values[t] - values[t - period]) / way)
        elif way == 0.0:
            out[t] = 0.0
    return out


@compiled_alone
def _adaptive(
    values: FloatColumn, speed: FloatColumn, fast: int, slow: int, out: FloatColumn
) -> None:
    fast_weight, slow_weight = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0)
    start = max(fast, slow)
    # Around the first value: of equal prices the mean is that price to the last bit.
    average = values[0] + (values[:start] - values[0]).mean()
    out[start - 1] = average
    for t in range(start, len(values)):
        share = min(1.0, max(0.0, speed[t]))
        weight = slow_weight + share * (fast_weight - slow_weight)
        average += weight * (values[t] - average)
        out[t] = average
