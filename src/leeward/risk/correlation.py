"""How closely two symbols move together."""

from __future__ import annotations

import numpy as np

from leeward.compiled import compiled
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
    n = 0
    sum_a = sum_b = sum_aa = sum_bb = sum_ab = 0.0
    t = last
    while t >= 0 and n < WINDOW:
        x, y = a[t], b[t]
        if not (np.isnan(x) or np.isnan(y)):
            n += 1
            sum_a += x
            sum_b += y
            sum_aa += x * x
            sum_bb += y * y
            sum_ab += x * y
        t -= 1
    if n < _FEWEST:
        return True
    variance_a = sum_aa - sum_a * sum_a / n
    variance_b = sum_bb - sum_b * sum_b / n
    # Equal returns leave rounding dust, not variance.
    if variance_a <= 1e-12 * sum_aa or variance_b <= 1e-12 * sum_bb:
        return True
    covariance = sum_ab - sum_a * sum_b / n
    return covariance >= threshold * np.sqrt(variance_a * variance_b)
