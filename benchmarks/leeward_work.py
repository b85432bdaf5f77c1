"""Leeward's side: `python -m benchmarks.leeward_work loop|backtest|symbols DIR LIMITS RUNS`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.child import repeat, tell
from benchmarks.costs import BALANCE, FEE, LIMITS, SIZE, SLIPPAGE
from benchmarks.market import SYMBOLS, SYMBOLS_TIMEFRAME
from benchmarks.strategy import EmaCrossTarget
from leeward import backtest
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.frame import Frame
from leeward.domain.instrument import Instrument
from leeward.domain.timeframe import Timeframe
from leeward.domain.trades import TRADE
from leeward.risk.limits import RiskLimits
from leeward.risk.refusals import REFUSALS
from leeward.runtime.settings import load_settings
from leeward.simulation.account import new_account, rules_of, simulate
from leeward.simulation.grid import align_detail, align_market, align_signals
from leeward.simulation.loop import run_account
from leeward.simulation.setup import Setup
from leeward.strategies.evaluate import evaluate, strategy_need
from leeward.strategies.signals import Signals


def time_loop(folder: Path, limits: str, runs: int) -> None:
    """Times the account loop alone on the signals that every engine gets."""
    candles = CandleStore(folder).load("BTCUSDT", Timeframe.parse("1m"))
    given = np.load(folder / "signals.npz")
    signals = Signals(**given, size=np.full(len(candles), SIZE))
    _tell_loop([candles], [signals], limits, runs)


def time_symbols_loop(folder: Path, limits: str, runs: int) -> None:
    """Times the account loop alone on ten symbols in one account."""
    store, strategy = CandleStore(folder), EmaCrossTarget()
    candles = [store.load(symbol, Timeframe.parse(SYMBOLS_TIMEFRAME)) for symbol in SYMBOLS]
    need = strategy_need(strategy, Frame.of(candles[0]).columns)
    signals = [evaluate(strategy, Frame.of(c), need).signals for c in candles]
    _tell_loop(candles, signals, limits, runs)


def _tell_loop(candles: list[Candles], signals: list[Signals], limits: str, runs: int) -> None:
    """Tells the times of `simulate`, and as `loop` those of the compiled loop within it."""
    setup = Setup(
        balance=BALANCE,
        fee=FEE,
        slippage=SLIPPAGE,
        instruments=tuple(Instrument(c.symbol) for c in candles),
        limits=RiskLimits(**LIMITS[limits]),
    )
    seconds = repeat(lambda: simulate(candles, signals, setup), runs)
    trades = simulate(candles, signals, setup).trades
    loop = _bare_loop(candles, signals, setup, len(trades))
    bare = [loop() for _ in range(runs + 2)][2:]
    tell(seconds, loop=bare, trades=len(trades), candles=sum(map(len, candles)))


def _bare_loop(
    candles: list[Candles], signals: list[Signals], setup: Setup, trades: int
) -> Callable[[], float]:
    """Returns a run of the compiled loop on arrays laid out before; it tells its seconds."""
    market = align_market(candles)
    advice = align_signals(candles, signals, market, setup.limits)
    fine, rules = align_detail(candles, None, market), rules_of(setup)
    symbols, steps = market.close.shape
    equity, exposure = np.empty(steps), np.empty(steps)

    def run() -> float:
        account, positions, orders = new_account(setup.balance, symbols)
        written = np.zeros(trades + 3 * symbols, TRADE).view(np.recarray)
        refusals = np.zeros((symbols, len(REFUSALS)), np.int64)
        begun = perf_counter()
        last = run_account(
            0, steps, market, fine, advice, rules,
            account, positions, orders, written, refusals, equity, exposure,
        )  # fmt: skip
        seconds = perf_counter() - begun
        assert last == steps
        return seconds

    return run


def time_backtest(folder: Path, limits: str, runs: int) -> None:
    """Times a whole backtest of the 1m candles."""
    _tell_backtest(folder, ("BTCUSDT",), "1m", limits, runs)


def time_symbols(folder: Path, limits: str, runs: int) -> None:
    """Times a whole backtest of ten symbols in one account."""
    _tell_backtest(folder, SYMBOLS, SYMBOLS_TIMEFRAME, limits, runs)


def _tell_backtest(
    folder: Path, symbols: tuple[str, ...], timeframe: str, limits: str, runs: int
) -> None:
    settings = load_settings(None, [f"data.dir={folder}"])
    seconds, lookahead = [], []
    for _ in range(runs + 2):
        begun = perf_counter()
        result = backtest(
            EmaCrossTarget,
            symbols=symbols,
            timeframe=timeframe,
            balance=BALANCE,
            fee=FEE,
            slippage=SLIPPAGE,
            risk=LIMITS[limits],
            settings=settings,
        )
        elapsed = perf_counter() - begun
        lookahead.append(result.timing["lookahead_s"])
        seconds.append(elapsed - lookahead[-1])
    tell(
        seconds[2:],
        lookahead=lookahead[2:],
        trades=result.metrics["trades"],
        candles=sum(map(len, result.candles)),
    )


_WORK = {
    "loop": time_loop,
    "symbols_loop": time_symbols_loop,
    "backtest": time_backtest,
    "symbols": time_symbols,
}

if __name__ == "__main__":
    what, where, which, times = sys.argv[1:]
    _WORK[what](Path(where), which, int(times))
