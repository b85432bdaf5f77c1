"""How far prices range, and in which direction (Wilder, New Concepts in Technical Trading, 1978).

Wilder's average moves by 1 / period of the difference a row; it starts as a plain mean.
"""

from __future__ import annotations

from typing import NamedTuple

from leeward.compiled import compiled_alone
from leeward.domain.columns import FloatColumn
from leeward.indicators.runs import over_runs
from leeward.indicators.table import MOVES, Need, indicator, rows_to_forget


@indicator(lambda: Need(1, 2))
def true_range(high: FloatColumn, low: FloatColumn, close: FloatColumn) -> FloatColumn:
    """Returns the range of a candle and the close before it, in price units.

    The first row is NaN: it has no close before it.

    >>> import numpy as np
    >>> true_range(np.array([9.0, 7.0]), np.array([8.0, 6.0]), np.array([8.5, 6.5])).tolist()
    [nan, 2.5]
    """
    return over_runs(_true_ranges, [high, low, close], [], 1)[0]


def atr_need(period: int) -> Need:
    return Need(period, period + 1 + rows_to_forget(1 / period, MOVES))


@indicator(atr_need)
def atr(high: FloatColumn, low: FloatColumn, close: FloatColumn, period: int) -> FloatColumn:
    """Returns the average true range, in price units.

    The first value, in row `period`, is the mean of the true ranges of rows 1 to `period`; then
    Wilder's average, as TA-Lib computes it. The first `period` rows are NaN.

    >>> import numpy as np
    >>> close = np.array([8.0, 9.0, 8.0, 4.0])
    >>> atr(close + 1, close - 1, close, 2).tolist()
    [nan, nan, 2.0, 3.5]
    """
    return over_runs(_atr, [high, low, close], [period], period)[0]


class Directional(NamedTuple):
    """Strength of the trend and its two directions, each 0 to 100."""

    adx: FloatColumn
    plus_di: FloatColumn
    minus_di: FloatColumn


def _adx_need(period: int) -> Need:
    return Need(2 * period - 1, 2 * period + rows_to_forget(1 / period, MOVES))


@indicator(_adx_need)
def adx(high: FloatColumn, low: FloatColumn, close: FloatColumn, period: int) -> Directional:
    """Returns the average directional index with the indicators +DI and -DI, in percent.

    +DI (-DI) is the average upward (downward) move of the highs (lows) per average true range,
    ADX the average of |+DI - -DI| / (+DI + -DI), as TA-Lib computes them; all are 0 where nothing
    has moved. They start together: the first 2 period - 1 rows are NaN.

    >>> import numpy as np
    >>> rising = np.arange(1.0, 7.0)
    >>> [column[-1].item() for column in adx(rising + 1, rising - 1, rising, 2)]
    [100.0, 50.0, 0.0]
    """
    return Directional(*over_runs(_adx, [high, low, close], [period], 2 * period - 1, results=3))


@compiled_alone
def _true_range(high: FloatColumn, low: FloatColumn, close: FloatColumn, t: int) -> float:
    return max(high[t], close[t - 1]) - min(low[t], close[t - 1])


@compiled_alone
def _true_ranges(high: FloatColumn, low: FloatColumn, close: FloatColumn, out: FloatColumn) -> None:
    for t in range(1, len(out)):
        out[t] = _true_range(high, low, close, t)


@compiled_alone
def _atr(
    high: FloatColumn, low: FloatColumn, close: FloatColumn, period: int, out: FloatColumn
) -> None:
    average = 0.0
    for t in range(1, period + 1):
        average += _true_range(high, low, close, t)
    average /= period
    out[period] = average
    weight = 1.0 / period
    for t in range(period + 1, len(out)):
        average += weight * (_true_range(high, low, close, t) - average)
        out[t] = average


@compiled_alone
def _moves(high: FloatColumn, low: FloatColumn, t: int) -> tuple[float, float]:
    """Returns the upward and the downward move; only the larger one counts."""
    up, down = high[t] - high[t - 1], low[t - 1] - low[t]
    return (up if up > max(down, 0.0) else 0.0), (down if down > max(up, 0.0) else 0.0)


@compiled_alone
def _adx(  # noqa: PLR0913 - a compiled kernel writes into what it is given
    high: FloatColumn,
    low: FloatColumn,
    close: FloatColumn,
    period: int,
    out: FloatColumn,
    plus_di: FloatColumn,
    minus_di: FloatColumn,
) -> None:
    weight = 1.0 / period
    plus = minus = span = strength = 0.0
    for t in range(1, period):
        # TA-Lib starts these averages from one row less than they are long.
        up, down = _moves(high, low, t)
        plus += weight * up
        minus += weight * down
        span += weight * _true_range(high, low, close, t)
    start = 2 * period - 1
    for t in range(period, len(out)):
        up, down = _moves(high, low, t)
        plus += weight * (up - plus)
        minus += weight * (down - minus)
        span += weight * (_true_range(high, low, close, t) - span)
        moved = plus + minus
        one_sided = 100.0 * abs(plus - minus) / moved if moved > 0.0 else 0.0
        if t <= start:
            strength += one_sided / period
        else:
            strength += weight * (one_sided - strength)
        if t >= start:
            out[t] = strength
            plus_di[t] = 100.0 * plus / span if span > 0.0 else 0.0
            minus_di[t] = 100.0 * minus / span if span > 0.0 else 0.0
