"""Lays the candles of the benchmarks into a store of their own: `python -m benchmarks.market`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from benchmarks.strategy import EmaCrossTarget
from leeward.data.generated import generate_candles, generate_market
from leeward.data.importing import parse_table
from leeward.data.naming import Series
from leeward.data.store import CandleStore
from leeward.data.tables import read_tables
from leeward.domain.candles import Candles
from leeward.domain.frame import Frame
from leeward.domain.timeframe import Timeframe
from leeward.strategies.evaluate import evaluate, strategy_need

_ROOT = Path(__file__).parents[1]
_MINUTES = ("BTCUSDT-1m-2021.parquet", "BTCUSDT-1m-2024.parquet")
_HOURS = "BTCUSDT-1h.parquet"
_START_MS = 1_388_534_400_000
_SEED = 7

SYMBOLS = tuple(f"SYM{number}USDT" for number in range(10))
#: Generated candles of the line with ten symbols carry their own timeframe, so that nothing else
#: in the store mixes with them.
SYMBOLS_TIMEFRAME = "15m"
PROCESS_ROWS = 17_500


def prepare(folder: Path, rows: int, rows_each: int) -> dict[str, object]:
    """Fills `folder` with a store and the strategy's signals; returns where the candles are from.

    BTCUSDT 1m holds `rows` candles, BTCUSDT 1h the last 17,500 hours, and each of `SYMBOLS`
    `rows_each` generated candles.
    """
    store = CandleStore(folder)
    minutes, hours, source = _bitcoin(rows)
    for candles in (minutes, hours):
        store.merge(candles)
    length = Timeframe.parse(SYMBOLS_TIMEFRAME)
    for candles in generate_market(SYMBOLS, length, _START_MS, rows_each, _SEED).values():
        store.merge(candles)
    for symbol, timeframe in store.series():
        store.load(symbol, timeframe)  # writes the hot copy
    _write_signals(folder, store.load("BTCUSDT", Timeframe.parse("1m")))
    return {"source": source, "rows": len(minutes)}


def _bitcoin(rows: int) -> tuple[Candles, Candles, str]:
    folder = _ROOT / os.environ.get("LEEWARD_TEST_DATA", "../shared/data") / "market"
    if all((folder / name).is_file() for name in (*_MINUTES, _HOURS)):
        parts = [_read(folder / name, "1m") for name in _MINUTES]
        minutes = _joined(parts).rows(0, rows)
        hours = _read(folder / _HOURS, "1h")
        hours = hours.rows(len(hours) - PROCESS_ROWS, len(hours))
        return minutes, hours, "real BTCUSDT candles (1m: 2021 and 2024)"
    minutes = generate_candles("BTCUSDT", Timeframe.parse("1m"), _START_MS, rows, _SEED)
    hours = generate_candles("BTCUSDT", Timeframe.parse("1h"), _START_MS, PROCESS_ROWS, _SEED)
    return minutes, hours, "a generated (SYNTHETIC) market"


def _read(path: Path, timeframe: str) -> Candles:
    series = Series("BTCUSDT", Timeframe.parse(timeframe))
    (table,) = read_tables(path)
    return parse_table(table, series, skip_bad=False).candles


def _joined(parts: list[Candles]) -> Candles:
    names = ("open_time", "open", "high", "low", "close", "volume")
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return Candles(parts[0].symbol, parts[0].timeframe, *columns)


def _write_signals(folder: Path, candles: Candles) -> None:
    """Writes what the strategy says, so that every engine's loop gets the same signals."""
    strategy, frame = EmaCrossTarget(), Frame.of(candles)
    signals = evaluate(strategy, frame, strategy_need(strategy, frame.columns)).signals
    np.savez(
        folder / "signals.npz",
        entry=signals.entry,
        exit=signals.exit,
        stop=signals.stop,
        target=signals.target,
    )


if __name__ == "__main__":
    where, many, each = sys.argv[1:]
    print(json.dumps(prepare(Path(where), int(many), int(each))))
