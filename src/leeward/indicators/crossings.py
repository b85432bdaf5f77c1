"""Comparisons of a row with one before it. They look at those two rows only."""

from __future__ import annotations

import numpy as np

from leeward.compiled import compiled_alone
from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.indicators.table import Need, indicator


@indicator(lambda rows: Need(rows, rows + 1))
def shift(values: FloatColumn, rows: int) -> FloatColumn:
    """Returns the value `rows` rows before; the first `rows` rows are NaN. Never the future.

    >>> shift(np.array([1.0, 2.0, 3.0]), 1).tolist()
    [nan, 1.0, 2.0]
    """
    out = np.full(len(values), np.nan)
    out[rows:] = values[:-rows]
    return out


@indicator(lambda: Need(1, 2))
def crossed_above(a: FloatColumn, b: FloatColumn | float) -> BoolColumn:
    """Returns whether a[t] > b[t] and a[t-1] <= b[t-1]; False in row 0 and beside NaN.

    `b` may be a column or a level.

    >>> crossed_above(np.array([1.0, 2.0, 3.0]), 1.5).tolist()
    [False, True, False]
    """
    return _crossed_above(a, np.asarray(b))


@indicator(lambda: Need(1, 2))
def crossed_below(a: FloatColumn, b: FloatColumn | float) -> BoolColumn:
    """Returns whether a[t] < b[t] and a[t-1] >= b[t-1]; False in row 0 and beside NaN.

    `b` may be a column or a level.

    >>> crossed_below(np.array([3.0, 2.0, 1.0]), 2.0).tolist()
    [False, False, True]
    """
    return _crossed_above(np.asarray(b), a)


@compiled_alone
def _crossed_above(a: FloatColumn, b: FloatColumn) -> BoolColumn:
    out = np.empty(len(a), np.bool_)
    out[:1] = False
    later, a_now, b_now = out[1:], a[1:], b[1:]
    for t in range(len(later)):
        later[t] = (a_now[t] > b_now[t]) & (a[t] <= b[t])
    return out
