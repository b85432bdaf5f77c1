"""backtesting.py's side: `python -m benchmarks.backtesting_work backtest|process DIR RUNS`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from benchmarks.child import repeat, tell
from benchmarks.costs import ATR, BALANCE, FAST, FEE, SIZE, SLIPPAGE, SLOW, STOP_ATR, TARGET
from benchmarks.hot import load_frame

#: It trades whole units only, so a unit is the smallest lot: 0.00001 BTC.
_UNIT = 1e-5


class EmaCrossTarget(Strategy):
    """Indicators as whole columns, one look a candle."""

    def init(self) -> None:
        close = pd.Series(self.data.Close)
        high, low = pd.Series(self.data.High), pd.Series(self.data.Low)
        before = close.shift()
        true_range = np.maximum(high, before) - np.minimum(low, before)
        fast, slow = (close.ewm(span=span, adjust=False).mean().to_numpy() for span in (FAST, SLOW))
        above = fast > slow
        self.up = np.append(False, above[1:] & ~above[:-1])
        self.down = np.append(False, ~above[1:] & above[:-1])
        self.up[:SLOW] = self.down[:SLOW] = False
        atr = true_range.ewm(alpha=1 / ATR, adjust=False).mean().to_numpy()
        self.stop = close.to_numpy() - STOP_ATR * atr
        self.goal = close.to_numpy() * (1 + TARGET)

    def next(self) -> None:
        row = len(self.data) - 1
        if self.up[row] and not self.position:
            self.buy(size=SIZE, sl=self.stop[row], tp=self.goal[row])
        elif self.down[row] and self.position:
            self.position.close()


def backtest(folder: Path, timeframe: str) -> pd.Series:
    """Returns the figures of a whole run: load, indicators, signals, account, metrics."""
    candles = load_frame(folder, timeframe).rename(columns=str.capitalize)
    prices = ["Open", "High", "Low", "Close"]
    candles[prices] = candles[prices] * _UNIT
    # It charges the spread at the entry only, so that both sides' slippage lies there.
    run = Backtest(
        candles,
        EmaCrossTarget,
        cash=BALANCE,
        commission=FEE,
        spread=2 * SLIPPAGE,
        finalize_trades=True,
    )
    return run.run()


def time_backtest(folder: Path, runs: int) -> None:
    """Times a whole run on the 1m candles; seconds each, so that one run warms it up."""
    seconds = repeat(lambda: backtest(folder, "1m"), runs, warm=1)
    tell(seconds, trades=int(backtest(folder, "1m")["# Trades"]))


def run_process(folder: Path, _: int) -> None:
    """Does the work of one short process: a whole run on the 1h candles, its figures printed."""
    figures = backtest(folder, "1h")
    tell([], report=str(figures), trades=int(figures["# Trades"]))


_WORK = {"backtest": time_backtest, "process": run_process}

if __name__ == "__main__":
    what, where, times = sys.argv[1:]
    _WORK[what](Path(where), int(times))
