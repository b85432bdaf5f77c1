"""How fast models answer: `python -m benchmarks.inference [FOLDER [SYMBOL KIND]]`.

Measures, on generated candles, whole histories and single candles as they come: features, model,
bounds and confidence, and the watch over drift and coverage. Wall and processor time: on a busy
machine only the latter tells of the program.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from leeward.data.generated import generate_candles
from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.indicators.features import WINDOW, windows_of
from leeward.inference.bundle import SHIPPED, find_bundle
from leeward.inference.forecast import forecast
from leeward.inference.predict import Predictor
from leeward.runtime.api import backtest
from leeward.runtime.predictions import GrowingOutlook, ModelUse, Outlook
from leeward.runtime.settings import load_settings

HOUR = Timeframe.parse("1h")
WINDOWS = 17_000
TWO_YEARS = 17_520
STEPS = 3_000
HISTORY = 2_600


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED
    symbol, kind = sys.argv[2:4] if len(sys.argv) > 3 else ("BTCUSDT", "price")
    candles = generate_candles(symbol, HOUR, 1_577_836_800_000, WINDOWS + WINDOW - 1, seed=5)
    print(f"{folder}: {symbol} {kind}")
    _loading(folder, symbol, kind)
    _history(folder, symbol, candles)
    _backtest(folder)
    _single(folder, symbol, candles)
    _session(folder, symbol, candles)


def _loading(folder: Path, symbol: str, kind: str) -> None:
    begun = time.perf_counter()
    bundle = find_bundle(folder, symbol, kind, HOUR)
    assert bundle is not None
    read = time.perf_counter()
    import onnxruntime  # noqa: F401 - its import has a line of its own

    imported = time.perf_counter()
    Predictor(bundle).load()
    done = time.perf_counter()
    print(
        f"load: files {(read - begun) * 1e3:.1f} ms, onnxruntime {(imported - read) * 1e3:.0f} ms,"
        f" session and golden windows {(done - imported) * 1e3:.1f} ms; {len(bundle.onnx):,} bytes"
    )


def _history(folder: Path, symbol: str, candles: Candles) -> None:
    walls, works = [], []
    for _ in range(5):
        outlook = Outlook(("prediction",), symbol, HOUR, ModelUse(folder, Path("none")))
        for model in outlook.models:
            model.predictor.load()
        wall, work = time.perf_counter(), time.process_time()
        outlook.columns(candles)
        walls.append(time.perf_counter() - wall)
        works.append(time.process_time() - work)
    print(
        f"{WINDOWS:,} windows, features to columns: best {min(walls):.3f} s wall, "
        f"{min(works):.3f} s processor"
    )


def _backtest(folder: Path) -> None:
    """Two years of hours through the strategy on the price model, nothing kept from before."""
    candles = generate_candles("BTCUSDT", HOUR, 1_577_836_800_000, TWO_YEARS, seed=5)
    walls, works = [], []
    for _ in range(4):
        with TemporaryDirectory() as fresh:
            settings = load_settings(None, [f"ml.dir={folder}", f"data.dir={fresh}"])
            wall, work = time.perf_counter(), time.process_time()
            backtest("ml_basic", candles, settings=settings)
            walls.append(time.perf_counter() - wall)
            works.append(time.process_time() - work)
    # The first one compiles what is not compiled yet.
    print(
        f"backtest of ml_basic on {TWO_YEARS:,} hours, uncached: best {min(walls[1:]):.3f} s wall, "
        f"{min(works[1:]):.3f} s processor"
    )


def _single(folder: Path, symbol: str, candles: Candles) -> None:
    """One window: slice, features, answer, bounds and confidence."""
    bundle = find_bundle(folder, symbol, "price", HOUR)
    assert bundle is not None
    predictor = Predictor(bundle)
    predictor.load()

    def step(last: int) -> None:
        windows = windows_of(candles.rows(last - WINDOW, last))
        forecast(predictor.predict(windows.features()), windows.sigma, bundle.metadata)

    _tell("single window, features to confidence", step, range(WINDOW, WINDOW + STEPS))


def _session(folder: Path, symbol: str, candles: Candles) -> None:
    """What a session does after each candle: a window, and the watch over the model."""
    outlook = Outlook(("prediction",), symbol, HOUR, ModelUse(folder, Path("none")))
    growing = GrowingOutlook(outlook)
    growing.columns(candles.rows(0, HISTORY))

    def step(last: int) -> None:
        growing.columns(candles.rows(last - HISTORY, last))

    _tell("session step, all columns and the watch", step, range(HISTORY + 1, HISTORY + STEPS))


def _tell(what: str, step: Callable[[int], None], rows: range) -> None:
    for last in rows[:100]:
        step(last)
    walls, works = [], []
    for last in rows[100:]:
        wall, work = time.perf_counter(), time.thread_time()
        step(last)
        walls.append(time.perf_counter() - wall)
        works.append(time.thread_time() - work)
    shown = [
        f"{name} p50 {statistics.median(times) * 1e6:.0f}, p99 {np.percentile(times, 99) * 1e6:.0f}"
        for name, times in (("wall", walls), ("processor", works))
    ]
    print(f"{what} (us): {'; '.join(shown)}")


if __name__ == "__main__":
    main()
