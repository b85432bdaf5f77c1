"""Moving averages, and the distance between two of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leeward.compiled import compiled_alone
from leeward.domain.columns import FloatColumn
from leeward.domain.errors import BadUsage
from leeward.indicators.runs import over_runs
from leeward.indicators.table import DIFFERENCE, Need, indicator, rows_to_forget
from leeward.indicators.windows import rolling_linear_mean, rolling_mean


def _window_need(period: int) -> Need:
    return Need(period - 1, period)


@indicator(_window_need)
def sma(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the mean of the last `period` rows, in units of `values`.

    The first period - 1 rows are NaN.

    >>> sma(np.array([1.0, 2.0, 6.0]), 2).tolist()
    [nan, 1.5, 4.0]
    """
    return rolling_mean(values, period)


def ema_need(period: int) -> Need:
    return Need(period - 1, period + rows_to_forget(2 / (period + 1)))


@indicator(ema_need)
def ema(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the exponential moving average with weight 2 / (period + 1), in units of `values`.

    Starts as the mean of the first `period` rows, as TA-Lib computes it; the first period - 1
    rows are NaN.

    >>> ema(np.array([1.0, 2.0, 3.0, 9.0]), 3).tolist()
    [nan, nan, 2.0, 5.5]
    """
    return over_runs(_exponential, [values], [period], period - 1)[0]


@indicator(_window_need)
def wma(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the mean of the last `period` rows weighted 1, 2, ... `period`, newest most.

    In units of `values`; the first period - 1 rows are NaN.

    >>> wma(np.array([3.0, 6.0, 9.0]), 2).tolist()
    [nan, 5.0, 8.0]
    """
    return rolling_linear_mean(values, period)


@indicator(_window_need)
def vwap(
    high: FloatColumn, low: FloatColumn, close: FloatColumn, volume: FloatColumn, period: int
) -> FloatColumn:
    """Returns the volume-weighted mean of the last `period` typical prices, in price units.

    The typical price is (high + low + close) / 3. The first period - 1 rows are NaN, and so is a
    window without volume.

    >>> price = np.array([1.0, 2.0, 2.0])
    >>> vwap(price, price, price, np.array([3.0, 1.0, 0.0]), 2).tolist()
    [nan, 1.25, 2.0]
    """
    traded = rolling_mean(_typical_notional(high, low, close, volume), period)
    _divide(traded, rolling_mean(volume, period))
    return traded


class Macd(NamedTuple):
    """The fast average minus the slow one, its own average, and the line minus that signal."""

    line: FloatColumn
    signal: FloatColumn
    histogram: FloatColumn


def _macd_need(fast: int, slow: int, signal: int) -> Need:
    slowest = max(fast, slow, signal)
    rows = slow + signal - 1
    return Need(rows - 1, rows + rows_to_forget(2 / (slowest + 1), DIFFERENCE))


@indicator(_macd_need)
def macd(values: FloatColumn, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Returns EMA(fast) - EMA(slow), the EMA(signal) of it, and their difference (Appel, 1979).

    In units of `values`. All three start together, in row slow + signal - 2, and the fast average
    starts with the slow one, as the mean of the `fast` rows up to there, as TA-Lib computes them.

    >>> [column.tolist() for column in macd(np.array([1.0, 3.0, 5.0, 9.0]), 1, 3, 2)]
    [[nan, nan, nan, 3.0], [nan, nan, nan, 2.5], [nan, nan, nan, 0.5]]
    """
    if fast >= slow:
        raise BadUsage(f"macd: fast is {fast}, slow is {slow}; fast must be the smaller one")
    return Macd(*over_runs(_macd, [values], [fast, slow, signal], slow + signal - 2, results=3))


@compiled_alone
def _mean(values: FloatColumn) -> float:
    # Around the first value: the mean of equal prices is that price to the last bit, so that a
    # dead market crosses no average.
    excess = 0.0
    for value in values:
        excess += value - values[0]
    return values[0] + excess / len(values)


@compiled_alone
def _exponential(values: FloatColumn, period: int, out: FloatColumn) -> None:
    weight = 2.0 / (period + 1.0)
    average = _mean(values[:period])
    out[period - 1] = average
    for t in range(period, len(values)):
        average += weight * (values[t] - average)
        out[t] = average


@compiled_alone
def _macd(  # noqa: PLR0913 - a compiled kernel writes into what it is given
    values: FloatColumn,
    fast: int,
    slow: int,
    signal: int,
    line: FloatColumn,
    trigger: FloatColumn,
    histogram: FloatColumn,
) -> None:
    fast_weight, slow_weight, weight = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0), 2.0 / (signal + 1.0)
    fast_average, slow_average = _mean(values[slow - fast : slow]), _mean(values[:slow])
    start = slow + signal - 2
    average = fast_average - slow_average
    for t in range(slow, start + 1):
        fast_average += fast_weight * (values[t] - fast_average)
        slow_average += slow_weight * (values[t] - slow_average)
        average += fast_average - slow_average
    average /= signal
    line[start], trigger[start] = fast_average - slow_average, average
    histogram[start] = line[start] - average
    for t in range(start + 1, len(values)):
        fast_average += fast_weight * (values[t] - fast_average)
        slow_average += slow_weight * (values[t] - slow_average)
        distance = fast_average - slow_average
        average += weight * (distance - average)
        line[t], trigger[t], histogram[t] = distance, average, distance - average


@compiled_alone
def _typical_notional(
    high: FloatColumn, low: FloatColumn, close: FloatColumn, volume: FloatColumn
) -> FloatColumn:
    out = np.empty(len(close))
    for t in range(len(out)):
        out[t] = (high[t] + low[t] + close[t]) / 3.0 * volume[t]
    return out


@compiled_alone
def _divide(values: FloatColumn, by: FloatColumn) -> None:
    for t in range(len(values)):
        values[t] = values[t] / by[t] if by[t] != 0.0 else np.nan
