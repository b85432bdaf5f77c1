"""Moving averages."""

from __future__ import annotations

import numpy as np
from numba import njit

from leeward.domain.columns import FloatColumn
from leeward.indicators.table import Need, indicator, rows_to_forget


def _ema_need(period: int) -> Need:
    return Need(period - 1, period + rows_to_forget(2 / (period + 1)))


@indicator(_ema_need)
def ema(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the exponential moving average with weight 2 / (period + 1).

    Starts as the mean of the first `period` values, as TA-Lib computes it. Row t uses rows <= t;
    the first period - 1 rows are NaN. Leading NaN are skipped, a NaN further on restarts it.
    """
    return _recursive_mean(values, period, 2.0 / (period + 1.0))


@njit(cache=True, nogil=True)
def _recursive_mean(values: FloatColumn, period: int, alpha: float) -> FloatColumn:
    out = np.empty(len(values))
    total = 0.0
    seen = 0
    average = 0.0
    for t in range(len(values)):
        value = values[t]
        if value != value:
            seen = 0
            total = 0.0
            out[t] = np.nan
        elif seen >= period:
            average = alpha * value + (1.0 - alpha) * average
            out[t] = average
        else:
            total += value
            seen += 1
            if seen == period:
                average = total / period
                out[t] = average
            else:
                out[t] = np.nan
    return out
