"""How a model fares over the last rows, at every row: drift of what it sees, hits of its bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from leeward.compiled import compiled_alone
from leeward.domain.columns import ByteColumn, FloatColumn, IntColumn

_LEVELS = np.linspace(0.1, 0.9, 9)
#: Share that says nothing yet.
UNSETTLED = 2


def trailing_share(rows: IntColumn, held: ByteColumn, span: int, fewest: int) -> FloatColumn:
    """Returns, for each event, the share of 1 among those before it in its last `span` rows.

    `rows` increases; `held` is 1, 0 or `UNSETTLED`, which does not count. NaN where fewer than
    `fewest` count. Event i is left out of its own share: it is not settled yet.

    >>> rows, held = np.arange(4), np.array([1, 0, 1, 1], np.uint8)
    >>> trailing_share(rows, held, span=3, fewest=1).tolist()
    [nan, 1.0, 0.5, 0.5]
    """
    return _share(rows, held, span, fewest)


def trailing_stability(
    rows: IntColumn,
    values: FloatColumn,
    reference: Sequence[float],
    span: int,
    fewest: int,
    since: int = 0,
) -> FloatColumn:
    """Returns `stability_index` of the values in the last `span` rows, for each of them.

    `rows` increases and `values` are finite. NaN where there are fewer than `fewest`, and for the
    events before `since`, which are there for the others alone.
    """
    edges, expected = _tenths(tuple(reference))
    return _stability(rows, values, edges, expected, span, max(fewest, 1), since)


@lru_cache(maxsize=64)  # asked for after every candle
def _tenths(reference: tuple[float, ...]) -> tuple[FloatColumn, FloatColumn]:
    """Returns the values between bins, and the share expected in each."""
    edges, first, count = np.unique(np.array(reference), return_index=True, return_counts=True)
    single = count == 1
    cuts = np.concatenate([[0.0], _LEVELS[first[single]], [1.0]])
    return edges[single], np.diff(cuts)


@compiled_alone
def _share(rows: IntColumn, held: ByteColumn, span: int, fewest: int) -> FloatColumn:
    out = np.full(len(rows), np.nan)
    first, counted, ones = 0, 0, 0
    for i in range(len(rows)):
        while rows[first] <= rows[i] - span:
            counted -= held[first] < UNSETTLED
            ones -= held[first] == 1
            first += 1
        if counted >= fewest:
            out[i] = ones / counted
        counted += held[i] < UNSETTLED
        ones += held[i] == 1
    return out


@compiled_alone
def _stability(  # noqa: PLR0913 - a compiled kernel
    rows: IntColumn,
    values: FloatColumn,
    edges: FloatColumn,
    expected: FloatColumn,
    span: int,
    fewest: int,
    since: int,
) -> FloatColumn:
    out = np.full(len(rows), np.nan)
    bins = np.searchsorted(edges, values)
    counts = np.zeros(len(expected), np.int64)
    first = 0
    for i in range(len(rows)):
        while rows[first] <= rows[i] - span:
            counts[bins[first]] -= 1
            first += 1
        counts[bins[i]] += 1
        known = i - first + 1
        if known < fewest or i < since:
            continue
        total = known + 0.5 * len(expected)
        index = 0.0
        for b in range(len(expected)):
            share = (counts[b] + 0.5) / total
            index += (share - expected[b]) * math.log(share / expected[b])
        out[i] = index
    return out
