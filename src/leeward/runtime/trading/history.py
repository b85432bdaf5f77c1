"""The closed candles a session starts from: asked of the venue, written down for replays."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leeward.data.durable import write_all
from leeward.domain.answers import Found
from leeward.domain.candle import Candle
from leeward.domain.candles import OPTIONAL, PRICES, Candles
from leeward.domain.errors import Failed, Refused, RetryLater
from leeward.domain.timeframe import Timeframe
from leeward.runtime.trading.deciding import Rows, Series
from leeward.venues.timing import Clock
from leeward.venues.venue import Venue

_COLUMNS = (*PRICES, "volume", *OPTIONAL)
#: Beside the history of a session: the candles it took after it.
KEPT = "candles.jsonl"
_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5


def candles_of(symbol: str, timeframe: Timeframe, rows: Sequence[Candle]) -> Candles:
    """Returns single candles, oldest first, as columns; raises BadCandles for broken ones."""
    columns = {name: np.array([getattr(row, name) for row in rows], float) for name in _COLUMNS}
    time = np.array([row.open_time_ms for row in rows], dtype=np.int64)
    return Candles(
        symbol,
        timeframe,
        time,
        columns["open"],
        columns["high"],
        columns["low"],
        columns["close"],
        columns["volume"],
        columns["quote_volume"],
        columns["trades"],
        columns["taker_buy_volume"],
    )


class History:
    """Asks `venue` for closed candles before `now_ms`, page by page."""

    def __init__(self, venue: Venue, clock: Clock, now_ms: int) -> None:
        self._venue, self._clock, self._now_ms = venue, clock, now_ms

    async def between(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int
    ) -> list[Candle]:
        """Returns all closed candles that open in [start_ms, end_ms); raises RetryLater where the
        venue does not say."""
        found: list[Candle] = []
        while start_ms < end_ms:
            page = await self._page(symbol, timeframe, start_ms, end_ms)
            if not page:
                break
            found += page
            start_ms = page[-1].close_time_ms
        return found

    async def last(self, symbol: str, timeframe: Timeframe, needed: Rows) -> Candles:
        """Returns at least `needed.history` candles, or all there are where they are no fewer than
        `needed.least`: from the first candle of a series on, columns are exact.

        Raises Refused where the venue has too few.
        """
        end_ms = timeframe.floor(self._now_ms)
        found: list[Candle] = []
        span_ms = needed.history * timeframe.length_ms
        while len(found) < needed.history and end_ms > 0:
            older = await self.between(symbol, timeframe, end_ms - span_ms, end_ms)
            if not older and not await self._page(symbol, timeframe, 0, end_ms):
                break  # the series begins here
            found = older + found
            end_ms -= span_ms
            # A hole of any length is crossed in a few questions.
            span_ms = span_ms if older else 2 * span_ms
        if len(found) < needed.least:
            raise Refused(
                f"{symbol} {timeframe}: {len(found)} closed candles refused: the strategy decides "
                f"only after {needed.least}; wait, choose a shorter timeframe, or leave it out"
            )
        return candles_of(symbol, timeframe, found)

    async def since(self, symbol: str, timeframe: Timeframe, start_ms: int) -> Candles:
        """Returns all closed candles from `start_ms` on."""
        found = await self.between(symbol, timeframe, timeframe.floor(start_ms), self._now_ms)
        return candles_of(symbol, timeframe, found)

    async def _page(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int
    ) -> tuple[Candle, ...]:
        why, pause_s = "", _FIRST_PAUSE_S
        for _ in range(_ATTEMPTS):
            answer = await self._venue.candles(symbol, timeframe, max(0, start_ms), end_ms)
            if isinstance(answer, Found):
                return answer.value
            why = answer.why
            await self._clock.sleep(pause_s)
            pause_s *= 2
        raise RetryLater(f"{symbol} {timeframe}: no candles from the venue: {why}; try again later")


def write_history(folder: Path, series: Sequence[Candles]) -> dict[str, dict[str, object]]:
    """Writes each series to `folder/SYMBOL-TF.npz`; returns file, rows and hash by
    "SYMBOL TIMEFRAME"."""
    contents, facts = {}, {}
    for candles in series:
        buffer = io.BytesIO()
        known = {name: getattr(candles, name) for name in _COLUMNS}
        columns = {name: column for name, column in known.items() if column is not None}
        np.savez_compressed(buffer, allow_pickle=False, open_time=candles.open_time, **columns)
        name, content = f"{candles.symbol}-{candles.timeframe}.npz", buffer.getvalue()
        contents[folder / name] = content
        digest = hashlib.sha256(content).hexdigest()
        facts[candles.name] = {"file": name, "rows": len(candles), "sha256": digest}
    write_all(contents)
    return facts


@dataclass
class KeptCandles:
    """A file of the candles that a session took after its history, for replays: those beside the
    traded ones too, and every column. One line a candle; a line that a crash cut short is what the
    next session starts from."""

    path: Path

    def append(self, candles: Sequence[Candle]) -> None:
        """Writes the candles of a step; returns once they are on the disk. Raises OSError."""
        lines = [json.dumps(_row(candle)) + "\n" for candle in candles]
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> dict[Series, Candles]:
        """Returns the candles by series, none where no step wrote any. Raises Failed for a file
        that is not what was written."""
        if not self.path.exists():
            return {}
        rows: dict[Series, dict[int, Candle]] = {}
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            try:
                candle = _candle(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                if number == len(lines) and not line.endswith("\n"):
                    break
                raise Failed(
                    f"{self.path}: line {number} cannot be read ({error}); put the file back from "
                    "a backup"
                ) from None
            series = rows.setdefault((candle.symbol, candle.timeframe.name), {})
            series[candle.open_time_ms] = candle
        return {
            series: candles_of(
                series[0], Timeframe.parse(series[1]), [by_time[t] for t in sorted(by_time)]
            )
            for series, by_time in rows.items()
        }


def _row(candle: Candle) -> dict[str, object]:
    columns = {name: _known(getattr(candle, name)) for name in _COLUMNS}
    return {
        "symbol": candle.symbol,
        "timeframe": candle.timeframe.name,
        "open_time": candle.open_time_ms,
        **columns,
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _candle(row: Mapping[str, object]) -> Candle:
    numbers = {name: np.nan if (it := row[name]) is None else float(str(it)) for name in _COLUMNS}
    trades = numbers.pop("trades")
    return Candle(
        str(row["symbol"]),
        Timeframe.parse(str(row["timeframe"])),
        int(str(row["open_time"])),
        **numbers,
        trades=int(trades),
    )
