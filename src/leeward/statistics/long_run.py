"""The variance of a mean over time, where one value resembles the next."""

from __future__ import annotations

import numpy as np

from leeward.domain.columns import FloatColumn


def long_run_variance(values: FloatColumn, lags: int) -> float:
    """Returns n times the variance of the mean of n values that may be correlated over `lags`.

    Never negative, and the population variance for no lags. Source: Newey and West, Econometrica
    55(3), 1987. NaN where a value is.

    >>> long_run_variance(np.array([1.0, -1.0, 1.0, -1.0]), 1)
    0.25
    """
    offset = values - np.mean(values)
    total = float(offset @ offset)
    for lag in range(1, min(lags, len(values) - 1) + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * float(offset[lag:] @ offset[:-lag])
    return max(total, 0.0) / len(values)


def usual_lags(observations: int) -> int:
    """Returns the lags to allow for where nothing is known: 4 (n / 100)^(2/9), rounded down.

    Source: Newey and West, Review of Economic Studies 61(4), 1994.
    """
    return int(4.0 * (observations / 100.0) ** (2.0 / 9.0))
