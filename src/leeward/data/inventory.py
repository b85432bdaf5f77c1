"""What the store holds: a line a series, or a certificate of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from leeward.data.certificate import Certificate, certificate
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.errors import BadCandles
from leeward.domain.timeframe import Timeframe


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored series: first and last open time in ms, rows, gaps and the candles missing in
    them, and the size of its Parquet files."""

    symbol: str
    timeframe: str
    first: int
    last: int
    rows: int
    gaps: int
    missing: int
    size_bytes: int


def list_series(store: CandleStore) -> Iterator[Entry | BadCandles]:
    """Yields an entry a series, by symbol and length; the error for one that is corrupt."""
    for symbol, timeframe in store.series():
        try:
            candles = store.load(symbol, timeframe)
        except BadCandles as error:
            yield error
            continue
        yield Entry(
            symbol,
            str(timeframe),
            int(candles.open_time[0]),
            int(candles.open_time[-1]),
            len(candles),
            len(candles.gaps),
            sum(gap.missing for gap in candles.gaps),
            sum(path.stat().st_size for path in store.files(symbol, timeframe)),
        )


def check_series(
    store: CandleStore, symbol: str | None = None, timeframe: Timeframe | None = None
) -> Iterator[Certificate | BadCandles]:
    """Yields the certificate of every series asked for, or the error for one that is corrupt.

    Everything is read and verified from the Parquet files, and checked against the finer candles
    of the same symbol. Raises BadUsage for a series the store does not hold.
    """
    stored = [series for series in store.series() if symbol in {None, series[0]}]
    if symbol is not None and (symbol, timeframe) not in {
        *stored,
        *((symbol, None) for _ in stored),
    }:
        raise store.unknown(symbol, timeframe)
    for _, group in groupby(stored, key=lambda series: series[0]):
        yield from _check_symbol(store, list(group), timeframe)


def _check_symbol(
    store: CandleStore, stored: list[tuple[str, Timeframe]], wanted: Timeframe | None
) -> Iterator[Certificate | BadCandles]:
    finer: list[Candles] = []
    for symbol, timeframe in stored:
        if wanted is not None and timeframe > wanted:
            break
        try:
            candles = store.read(symbol, timeframe)
        except BadCandles as error:
            yield error
            continue
        if wanted in {None, timeframe}:
            length_ms = timeframe.length_ms
            dividing = [fine for fine in finer if length_ms % fine.timeframe.length_ms == 0]
            yield certificate(candles, dividing)
        finer.append(candles)
