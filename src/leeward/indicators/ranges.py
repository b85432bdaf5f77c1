"""Indicators of how far prices range."""

from __future__ import annotations

import numpy as np
from numba import njit

from leeward.domain.columns import FloatColumn
from leeward.indicators.table import Need, indicator, rows_to_forget


def _atr_need(period: int) -> Need:
    return Need(period, period + 1 + rows_to_forget(1 / period))


@indicator(_atr_need)
def atr(high: FloatColumn, low: FloatColumn, close: FloatColumn, period: int) -> FloatColumn:
    """Returns the average true range (Wilder, 1978), in price units.

    The first value, at row `period`, is the mean of the true ranges of rows 1 to `period` (row 0
    has no previous close); then each row moves it by 1 / period of the difference, as TA-Lib
    computes it. The first `period` rows are NaN.
    """
    return _atr(high, low, close, period)


@njit(cache=True, nogil=True)
def _atr(high: FloatColumn, low: FloatColumn, close: FloatColumn, period: int) -> FloatColumn:
    out = np.full(len(close), np.nan)
    total = 0.0
    average = 0.0
    for t in range(1, len(close)):
        before = close[t - 1]
        true_range = max(high[t], before) - min(low[t], before)
        if t > period:
            average = (average * (period - 1) + true_range) / period
            out[t] = average
        else:
            total += true_range
            if t == period:
                average = total / period
                out[t] = average
    return out
