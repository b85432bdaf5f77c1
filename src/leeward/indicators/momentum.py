"""Momentum: how fast prices move, and where they stand in their recent range."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leeward.compiled import compiled_alone
from leeward.domain.columns import FloatColumn
from leeward.indicators.runs import over_runs
from leeward.indicators.table import MOVES, Need, indicator, rows_to_forget
from leeward.indicators.windows import rolling_highest, rolling_lowest, rolling_mean


def _rsi_need(period: int) -> Need:
    return Need(period, period + 1 + rows_to_forget(1 / period, MOVES))


@indicator(_rsi_need)
def rsi(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the relative strength index, 0 to 100: the share of gains in all movement.

    Gains and losses are Wilder's averages (New Concepts in Technical Trading, 1978), started as
    the means of the first `period` changes, as TA-Lib computes them; the first `period` rows are
    NaN. Where nothing has moved at all it is 0, which is TA-Lib's value and not a sign of a fall.

    >>> rsi(np.array([1.0, 4.0, 3.0, 5.0]), 2).tolist()
    [nan, nan, 75.0, 87.5]
    """
    return over_runs(_rsi, [values], [period], period)[0]


@indicator(lambda period: Need(period, period + 1))
def roc(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the rate of change against `period` rows before, in percent.

    The first `period` rows are NaN, and so is a change from zero.

    >>> roc(np.array([4.0, 5.0, 6.0]), 1).tolist()
    [nan, 25.0, 20.0]
    """
    return _roc(values, period)


class Stochastic(NamedTuple):
    """The smoothed place of the close in its range, and the average of that, each 0 to 100."""

    k: FloatColumn
    d: FloatColumn


def _stochastic_need(period: int, k_period: int, d_period: int) -> Need:
    rows = period + k_period + d_period - 2
    return Need(rows - 1, rows)


@indicator(_stochastic_need)
def stochastic(
    high: FloatColumn,
    low: FloatColumn,
    close: FloatColumn,
    period: int = 14,
    k_period: int = 3,
    d_period: int = 3,
) -> Stochastic:
    """Returns the slow stochastic (Lane): where the close stands in its range, 0 to 100.

    The place is 100 x (close - lowest low) / (highest high - lowest low) over `period` rows, 0
    where there is no range; %K is its mean over `k_period` rows and %D that of %K over `d_period`,
    as TA-Lib computes them. Both start together: the first period + k_period + d_period - 3 rows
    are NaN. k_period=1 gives the fast one.

    >>> close = np.array([2.0, 4.0, 4.0])
    >>> [column.tolist() for column in stochastic(close + 1, close - 1, close, 2, 1, 1)]
    [[nan, 75.0, 50.0], [nan, 75.0, 50.0]]
    """
    lengths = [period, k_period, d_period]
    warm_up = _stochastic_need(*lengths).warm_up
    return Stochastic(*over_runs(_stochastic, [high, low, close], lengths, warm_up, results=2))


@compiled_alone
def _rsi(values: FloatColumn, period: int, out: FloatColumn) -> None:
    gain = loss = 0.0
    for t in range(1, period + 1):
        change = values[t] - values[t - 1]
        gain += max(change, 0.0)
        loss += max(-change, 0.0)
    gain /= period
    loss /= period
    out[period] = 100.0 * gain / (gain + loss) if gain > 0.0 else 0.0
    weight = 1.0 / period
    for t in range(period + 1, len(values)):
        change = values[t] - values[t - 1]
        gain += weight * (max(change, 0.0) - gain)
        loss += weight * (max(-change, 0.0) - loss)
        out[t] = 100.0 * gain / (gain + loss) if gain > 0.0 else 0.0


@compiled_alone
def _roc(values: FloatColumn, period: int) -> FloatColumn:
    out = np.empty(len(values))
    out[:period] = np.nan
    later, now = out[period:], values[period:]
    for t in range(len(later)):
        later[t] = 100.0 * (now[t] - values[t]) / values[t] if values[t] != 0.0 else np.nan
    return out


def _stochastic(  # noqa: PLR0913 - a kernel writes into what it is given
    high: FloatColumn,
    low: FloatColumn,
    close: FloatColumn,
    period: int,
    k_period: int,
    d_period: int,
    k: FloatColumn,
    d: FloatColumn,
) -> None:
    place = _place(rolling_highest(high, period), rolling_lowest(low, period), close)
    smooth = rolling_mean(place, k_period)
    warm_up = period + k_period + d_period - 3
    k[warm_up:] = smooth[warm_up:]
    d[warm_up:] = rolling_mean(smooth, d_period)[warm_up:]


@compiled_alone
def _place(highest: FloatColumn, lowest: FloatColumn, close: FloatColumn) -> FloatColumn:
    """Returns the place of each close in its range, written over the highest."""
    for t in range(len(close)):
        span = highest[t] - lowest[t]
        highest[t] = 100.0 * (close[t] - lowest[t]) / span if span != 0.0 else 0.0
    return highest
