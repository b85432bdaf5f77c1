"""Rolling windows, compiled: each result is made from the rows of its own window and no others.

A window of one row is doubled, and lengthened by one, along the binary digits of the period, in
the same way at every row. Nothing is carried from row to row: nothing drifts, a price level left
behind leaves no trace, a NaN leaves with its row, and a result is the same to the last bit
whatever lies before its window. A row costs about log2(period) steps, several rows at a time.
"""

from __future__ import annotations

import numpy as np

from leeward.compiled import compiled, compiled_alone
from leeward.domain.columns import FloatColumn

#: What is computed; the last two have a second result beside the mean.
_HIGHEST, _LOWEST, _MEAN, _DEVIATION, _LINEAR = range(5)
#: Rows worked on at a time, so that what passes between two steps stays in the fastest cache.
_CHUNK = 512


def rolling_highest(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the largest of the last `period` rows."""
    return _filled(values, period, _HIGHEST)[0]


def rolling_lowest(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the smallest of the last `period` rows."""
    return _filled(values, period, _LOWEST)[0]


def rolling_mean(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the mean of the last `period` rows; of equal rows exactly their value."""
    return _filled(values, period, _MEAN)[0]


def rolling_deviation(values: FloatColumn, period: int) -> tuple[FloatColumn, FloatColumn]:
    """Returns the mean and the population standard deviation; of equal rows exactly 0."""
    return _filled(values, period, _DEVIATION)


def rolling_linear_mean(values: FloatColumn, period: int) -> FloatColumn:
    """Returns the mean with weights 1 (oldest row) to `period`; of equal rows their value."""
    return _filled(values, period, _LINEAR)[1]


def _filled(values: FloatColumn, period: int, kind: int) -> tuple[FloatColumn, FloatColumn]:
    # Always of one type, so that it is compiled once: see `leeward.indicators.table`.
    values = values.view()
    values.flags.writeable = False
    # NumPy's memory, not Numba's: for long columns it comes in large pages, several times faster.
    out = np.empty(len(values))
    second = np.empty(len(values) if kind >= _DEVIATION else 0)
    _rolling(values, period, kind, out, second)
    return out, second


@compiled_alone
def _rolling(
    values: FloatColumn, period: int, kind: int, out: FloatColumn, second: FloatColumn
) -> None:
    rows = len(values)
    warm_up = min(period - 1, rows)
    out[:warm_up] = np.nan
    second[:warm_up] = np.nan
    chunk = max(_CHUNK, 4 * period)
    scratch = np.empty((6, min(chunk, rows - warm_up) + warm_up))
    for first in range(warm_up, rows, chunk):
        last = min(first + chunk, rows)
        window = values[first - warm_up : last]
        _fill(window, period, kind, scratch, out[first:last], second[first:])


@compiled
def _fill(
    values: FloatColumn,
    period: int,
    kind: int,
    scratch: FloatColumn,
    out: FloatColumn,
    second: FloatColumn,
) -> None:
    """Writes the result of each window that ends in row period - 1 of `values` or later."""
    rows = len(values)
    single, single_2 = scratch[0][:rows], scratch[1][:rows]
    now, now_2 = scratch[2][:rows], scratch[3][:rows]
    new, new_2 = scratch[4][:rows], scratch[5][:rows]
    for t in range(rows):
        now[t] = single[t] = values[t]
    if kind >= _DEVIATION:
        for t in range(rows):
            # One row deviates by 0, or by NaN where it is NaN.
            now_2[t] = single_2[t] = values[t] if kind == _LINEAR else values[t] - values[t]
    digit = 1
    while 2 * digit <= period:
        digit *= 2
    width = 1
    lengthen = False
    while lengthen or digit > 1:
        if lengthen:
            older, older_2, more = single, single_2, 1
        else:
            older, older_2, more = now, now_2, width
            digit //= 2
        _join(kind, now, now_2, width, older, older_2, more, new, new_2)
        now, now_2, new, new_2 = new, new_2, now, now_2
        width += more
        lengthen = not lengthen and period & digit != 0
    _finish(kind, period, now[period - 1 :], now_2[period - 1 :], out, second)


@compiled
def _finish(
    kind: int,
    period: int,
    now: FloatColumn,
    now_2: FloatColumn,
    out: FloatColumn,
    second: FloatColumn,
) -> None:
    for t in range(len(out)):
        out[t] = now[t]
    if kind == _DEVIATION:
        share = 1.0 / period
        for t in range(len(out)):
            second[t] = np.sqrt(now_2[t] * share)
    elif kind == _LINEAR:
        for t in range(len(out)):
            second[t] = now_2[t]


@compiled
def _join(  # noqa: PLR0913 - a compiled kernel; columns of their own let the loops run wide
    kind: int,
    newer: FloatColumn,
    newer_2: FloatColumn,
    n: int,
    older: FloatColumn,
    older_2: FloatColumn,
    m: int,
    new: FloatColumn,
    new_2: FloatColumn,
) -> None:
    """Joins the window of the last n rows with the window of the m rows before, at every row."""
    first, last = n + m - 1, len(newer) - n
    a, b, new = newer[first:], older[m - 1 : last], new[first:]
    if kind == _HIGHEST:
        for t in range(len(new)):
            new[t] = a[t] if (a[t] > b[t]) | (a[t] != a[t]) else b[t]
    elif kind == _LOWEST:
        for t in range(len(new)):
            new[t] = a[t] if (a[t] < b[t]) | (a[t] != a[t]) else b[t]
    else:
        share = m / (n + m)
        for t in range(len(new)):
            new[t] = a[t] + (b[t] - a[t]) * share
    if kind < _DEVIATION:
        return
    a_2, b_2, new_2 = newer_2[first:], older_2[m - 1 : last], new_2[first:]
    if kind == _DEVIATION:
        # Squared distances from the mean of two groups: Chan, Golub and LeVeque (1979).
        between = n * m / (n + m)
        for t in range(len(new)):
            distance = a[t] - b[t]
            new_2[t] = (a_2[t] + b_2[t]) + distance * distance * between
    else:
        # The newer rows weigh m more than they did among themselves.
        weight = (n + m) * (n + m + 1.0)
        lifted, older_share = 2.0 * n * m / weight, m * (m + 1.0) / weight
        for t in range(len(new)):
            new_2[t] = a_2[t] + (a[t] - a_2[t]) * lifted + (b_2[t] - a_2[t]) * older_share
