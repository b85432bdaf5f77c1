"""vectorbt's side: `python -m benchmarks.vectorbt_work loop|backtest|process DIR RUNS`.

Its Rust engine runs the portfolio; with engine "auto" so does everything it has in Rust.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import vectorbt as vbt

from benchmarks.child import repeat, tell
from benchmarks.costs import ATR, BALANCE, FAST, FEE, SIZE, SLIPPAGE, SLOW, STOP_ATR, TARGET
from benchmarks.hot import load_frame

vbt.settings["engine"] = "auto"


def signals_of(candles: pd.DataFrame) -> dict[str, np.ndarray]:
    """Returns entries and exits and the prices of stop and target, each on its decision candle."""
    fast = vbt.MA.run(candles["close"], FAST, ewm=True)
    slow = vbt.MA.run(candles["close"], SLOW, ewm=True)
    # A span of 2 n - 1 gives Wilder's weight, 1 / n.
    atr = vbt.ATR.run(candles["high"], candles["low"], candles["close"], 2 * ATR - 1, ewm=True)
    close = candles["close"].to_numpy()
    return {
        "entry": fast.ma_crossed_above(slow).to_numpy(),
        "exit": fast.ma_crossed_below(slow).to_numpy(),
        "stop": close - STOP_ATR * atr.atr.to_numpy(),
        "target": close * (1 + TARGET),
    }


def orders_of(candles: pd.DataFrame, signals: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the signals moved to the next open, stop and target as fractions of the fill."""
    fill = candles["open"].to_numpy() * (1 + SLIPPAGE)
    entries, exits = np.zeros(len(fill), bool), np.zeros(len(fill), bool)
    stop, target = np.full(len(fill), np.nan), np.full(len(fill), np.nan)
    entries[1:], exits[1:] = signals["entry"][:-1], signals["exit"][:-1]
    stop[1:] = np.maximum(1 - signals["stop"][:-1] / fill[1:], 0)
    target[1:] = np.maximum(signals["target"][:-1] / fill[1:] - 1, 0)
    return {"entries": entries, "exits": exits, "sl_stop": stop, "tp_stop": target}


def simulate(candles: pd.DataFrame, orders: dict[str, np.ndarray]) -> vbt.Portfolio:
    """Returns the portfolio: market orders at the open, stops and targets inside the candle."""
    return vbt.Portfolio.from_signals(
        candles["close"],
        **orders,
        price=candles["open"],
        open=candles["open"],
        high=candles["high"],
        low=candles["low"],
        size=SIZE,
        size_type="percent",
        stop_entry_price="fillprice",
        stop_exit_price="stopmarket",
        fees=FEE,
        slippage=SLIPPAGE,
        init_cash=BALANCE,
        max_orders=max(1000, len(candles) // 4),
        freq=candles.index[1] - candles.index[0],
        engine="rust",
    )


def measure(portfolio: vbt.Portfolio) -> dict[str, float]:
    """Returns the figures that Leeward computes as well, as far as vectorbt has them."""
    trades = portfolio.trades
    return {
        "total_return": portfolio.total_return(),
        "annualized_return": portfolio.annualized_return(),
        "sharpe": portfolio.sharpe_ratio(),
        "sortino": portfolio.sortino_ratio(),
        "calmar": portfolio.calmar_ratio(),
        "max_drawdown": portfolio.max_drawdown(),
        "trades": trades.count(),
        "win_rate": trades.win_rate(),
        "profit_factor": trades.profit_factor(),
        "expectancy": trades.expectancy(),
        "fees": portfolio.orders.fees.sum(),
        "buy_and_hold": portfolio.total_benchmark_return(),
    }


def backtest(folder: Path, timeframe: str) -> dict[str, float]:
    """Returns the figures of a whole run: load, indicators, signals, portfolio, metrics."""
    candles = load_frame(folder, timeframe)
    return measure(simulate(candles, orders_of(candles, signals_of(candles))))


def time_loop(folder: Path, runs: int) -> None:
    """Times from_signals alone on the signals that every engine gets."""
    candles = load_frame(folder, "1m")
    given = dict(np.load(folder / "signals.npz"))
    orders = orders_of(candles, given)
    seconds = repeat(lambda: simulate(candles, orders), runs)
    tell(seconds, trades=int(simulate(candles, orders).trades.count()))


def time_backtest(folder: Path, runs: int) -> None:
    """Times a whole run on the 1m candles."""
    seconds = repeat(lambda: backtest(folder, "1m"), runs)
    tell(seconds, trades=int(backtest(folder, "1m")["trades"]))


def run_process(folder: Path, _: int) -> None:
    """Does the work of one short process: a whole run on the 1h candles, its figures printed."""
    tell([], **{name: float(figure) for name, figure in backtest(folder, "1h").items()})


_WORK = {"loop": time_loop, "backtest": time_backtest, "process": run_process}

if __name__ == "__main__":
    what, where, times = sys.argv[1:]
    _WORK[what](Path(where), int(times))
