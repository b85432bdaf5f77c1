"""What the page's script draws from: columns packed as base64, and trades as plain lists."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.frame import Frame
from leeward.domain.timeframe import DAY_MS
from leeward.report.result import BacktestResult
from leeward.report.rows import plain
from leeward.statistics.account import drawdowns
from leeward.statistics.comparison import hold_equity

#: Candles in one file, all symbols together; above it they are merged into longer ones.
MOST_CANDLES: Final = 100_000
#: Indicator values in one file; above it they are left out.
MOST_OVERLAY_VALUES: Final = 800_000
_MOST_OVERLAYS = 6
#: Spans of the equity curve; each keeps its first, lowest, highest and last point.
_SPANS = 800
_MINUTE = 60_000
#: Lengths that candles are merged into, in ms.
_LENGTHS = tuple(
    n * _MINUTE for n in (1, 3, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 2880, 4320, 10080, 20160)
)
_OHLCV = {"open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_buy_volume"}


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """Candles that open at `time`, each merged from row `first` up to, not including, `last`."""

    time: IntColumn
    first: IntColumn
    last: IntColumn


def shown_length(candles: Sequence[Candles]) -> int:
    """Returns the candle length (ms) at which all the candles together fit into one file."""
    own = candles[0].timeframe.length_ms
    for length in (own, *(n for n in _LENGTHS if n > own)):
        count = sum(len(merge(c, length).time) for c in candles)
        if count <= MOST_CANDLES:
            return length
    return _LENGTHS[-1]


def merge(candles: Candles, length_ms: int) -> Merged:
    """Returns which rows make up each candle of `length_ms`; all rows belong to one."""
    start = candles.open_time - candles.open_time % length_ms
    if length_ms == candles.timeframe.length_ms:
        start = candles.open_time
    first = np.flatnonzero(np.diff(start, prepend=start[:1] - 1))
    last = np.append(first[1:], len(start))
    return Merged(start[first], first, last)


def candle_payload(candles: Candles, length_ms: int) -> dict[str, object]:
    """Returns the candles merged to `length_ms`, packed, with single-precision prices."""
    rows = merge(candles, length_ms)
    origin = int(rows.time[0])
    columns = {
        "open": candles.open[rows.first],
        "high": np.maximum.reduceat(candles.high, rows.first),
        "low": np.minimum.reduceat(candles.low, rows.first),
        "close": candles.close[rows.last - 1],
    }
    return {
        "symbol": candles.symbol,
        "origin": origin,
        "length": length_ms,
        "source": candles.timeframe.length_ms,
        "source_rows": len(candles),
        "step": candles.timeframe.length_ms,
        "time": _pack((rows.time - origin) // candles.timeframe.length_ms, "<i4"),
        **{name: _pack(column) for name, column in columns.items()},
    }


def overlay_payload(candles: Candles, frame: Frame, length_ms: int) -> dict[str, str]:
    """Returns the strategy's columns that live on the price scale, packed, NaN where unknown."""
    last = merge(candles, length_ms).last - 1
    return {name: _pack(frame[name][last]) for name in overlay_names(frame)}


def overlay_names(frame: Frame) -> list[str]:
    """Returns the columns that can be drawn over the price, the first few of them."""
    names = [name for name in frame if name not in _OHLCV and _on_price_scale(frame, name)]
    return names[:_MOST_OVERLAYS]


def _on_price_scale(frame: Frame, name: str) -> bool:
    column = frame[name]
    known = np.isfinite(column)
    if not known.any():
        return False
    ratio = column[known] / frame.close[known]
    return bool(np.mean((ratio > 0.5) & (ratio < 2.0)) > 0.9)


def trade_payload(result: BacktestResult) -> dict[str, object]:
    """Returns the trades as lists by column; texts are stored once and referred to by position."""
    packed: dict[str, object] = {}
    for name, column in result.trade_columns.items():
        if column.dtype == object:
            names, code = np.unique(column.astype(str), return_inverse=True)
            packed[name] = {"names": names.tolist(), "code": code.tolist()}
        elif column.dtype == np.float64:
            packed[name] = plain([float(f"{value:.10g}") for value in column.tolist()])
        else:
            packed[name] = column.tolist()
    return packed


def equity_payload(result: BacktestResult) -> dict[str, object]:
    """Returns equity, buy and hold, and drawdown at the steps that shape their curves.

    The steps are cut into spans, and of each span the first, lowest, highest and last value of
    every curve are kept, so that no peak or trough is lost. A point stands at its candle's close.
    """
    simulation, balance = result.simulation, result.setup.balance
    curves = {"equity": simulation.equity, "drawdown": -drawdowns(simulation.equity, balance)}
    hold = hold_equity(result.candles, simulation.open_time, balance)
    if hold is not None:
        curves["hold"] = hold
    rows = np.unique(np.concatenate([_shaping_rows(curve) for curve in curves.values()]))
    length = result.candles[0].timeframe.length_ms
    close_time = (simulation.open_time[rows] + length) / DAY_MS
    return {
        "days": _pack(close_time, "<f8"),
        **{name: _pack(curve[rows]) for name, curve in curves.items()},
    }


def _shaping_rows(curve: FloatColumn) -> IntColumn:
    edges = np.linspace(0, len(curve), min(_SPANS, len(curve)) + 1).astype(np.int64)
    kept: list[int] = []
    for first, last in pairwise(edges):
        span = curve[first:last]
        kept += (first, first + int(span.argmin()), first + int(span.argmax()), last - 1)
    return np.array(kept, dtype=np.int64)


def _pack(column: FloatColumn | IntColumn, dtype: str = "<f4") -> str:
    return base64.b64encode(column.astype(dtype).tobytes()).decode()
