"""Bands around the price, and the trailing line made from them."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from leeward.compiled import compiled_alone
from leeward.domain.columns import FloatColumn
from leeward.indicators.averages import ema, ema_need
from leeward.indicators.ranges import atr, atr_need
from leeward.indicators.runs import over_runs
from leeward.indicators.table import Need, indicator
from leeward.indicators.windows import rolling_deviation, rolling_highest, rolling_lowest


class Bands(NamedTuple):
    """An upper and a lower band and the line between them, in price units."""

    upper: FloatColumn
    middle: FloatColumn
    lower: FloatColumn


def _bollinger_need(period: int, deviations: float) -> Need:
    del deviations
    return Need(period - 1, period)


@indicator(_bollinger_need)
def bollinger(values: FloatColumn, period: int = 20, deviations: float = 2.0) -> Bands:
    """Returns SMA(period) and `deviations` population standard deviations around it (Bollinger).

    In units of `values`; the first period - 1 rows are NaN.

    >>> [column.tolist() for column in bollinger(np.array([1.0, 3.0]), 2, 2.0)]
    [[nan, 4.0], [nan, 2.0], [nan, 0.0]]
    """
    middle, width = rolling_deviation(values, period)
    upper, lower = np.empty(len(values)), np.empty(len(values))
    _around(middle, width, deviations, upper, lower)
    return Bands(upper, middle, lower)


@indicator(lambda period: Need(period - 1, period))
def donchian(high: FloatColumn, low: FloatColumn, period: int) -> Bands:
    """Returns the highest high and lowest low of the last `period` rows, and their middle.

    In price units. The newest row counts, so no high lies above its own upper band: a breakout
    compares with the row before, `crossed_above(close, shift(donchian(high, low, 20).upper, 1))`.
    The first period - 1 rows are NaN.

    >>> price = np.array([1.0, 5.0, 2.0, 2.0])
    >>> [column.tolist() for column in donchian(price, price, 2)]
    [[nan, 5.0, 5.0, 2.0], [nan, 3.0, 3.5, 2.0], [nan, 1.0, 2.0, 2.0]]
    """
    upper, lower = rolling_highest(high, period), rolling_lowest(low, period)
    return Bands(upper, _middle(upper, lower), lower)


def _keltner_need(period: int, atr_period: int, multiple: float) -> Need:
    del multiple
    return ema_need(period).beside(atr_need(atr_period))


@indicator(_keltner_need)
def keltner(
    high: FloatColumn,
    low: FloatColumn,
    close: FloatColumn,
    period: int = 20,
    atr_period: int = 10,
    multiple: float = 2.0,
) -> Bands:
    """Returns EMA(period) of the close and `multiple` ATR(atr_period) around it.

    In price units; Keltner's bands as Raschke draws them. All three start together: the first
    max(period - 1, atr_period) rows are NaN.

    >>> close = np.array([8.0, 9.0, 10.0])
    >>> [column.tolist() for column in keltner(close + 1, close - 1, close, 1, 1, 1.5)]
    [[nan, 12.0, 13.0], [nan, 9.0, 10.0], [nan, 6.0, 7.0]]
    """
    settings = [period, atr_period, multiple]
    warm_up = max(period - 1, atr_period)
    return Bands(*over_runs(_keltner, [high, low, close], settings, warm_up, results=3))


class Supertrend(NamedTuple):
    """The trailing line in price units, and the direction: 1 rising, -1 falling."""

    line: FloatColumn
    direction: FloatColumn


def _supertrend_need(period: int, multiple: float) -> Need:
    del multiple
    return replace(atr_need(period), unbounded=True)


@indicator(_supertrend_need)
def supertrend(
    high: FloatColumn,
    low: FloatColumn,
    close: FloatColumn,
    period: int = 10,
    multiple: float = 3.0,
) -> Supertrend:
    """Returns the band `multiple` ATR(period) from the middle of the candle that the trend rides.

    Below the price while it rises, above while it falls (Seban). A band moves towards the price
    only, until a close lies beyond it; the direction turns when the close crosses the line. It
    starts falling, as charting sites draw it. The first `period` rows are NaN. The line remembers
    without bound: results depend on the first candle.

    >>> close = np.array([10.0, 10.0, 14.0, 13.0])
    >>> [column.tolist() for column in supertrend(close + 1, close - 1, close, 1, 1.0)]
    [[nan, 12.0, 9.0, 11.0], [nan, -1.0, 1.0, 1.0]]
    """
    columns = [high, low, close, atr(high, low, close, period)]
    return Supertrend(*over_runs(_supertrend, columns, [multiple], 0, results=2))


def _keltner(  # noqa: PLR0913 - a kernel writes into what it is given
    high: FloatColumn,
    low: FloatColumn,
    close: FloatColumn,
    period: int,
    atr_period: int,
    multiple: float,
    upper: FloatColumn,
    middle: FloatColumn,
    lower: FloatColumn,
) -> None:
    warm_up = max(period - 1, atr_period)
    middle[warm_up:] = ema(close, period)[warm_up:]
    width = atr(high, low, close, atr_period)
    _around(middle[warm_up:], width[warm_up:], multiple, upper[warm_up:], lower[warm_up:])


@compiled_alone
def _around(
    middle: FloatColumn,
    width: FloatColumn,
    multiple: float,
    upper: FloatColumn,
    lower: FloatColumn,
) -> None:
    for t in range(len(middle)):
        upper[t] = middle[t] + multiple * width[t]
        lower[t] = middle[t] - multiple * width[t]


@compiled_alone
def _middle(upper: FloatColumn, lower: FloatColumn) -> FloatColumn:
    """Returns the middle, and makes both bands NaN where one is."""
    out = np.empty(len(upper))
    for t in range(len(out)):
        out[t] = (upper[t] + lower[t]) / 2.0
        upper[t] = upper[t] if out[t] == out[t] else np.nan
        lower[t] = lower[t] if out[t] == out[t] else np.nan
    return out


@compiled_alone
def _supertrend(  # noqa: PLR0913 - a compiled kernel writes into what it is given
    high: FloatColumn,
    low: FloatColumn,
    close: FloatColumn,
    average_range: FloatColumn,
    multiple: float,
    line: FloatColumn,
    direction: FloatColumn,
) -> None:
    upper, lower, rising = np.inf, -np.inf, False
    for t in range(len(line)):
        middle = (high[t] + low[t]) / 2.0
        reach = multiple * average_range[t]
        before = close[max(t - 1, 0)]
        if middle + reach < upper or before > upper:
            upper = middle + reach
        if middle - reach > lower or before < lower:
            lower = middle - reach
        if t > 0:
            rising = close[t] >= lower if rising else close[t] > upper
        line[t] = lower if rising else upper
        direction[t] = 1.0 if rising else -1.0
