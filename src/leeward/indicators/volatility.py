"""How much values vary."""

from __future__ import annotations

import math

import numpy as np

from leeward.compiled import compiled_alone
from leeward.domain.columns import FloatColumn
from leeward.indicators.table import Need, indicator
from leeward.indicators.windows import rolling_deviation, rolling_mean


@indicator(lambda period: Need(period - 1, period))
def rolling_std(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the population standard deviation of the last `period` rows, in units of `values`.

    Of equal values it is exactly 0. The first period - 1 rows are NaN.

    >>> import numpy as np
    >>> rolling_std(np.array([1.0, 5.0, 5.0]), 2).tolist()
    [nan, 2.0, 0.0]
    """
    return rolling_deviation(values, period)[1]


def _realised_need(period: int, candles_per_year: float) -> Need:
    del candles_per_year
    return Need(period, period + 1)


@indicator(_realised_need)
def realised_volatility(close: FloatColumn, period: int, candles_per_year: float) -> FloatColumn:
    """Returns the realised volatility of the last `period` log returns, a fraction per year.

    The root of the mean squared log return times `candles_per_year` (8766 for hours: 365.25 days
    of 24): realised variance in the sense of Andersen and Bollerslev (1998), which takes no mean
    away, brought to a year. The first `period` rows are NaN; a price of zero or less counts as NaN.

    >>> import numpy as np
    >>> realised_volatility(np.array([1.0, np.exp(0.02), 1.0]), 2, 100.0).round(9).tolist()
    [nan, nan, 0.2]
    """
    variance = rolling_mean(_squared_returns(close), period)
    return np.sqrt(variance * candles_per_year)


@compiled_alone
def _squared_returns(close: FloatColumn) -> FloatColumn:
    out = np.empty(len(close))
    out[:1] = np.nan
    for t in range(1, len(out)):
        before = close[t - 1]
        if before > 0.0 and close[t] > 0.0:
            # log1p keeps all digits of a small return; the log of a ratio near 1 does not.
            out[t] = math.log1p((close[t] - before) / before) ** 2
        else:
            out[t] = np.nan
    return out
