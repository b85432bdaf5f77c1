"""The candles on this machine: Parquet by symbol, timeframe and month, with a hot copy beside."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leeward.data.durable import only_writer, write_all
from leeward.data.hot import Source, Stamp, read_hot, sha256_of, stamps_in, write_hot
from leeward.data.merging import Merged, join, lay_over
from leeward.domain.candles import Candles
from leeward.domain.columns import IntColumn
from leeward.domain.errors import BadCandles, BadUsage, unknown_name
from leeward.domain.timeframe import Timeframe

if TYPE_CHECKING:
    from filelock import FileLock

_MONTH_FILE = re.compile(r"\d{4}-\d{2}\.parquet")
_SYMBOL = re.compile(r"\w[\w.-]{0,39}")


class CandleStore:
    """Candles under `root/candles/SYMBOL/TIMEFRAME/YYYY-MM.parquet`, read through `root/hot`.

    Anyone may read at any time: a month is the old file or the new one. One process writes at a
    time; another waits `lock_wait_s` and is then told so.
    """

    def __init__(self, root: Path, lock_wait_s: float = 10.0) -> None:
        self.root = root
        self.candles_dir = root / "candles"
        self.hot_dir = root / "hot"
        self.lock_wait_s = lock_wait_s

    def series(self) -> list[tuple[str, Timeframe]]:
        """Returns every symbol and timeframe that holds candles, by symbol, then by length."""
        names = {path.parent for path in self.candles_dir.glob("*/*/*") if _is_month(path)}
        known = Timeframe.names()
        return sorted(
            (folder.parent.name, Timeframe.parse(folder.name))
            for folder in names
            if folder.name in known
        )

    def files(self, symbol: str, timeframe: Timeframe) -> list[Path]:
        """Returns the month files of a series in time order; none where it is unknown."""
        folder = self.candles_dir / symbol / timeframe.name
        return [folder / stamp.name for stamp in self._stamps(symbol, timeframe)]

    def _stamps(self, symbol: str, timeframe: Timeframe) -> list[Stamp]:
        if not _SYMBOL.fullmatch(symbol):
            return []
        return stamps_in(self.candles_dir / symbol / timeframe.name, _MONTH_FILE)

    def load(self, symbol: str, timeframe: Timeframe) -> Candles:
        """Returns all candles of a series, memory-mapped from the hot copy where it is fresh.

        Raises BadUsage for a series the store does not hold, BadCandles for a corrupt file.
        """
        stamps = self._stamps(symbol, timeframe)
        if not stamps:
            raise self.unknown(symbol, timeframe)
        folder, parquet = self.hot_dir / symbol, self.candles_dir / symbol / timeframe.name
        candles = read_hot(folder, symbol, timeframe, parquet, stamps)
        if candles is None:
            files = [parquet / stamp.name for stamp in stamps]
            candles, sources = _read(symbol, timeframe, files)
            write_hot(folder, candles, sources)
        return candles

    def read(self, symbol: str, timeframe: Timeframe) -> Candles:
        """Returns all candles of a series from the Parquet files, every rule and hash verified."""
        return _read(symbol, timeframe, self._known_files(symbol, timeframe))[0]

    def merge(self, candles: Candles) -> Merged:
        """Stores the candles and returns what became of them; a newly given candle wins.

        All months are written beside their place before the first is renamed. Raises CannotWrite
        where the disk refuses or another process keeps writing, BadCandles for a corrupt month.
        """
        symbol, timeframe = candles.symbol, candles.timeframe
        if not _SYMBOL.fullmatch(symbol):
            raise BadUsage(f"symbol '{symbol}' cannot be stored; use letters and digits: BTCUSDT")
        if not len(candles):
            return Merged()
        with self.writing():
            given = _month_names(candles.open_time)
            files = self.files(symbol, timeframe)
            touched = [path for path in files if path.stem in given]
            old = _read(symbol, timeframe, touched)[0] if touched else None
            together, changed, merged = lay_over(old, candles)
            self._write(together, sorted(set(_month_names(changed))))
        return merged

    def unknown(self, symbol: str, timeframe: Timeframe | None = None) -> BadUsage:
        """Returns the error for a series the store does not hold, with what it has instead."""
        way_out = "get candles with `leeward data download` or `leeward data import`"
        series = self.series()
        if not series:
            return BadUsage(f"{symbol}: no candles at all in {self.root}; {way_out}")
        here = [str(stored) for name, stored in series if name == symbol]
        error = (
            unknown_name(f"{symbol} timeframe", str(timeframe), here)
            if here
            else unknown_name("symbol", symbol, {name for name, _ in series})
        )
        return BadUsage(f"{error}; {way_out}")

    def writing(self) -> AbstractContextManager[None]:
        """Keeps other writers out for the length of the block; may be nested."""
        return only_writer(self._lock, self.root, "candles", "candles/*/*/.*", self.lock_wait_s)

    @cached_property
    def _lock(self) -> FileLock:
        from filelock import FileLock

        return FileLock(self.root / "candles.lock")

    def _write(self, candles: Candles, months: list[str]) -> None:
        from leeward.data.parquet import encode

        folder = self.candles_dir / candles.symbol / candles.timeframe.name
        contents = {}
        for month in months:
            first, last = _rows_of(month, candles.open_time)
            contents[folder / f"{month}.parquet"] = encode(candles.rows(first, last))
        write_all(contents)

    def _known_files(self, symbol: str, timeframe: Timeframe) -> list[Path]:
        files = self.files(symbol, timeframe)
        if not files:
            raise self.unknown(symbol, timeframe)
        return files


def _is_month(path: Path) -> bool:
    return _MONTH_FILE.fullmatch(path.name) is not None


def _read(symbol: str, timeframe: Timeframe, files: list[Path]) -> tuple[Candles, list[Source]]:
    from leeward.data.parquet import decode

    parts, sources = [], []
    for path in files:
        try:
            with path.open("rb") as file:
                stamp, content = Stamp.of(file), file.read()
        except OSError as error:
            raise BadCandles(f"{path}: cannot be read: {error.strerror}") from None
        parts.append(decode(content, path, symbol, timeframe))
        sources.append(Source(stamp, sha256_of(content)))
    return join(parts), sources


def _month_names(open_time: IntColumn) -> list[str]:
    months = np.unique(open_time.astype("datetime64[ms]").astype("datetime64[M]"))
    return [str(month) for month in months]


def _rows_of(month: str, open_time: IntColumn) -> tuple[int, int]:
    """Returns the first row of a UTC month and one past its last."""
    start = np.datetime64(month, "M")
    edges = np.array([start, start + 1]).astype("datetime64[ms]").astype(np.int64)
    first, last = np.searchsorted(open_time, edges)
    return int(first), int(last)
