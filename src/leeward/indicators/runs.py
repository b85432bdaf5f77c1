"""Runs of finite rows: how indicators that remember everything start, and start again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from leeward.domain.columns import FloatColumn


def over_runs(
    kernel: Callable[..., Any],
    columns: Sequence[FloatColumn],
    parameters: Sequence[float],
    warm_up: int,
    results: int = 1,
) -> tuple[FloatColumn, ...]:
    """Returns the columns that `kernel(*columns, *parameters, *results)` fills, run by run.

    A run is a stretch of rows that are finite in every column. The kernel sees only runs longer
    than `warm_up` rows and writes every row but the first `warm_up`; all other rows are NaN.
    """
    rows = len(columns[0])
    filled = tuple(np.empty(rows) for _ in range(results))
    end = 0
    for first, last in _finite_runs(columns, warm_up):
        for result in filled:
            result[end : first + warm_up] = np.nan
        run = [column[first:last] for column in columns]
        kernel(*run, *parameters, *[result[first:last] for result in filled])
        end = last
    for result in filled:
        result[end:] = np.nan
    return filled


def _finite_runs(columns: Sequence[FloatColumn], longer_than: int) -> Iterable[tuple[int, int]]:
    """Returns (first row, one past the last row) of each run longer than that."""
    finite = np.isfinite(columns[0])
    for column in columns[1:]:
        finite &= np.isfinite(column)
    if finite.all():
        return [(0, len(finite))] if len(finite) > longer_than else []
    edges = np.flatnonzero(np.diff(finite, prepend=False, append=False))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > longer_than]
