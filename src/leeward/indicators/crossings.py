"""Comparisons of a row with the one before it."""

from __future__ import annotations

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.indicators.table import Need, indicator


def _previous_need() -> Need:
    return Need(1, 2)


@indicator(lambda rows: Need(rows, rows + 1))
def shift(values: FloatColumn, rows: int) -> FloatColumn:
    """Returns the value `rows` rows before; the first `rows` rows are NaN. Never the future."""
    out = np.full(len(values), np.nan)
    out[rows:] = values[:-rows]
    return out


@indicator(_previous_need)
def crossed_above(a: FloatColumn, b: FloatColumn) -> BoolColumn:
    """Returns whether a[t] > b[t] and a[t-1] <= b[t-1]; False in row 0 and beside NaN."""
    out = np.zeros(len(a), dtype=bool)
    out[1:] = (a[1:] > b[1:]) & (a[:-1] <= b[:-1])
    return out


@indicator(_previous_need)
def crossed_below(a: FloatColumn, b: FloatColumn) -> BoolColumn:
    """Returns whether a[t] < b[t] and a[t-1] >= b[t-1]; False in row 0 and beside NaN."""
    out = np.zeros(len(a), dtype=bool)
    out[1:] = (a[1:] < b[1:]) & (a[:-1] >= b[:-1])
    return out
