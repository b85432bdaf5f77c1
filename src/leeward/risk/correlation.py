"""How closely two symbols move together."""

from __future__ import annotations

import numpy as np

from leeward.compiled import compiled, compiled_in_any_order
from leeward.domain.columns import FloatColumn

#: Returns looked back at, and how many are the least to tell symbols apart.
WINDOW = 720
_FEWEST = 30


def log_returns(close: FloatColumn) -> FloatColumn:
    """Returns each row's log return against the row before; NaN in row 0."""
    returns = np.full(len(close), np.nan)
    returns[1:] = np.diff(np.log(close))
    return returns


@compiled
def correlated(a: FloatColumn, b: FloatColumn, last: int, threshold: float) -> bool:
    """Returns whether Pearson's r of the last 720 returns both have is at or above `threshold`.

    `a` and `b` hold log returns by open time, NaN where a symbol has none; rows after `last` are
    not looked at. Fewer than 30 pairs, or no variance, count as correlated: unknown is not safe.
    """
    if last + 1 >= WINDOW:
        moments = _moments(a[last + 1 - WINDOW : last + 1], b[last + 1 - WINDOW : last + 1])
        if not np.isnan(moments[0] + moments[1]):
            return _exceeds(WINDOW, moments, threshold)
    n = 0
    sum_a = sum_b = sum_aa = sum_bb = sum_ab = 0.0
    t = last
    while t >= 0 and n < WINDOW:
        if not (np.isnan(a[t]) or np.isnan(b[t])):
            n += 1
            sum_a += a[t]
            sum_b += b[t]
            sum_aa += a[t] * a[t]
            sum_bb += b[t] * b[t]
            sum_ab += a[t] * b[t]
        t -= 1
    return n < _FEWEST or _exceeds(n, (sum_a, sum_b, sum_aa, sum_bb, sum_ab), threshold)


@compiled_in_any_order
def _moments(a: FloatColumn, b: FloatColumn) -> tuple[float, float, float, float, float]:
    """Returns the sums of a, b, a squared, b squared and a times b."""
    sum_a = sum_b = sum_aa = sum_bb = sum_ab = 0.0
    for i in range(len(a)):
        sum_a += a[i]
        sum_b += b[i]
        sum_aa += a[i] * a[i]
        sum_bb += b[i] * b[i]
        sum_ab += a[i] * b[i]
    return sum_a, sum_b, sum_aa, sum_bb, sum_ab


@compiled
def _exceeds(n: int, moments: tuple[float, float, float, float, float], threshold: float) -> bool:
    sum_a, sum_b, sum_aa, sum_bb, sum_ab = moments
    variance_a = sum_aa - sum_a * sum_a / n
    variance_b = sum_bb - sum_b * sum_b / n
    # Equal returns leave rounding dust, not variance.
    if variance_a <= 1e-12 * sum_aa or variance_b <= 1e-12 * sum_bb:
        return True
    covariance = sum_ab - sum_a * sum_b / n
    return covariance >= threshold * np.sqrt(variance_a * variance_b)
