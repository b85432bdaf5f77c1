"""Which periods of a series need not be fetched again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from leeward.data.durable import write_all
from leeward.data.store import CandleStore
from leeward.domain.columns import IntColumn
from leeward.domain.timeframe import Timeframe


class FetchedPeriods:
    """What the store held of a series when this was made, and the periods fetched since.

    An outage of the exchange leaves a gap in its own files, so a count alone cannot tell a period
    that was fetched whole from one that was imported in part. The names of fetched periods
    therefore lie beside the candles, in `fetched.json`; losing that file costs time only.
    """

    def __init__(self, store: CandleStore, symbol: str, timeframe: Timeframe) -> None:
        self._path = store.candles_dir / symbol / timeframe.name / "fetched.json"
        self._timeframe = timeframe
        known = store.files(symbol, timeframe)
        self._open_time: IntColumn = (
            store.load(symbol, timeframe).open_time if known else np.empty(0, dtype=np.int64)
        )
        self._names: set[str] = _read(self._path)

    def is_whole(self, name: str, start_ms: int, end_ms: int) -> bool:
        """Returns whether the store holds all that there is of a period."""
        first, last = np.searchsorted(self._open_time, (start_ms, end_ms))
        stored = int(last - first)
        return stored == self._expected(start_ms, end_ms).size or (
            stored > 0 and name in self._names
        )

    def first_absent(self, start_ms: int, end_ms: int) -> int:
        """Returns the first open time in [start_ms, end_ms) without a candle, else `end_ms`."""
        expected = self._expected(start_ms, end_ms)
        absent = expected[~np.isin(expected, self._open_time)]
        return int(absent[0]) if absent.size else end_ms

    def note(self, name: str) -> None:
        """Remembers, on disk too, that a period was stored as the source has it."""
        self._names.add(name)
        write_all({self._path: json.dumps(sorted(self._names)).encode()})

    def _expected(self, start_ms: int, end_ms: int) -> IntColumn:
        length_ms = self._timeframe.length_ms
        first = self._timeframe.floor(start_ms + length_ms - 1)
        return np.arange(first, end_ms, length_ms, dtype=np.int64)


def _read(path: Path) -> set[str]:
    try:
        names = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return set()
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
