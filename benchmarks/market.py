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
    candles, source = _bitcoin(rows)
    length = Timeframe.parse(SYMBOLS_TIMEFRAME)
    others = generate_market(SYMBOLS, length, _START_MS, rows_each, _SEED)
    for part in (*candles, *others.values()):
        store.merge(part)
    for symbol, timeframe in store.series():
        store.load(symbol, timeframe)  # writes the hot copy
    _write_signals(folder, store.load("BTCUSDT", Timeframe.parse("1m")))
    return {"source": source}


def _bitcoin(rows: int) -> tuple[list[Candles], str]:
    """Returns BTCUSDT candles, the first `rows` minutes and the last 17,500 hours."""
    folder = _ROOT / os.environ.get("LEEWARD_TEST_DATA", "../shared/data") / "market"
    if all((folder / name).is_file() for name in (*_MINUTES, _HOURS)):
        first, then = (_read(folder / name, "1m") for name in _MINUTES)
        hours = _read(folder / _HOURS, "1h")
        hours = hours.rows(len(hours) - PROCESS_ROWS, len(hours))
        rest = max(0, rows - len(first))
        minutes = [first.rows(0, min(rows, len(first))), then.rows(0, rest)]
        return [*minutes, hours], "real BTCUSDT (1m: 2021 and 2024)"
    sizes = (("1m", rows), ("1h", PROCESS_ROWS))
    generated = [
        generate_candles("BTCUSDT", Timeframe.parse(length), _START_MS, count, _SEED)
        for length, count in sizes
    ]
    return generated, "a generated (SYNTHETIC) market"


def _read(path: Path, timeframe: str) -> Candles:
    series = Series("BTCUSDT", Timeframe.parse(timeframe))
    (table,) = read_tables(path)
    return parse_table(table, series, skip_bad=False).candles


def _write_signals(folder: Path, candles: Candles) -> None:
    """Writes what the strategy says, so that every engine's loop gets the same signals."""
    strategy, frame = EmaCrossTarget(), Frame.of(candles)
    signals = evaluate(strategy, frame, strategy_need(strategy, frame.columns)).signals
    numbers = signals.numbers()
    del numbers["size"]  # the same everywhere
    np.savez(folder / "signals.npz", allow_pickle=False, **signals.codes(), **numbers)


if __name__ == "__main__":
    where, many, each = sys.argv[1:]
    print(json.dumps(prepare(Path(where), int(many), int(each))))
