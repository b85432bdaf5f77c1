"""Candle files for tests, as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from leeward.data.columns import column_or_nan
from leeward.data.importing import Asked, Outcome, import_file
from leeward.data.store import CandleStore
from leeward.domain.candles import OPTIONAL, Candles
from leeward.domain.times import iso

HEADER = "open_time,open,high,low,close,volume"
NAME = "BTCUSDT-1h.csv"

Cell: TypeAlias = str | float | int


def rows_of(candles: Candles, time: Callable[[int], Cell] = iso) -> list[list[Cell]]:
    columns = [candles.open, candles.high, candles.low, candles.close, candles.volume]
    values = np.array(columns).T.tolist()
    times = candles.open_time.tolist()
    return [[time(at), *row] for at, row in zip(times, values, strict=True)]


def csv_of(rows: Sequence[Sequence[Cell]], header: str = HEADER, separator: str = ",") -> str:
    lines = [header.replace(",", separator)] if header else []
    lines += [separator.join(map(str, row)) for row in rows]
    return "\n".join(lines) + "\n"


def archive_rows(candles: Candles, per_ms: int) -> list[list[Cell]]:
    length = candles.timeframe.length_ms
    extra = [column_or_nan(candles, name).tolist() for name in OPTIONAL]
    return [
        [*row, (int(row[0]) // per_ms + length - 1) * per_ms, quote, int(count), taker, 0, 0]
        for row, quote, count, taker in zip(
            rows_of(candles, lambda at: at * per_ms), *extra, strict=True
        )
    ]  # fmt: skip


def import_text(
    store: CandleStore, text: str | bytes, name: str = NAME, skip_bad: bool = False
) -> Outcome:
    """Imports one file of the text, beside the store."""
    path = store.root.parent / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    (outcome,) = import_file(store, path, Asked(skip_bad=skip_bad))
    return outcome
