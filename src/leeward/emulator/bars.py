"""Candles of one symbol on a full grid: source ahead of the replay, rebuilt from trades behind it.

Larger intervals are summed from here, so that every interval agrees.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.timeframe import DAY_MS, Timeframe
from leeward.emulator.path import Bar
from leeward.emulator.rejections import Rejection
from leeward.emulator.units import UNIT, column_units

#: Interval lengths in ms; a month has none.
INTERVALS: Final = {
    **{name: Timeframe.parse(name).length_ms for name in Timeframe.names()},
    "3d": 3 * DAY_MS,
    "1M": 0,
}
_MONDAY: Final = Timeframe.parse("1w").offset_ms
COLUMNS: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote",
    "trades",
    "taker",
    "taker_quote",
)


class Row(NamedTuple):
    """One bar in units. Ids are those of its first and last public trade, -1 without trades."""

    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote: int
    trades: int
    taker: int
    taker_quote: int
    first_id: int = -1
    last_id: int = -1


def bin_open(time_ms: int, interval: str, offset_ms: int = 0) -> int:
    """Returns the open time of the bar of `interval` that holds `time_ms`; refuses (-1120) an
    unknown interval. `offset_ms` is the time zone's distance from UTC."""
    if interval not in INTERVALS:
        raise Rejection(-1120, "Invalid interval.")
    if length := INTERVALS[interval]:
        shift = _MONDAY if interval == "1w" else 0
        local = time_ms + offset_ms - shift
        return local - local % length - offset_ms + shift
    moment = datetime.fromtimestamp((time_ms + offset_ms) // 1000, UTC)
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int(first.timestamp()) * 1000 - offset_ms


def bin_close(open_ms: int, interval: str, offset_ms: int = 0) -> int:
    """Returns the last millisecond of the bar that opens at `open_ms`."""
    if length := INTERVALS[interval]:
        return open_ms + length - 1
    return bin_open(open_ms + 32 * DAY_MS, interval, offset_ms) - 1


class Bars:
    """The grid. Row k opens at `start_ms + k * length_ms`; `known[k]` is False in gaps."""

    def __init__(self, candles: Candles, shift_ms: int) -> None:
        times = candles.open_time + shift_ms
        self.interval = candles.timeframe.name
        self.length_ms = candles.timeframe.length_ms
        self.start_ms = int(times[0])
        rows = (times - times[0]) // self.length_ms
        self.size = int(rows[-1]) + 1
        self.known = np.zeros(self.size, dtype=bool)
        self.known[rows] = True
        self.columns = {
            name: _spread(column_units(column), rows, self.size)
            for name, column in _sources(candles).items()
        }
        self.columns["trades"] //= UNIT
        self.has_quote = candles.quote_volume is not None
        self.has_taker = candles.taker_buy_volume is not None
        _fill_gaps(self.columns, self.known)
        self.first_id = np.cumsum(self.columns["trades"]) - self.columns["trades"] + 1
        self.first_id[self.columns["trades"] == 0] = -1
        self.last_id = self.first_id + self.columns["trades"] - 1
        self.last_id[self.columns["trades"] == 0] = -1

    def index(self, time_ms: int) -> int:
        """Returns the row that holds `time_ms`; may lie outside the grid."""
        return (time_ms - self.start_ms) // self.length_ms

    def open_ms(self, row: int) -> int:
        return self.start_ms + row * self.length_ms

    def source(self, row: int) -> Bar | None:
        """Returns the candle of a row not yet replayed; None in a gap."""
        if not self.known[row]:
            return None
        columns = self.columns
        prices = [int(columns[name][row]) for name in ("open", "high", "low", "close", "volume")]
        quote = int(columns["quote"][row]) if self.has_quote else 0
        taker = int(columns["taker"][row]) if self.has_taker else -1
        return Bar(prices[0], prices[1], prices[2], prices[3], prices[4], quote or -1, taker)

    def write(self, row: int, bar: Row) -> None:
        """Replaces a row by what was traded."""
        for name, value in zip(COLUMNS, bar[2:11], strict=True):
            self.columns[name][row] = value
        self.first_id[row], self.last_id[row] = bar.first_id, bar.last_id

    def row(self, first: int, last: int, open_ms: int, close_ms: int) -> Row:
        """Returns grid rows `first` to `last`, both included, as one bar."""
        columns, part = self.columns, slice(first, last + 1)
        ids = self.first_id[part]
        ids = ids[ids > 0]
        volume, quote, trades, taker, taker_quote = (_total(columns[n][part]) for n in COLUMNS[4:])
        return Row(
            open_ms,
            close_ms,
            int(columns["open"][first]),
            int(columns["high"][part].max()),
            int(columns["low"][part].min()),
            int(columns["close"][last]),
            volume,
            quote,
            trades,
            taker,
            taker_quote,
            int(ids[0]) if len(ids) else -1,
            int(self.last_id[part].max()) if len(ids) else -1,
        )


def _sources(candles: Candles) -> dict[str, FloatColumn]:
    nothing = np.zeros(len(candles))
    optional = (candles.quote_volume, candles.trades, candles.taker_buy_volume)
    quote, trades, taker = (nothing if column is None else column for column in optional)
    average = np.divide(quote, candles.volume, out=np.zeros(len(candles)), where=candles.volume > 0)
    named = zip(COLUMNS[:5], (candles.open, candles.high, candles.low, candles.close,
                              candles.volume), strict=True)  # fmt: skip
    return {**dict(named), "quote": quote, "trades": trades, "taker": taker,
            "taker_quote": np.round(taker * average, 8)}  # fmt: skip


def _spread(values: NDArray[np.int64], rows: IntColumn, size: int) -> NDArray[np.int64]:
    if len(values) == size:
        return values
    grid = np.zeros(size, dtype=values.dtype)
    grid[rows] = values
    return grid


def _fill_gaps(columns: dict[str, NDArray[np.int64]], known: NDArray[np.bool_]) -> None:
    """Repeats the last close through rows without a candle."""
    before = np.maximum.accumulate(np.where(known, np.arange(len(known)), 0))
    close = columns["close"][before]
    for name in ("open", "high", "low", "close"):
        columns[name][~known] = close[~known]


def _total(values: NDArray[np.int64]) -> int:
    """Returns the exact sum, also where it does not fit 64 bits."""
    if len(values) < 8:
        return sum(values.tolist())
    return int((values // UNIT).sum()) * UNIT + int((values % UNIT).sum())
