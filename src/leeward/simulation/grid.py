"""Lays the candles and signals of several symbols on the union of their open times."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from leeward.compiled import compiled_alone
from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.engine.state import Advice, Market
from leeward.risk.correlation import log_returns
from leeward.risk.limits import RiskLimits
from leeward.risk.trend import trend_verdicts
from leeward.risk.trend_gate import UNKNOWN, TrendGate
from leeward.simulation.loop import Fine
from leeward.strategies.signals import Signals

Number = TypeVar("Number", np.float64, np.int32, np.uint8)

_NONE = np.empty((0, 0))


def align_market(candles: Sequence[Candles]) -> Market:
    """Returns the market of the candles; columns of a single symbol are shared, not copied."""
    open_time = _union([c.open_time for c in candles])
    rows = _rows(candles, open_time)

    def grid(columns: Sequence[FloatColumn]) -> FloatColumn:
        return _grid(columns, rows, len(open_time), np.nan)

    close = grid([c.close for c in candles])
    last_close, returns = close, _NONE
    if len(candles) > 1:
        returns = grid([log_returns(c.close) for c in candles])
        if any(len(c) < len(open_time) for c in candles):
            last_close = _forward(close)
    return Market(
        open_time=open_time,
        open=grid([c.open for c in candles]),
        high=grid([c.high for c in candles]),
        low=grid([c.low for c in candles]),
        close=close,
        last_close=last_close,
        row=_grid([np.arange(len(c), dtype=np.int32) for c in candles], rows, len(open_time), -1),
        returns=returns,
        length_ms=candles[0].timeframe.length_ms,
    )


def align_signals(
    candles: Sequence[Candles], signals: Sequence[Signals], market: Market, limits: RiskLimits
) -> Advice:
    """Returns the signals, with the trend gate's verdicts on all rows, on the market's grid."""
    rows, steps = _rows(candles, market.open_time), len(market.open_time)
    gate = TrendGate.parse(limits.trend_gate)
    verdicts = [trend_verdicts(gate, c.close) for c in candles]
    for column, advice in zip(verdicts, signals, strict=True):
        column[: advice.warm_up] = UNKNOWN

    def numbers(name: str) -> FloatColumn:
        columns = [getattr(advice, name) for advice in signals]
        if all(column is None for column in columns):
            return _NONE
        unknown = (np.full(len(c), np.nan) for c in candles)
        known = [other if col is None else col for col, other in zip(columns, unknown, strict=True)]
        return _grid(known, rows, steps, np.nan)

    entry = _grid([advice.entry for advice in signals], rows, steps, 0)
    return Advice(
        waits=entry[0] if len(entry) == 1 else np.bitwise_or.reduce(entry, axis=0),
        entry=entry,
        exit=_grid([advice.exit for advice in signals], rows, steps, 0),
        gate=_grid(verdicts, rows, steps, UNKNOWN),
        size=numbers("size"),
        stop=numbers("stop"),
        target=numbers("target"),
        trail=numbers("trail"),
        confidence=numbers("confidence"),
    )


def align_detail(
    candles: Sequence[Candles], detail: Sequence[Candles] | None, market: Market
) -> Fine:
    """Returns where each candle's finer candles lie, where they cover it completely."""
    if detail is None:
        return Fine(np.empty((0, 0), np.int64), 1, *(np.empty(0) for _ in range(3)))
    count = market.length_ms // detail[0].timeframe.length_ms
    first = np.full((len(candles), len(market.open_time)), -1, dtype=np.int64)
    offset = 0
    for s, (coarse, fine) in enumerate(zip(candles, detail, strict=True)):
        begin = np.searchsorted(fine.open_time, coarse.open_time)
        end = np.searchsorted(fine.open_time, coarse.open_time + market.length_ms)
        whole = np.where(end - begin == count, offset + begin, -1)
        first[s, np.searchsorted(market.open_time, coarse.open_time)] = whole
        offset += len(fine)
    join = np.concatenate
    return Fine(
        first,
        count,
        join([fine.open for fine in detail]),
        join([fine.high for fine in detail]),
        join([fine.low for fine in detail]),
    )


def _union(times: Sequence[IntColumn]) -> IntColumn:
    first, *others = times
    if all(len(first) == len(time) and np.array_equal(first, time) for time in others):
        return first
    return reduce(np.union1d, times)


def _rows(candles: Sequence[Candles], open_time: IntColumn) -> list[IntColumn | None]:
    """Returns each symbol's steps; None where it has a candle at every step."""
    return [
        None if len(c) == len(open_time) else np.searchsorted(open_time, c.open_time)
        for c in candles
    ]


def _grid(
    columns: Sequence[NDArray[Number]],
    rows: Sequence[IntColumn | None],
    steps: int,
    missing: float,
) -> NDArray[Number]:
    if len(columns) == 1:
        return columns[0].reshape(1, -1)
    grid = np.empty((len(columns), steps), columns[0].dtype)
    for s, (column, places) in enumerate(zip(columns, rows, strict=True)):
        if places is None:
            grid[s] = column
        else:
            grid[s] = missing
            grid[s, places] = column
    return grid


@compiled_alone
def _forward(close: FloatColumn) -> FloatColumn:
    """Returns each symbol's last close at every step; NaN before its first."""
    out = close.copy()
    for s in range(len(out)):
        for t in range(1, out.shape[1]):
            if np.isnan(out[s, t]):
                out[s, t] = out[s, t - 1]
    return out
