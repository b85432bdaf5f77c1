"""The last closed candles of one series, in memory that grows at the end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from leeward.domain.candle import Candle
from leeward.domain.candles import OPTIONAL, PRICES, Candles
from leeward.domain.errors import BadCandles
from leeward.domain.times import iso

_COLUMNS = (*PRICES, "volume", *OPTIONAL)
_SPARE = 1024


class CandleWindow:
    """Closed candles of one symbol and timeframe, oldest first.

    `first_row` counts the candles that were dropped: the position of a candle in the series does
    not change when older ones go. What `candles` returns shares memory and stays as it is.
    """

    def __init__(self, candles: Candles) -> None:
        self.symbol, self.timeframe = candles.symbol, candles.timeframe
        self.first_row = 0
        self._count = len(candles)
        # A column that the first candles lack is left out for good.
        known = {name: getattr(candles, name) for name in _COLUMNS}
        columns = {name: column for name, column in known.items() if column is not None}
        self._hold(candles.open_time, columns, _SPARE)

    def __len__(self) -> int:
        return self._count

    @property
    def last_ms(self) -> int | None:
        """The open time of the newest candle, None where there is none."""
        return int(self._time[self._count - 1]) if self._count else None

    @property
    def newest(self) -> Candle:
        """The newest candle; NaN, and no trades, where its source did not know."""
        last = self._count - 1
        known = {name: float(column[last]) for name, column in self._columns.items()}
        numbers = {name: known.get(name, np.nan) for name in _COLUMNS}
        trades = numbers.pop("trades")
        count = 0 if np.isnan(trades) else int(trades)
        return Candle(self.symbol, self.timeframe, int(self._time[last]), **numbers, trades=count)

    @property
    def last_close(self) -> float | None:
        return float(self._columns["close"][self._count - 1]) if self._count else None

    def append(self, candle: Candle) -> None:
        """Takes the next candle; raises BadCandles for one that is not later than the last."""
        last_ms = self.last_ms
        if last_ms is not None and candle.open_time_ms <= last_ms:
            raise BadCandles(
                f"{self.symbol} {self.timeframe}: the candle of {iso(candle.open_time_ms)} came "
                f"after that of {iso(last_ms)}; candles are decided on in order, each once"
            )
        if self._count == len(self._time):
            self._hold(self._time, self._columns, max(_SPARE, self._count // 2))
        self._time[self._count] = candle.open_time_ms
        for name, column in self._columns.items():
            column[self._count] = getattr(candle, name)
        self._count += 1

    def drop_all_but(self, rows: int) -> None:
        """Forgets all candles but the last `rows`."""
        gone = self._count - rows
        if gone > 0:
            self.first_row += gone
            self._count = rows
            columns = {name: column[gone:] for name, column in self._columns.items()}
            self._hold(self._time[gone:], columns, _SPARE)

    def candles(self, last: int | None = None) -> Candles:
        """Returns the last `last` candles, or all."""
        first = 0 if last is None else max(0, self._count - last)
        part = {name: col[first : self._count] for name, col in self._columns.items()}
        time = self._time[first : self._count]
        optional = {name: part.pop(name, None) for name in OPTIONAL}
        return Candles(
            self.symbol,
            self.timeframe,
            time,
            part["open"],
            part["high"],
            part["low"],
            part["close"],
            part["volume"],
            optional["quote_volume"],
            optional["trades"],
            optional["taker_buy_volume"],
            checked=True,
        )

    def row_at(self, time_ms: int) -> int:
        """Returns the position in the series of the first candle that opens at `time_ms` or later;
        before the window, as if no candle had been missing."""
        time = self._time[: self._count]
        if not len(time) or time_ms >= time[0]:
            return self.first_row + int(np.searchsorted(time, time_ms))
        return self.first_row - int((time[0] - time_ms) // self.timeframe.length_ms)

    def is_whole(self, last: int, by_ms: int) -> bool:
        """Returns whether no candle is missing among the last `last` and up to `by_ms`."""
        count = min(last, self._count)
        if not count:
            return False
        first, end = int(self._time[self._count - count]), int(self._time[self._count - 1])
        length_ms = self.timeframe.length_ms
        return end - first == (count - 1) * length_ms and end == by_ms

    def _hold(
        self, time: NDArray[np.int64], columns: Mapping[str, NDArray[np.float64]], spare: int
    ) -> None:
        """Moves the candles to memory with room for `spare` more."""
        size = self._count + spare
        self._time = np.empty(size, dtype=np.int64)
        self._time[: self._count] = time[: self._count]
        self._columns = {name: np.empty(size) for name in columns}
        for name, column in columns.items():
            self._columns[name][: self._count] = column[: self._count]
