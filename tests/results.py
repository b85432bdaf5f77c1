"""Finished backtests for tests of statistics and reports: random walks traded by a plain rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.frame import Frame
from leeward.domain.instrument import Instrument
from leeward.domain.timeframe import Timeframe
from leeward.domain.trades import END_OF_DATA, SIGNAL, STOP, TARGET, TRADE
from leeward.report.result import BacktestResult
from leeward.risk.refusals import AGAINST_TREND, CORRELATED, REFUSALS
from leeward.simulation.setup import Setup, Simulation

HOUR = Timeframe.parse("1h")
START = 1_609_459_200_000  # 2021-01-01
FEE, SLIPPAGE, BALANCE = 0.001, 0.0005, 10_000.0


def walk(symbol: str, rows: int, seed: int = 1, skip: int = 0, gaps: Sequence[int] = ()) -> Candles:
    """Returns hourly candles of a random walk from 2021, without the first `skip` hours; the hour
    of every row in `gaps` and the one after it are missing."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(2e-5, 0.008, rows)))
    open_ = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(open_, close) * (1 + rng.exponential(0.002, rows))
    low = np.minimum(open_, close) * (1 - rng.exponential(0.002, rows))
    time = START + (np.arange(rows, dtype=np.int64) + skip) * HOUR.length_ms
    keep = np.ones(rows, dtype=bool)
    for row in gaps:
        keep[row : row + 2] = False
    open_, high, low, close = (column[keep] for column in (open_, high, low, close))
    return Candles(symbol, HOUR, time[keep], open_, high, low, close, np.ones(len(close)))


def trade(**fields: float) -> NDArray[np.void]:
    """Returns a table of one trade: entry 100, exit 110, quantity 2, no costs, unless given."""
    row = np.zeros(1, dtype=TRADE)
    given = {
        "entry_time": START, "entry_price": 100.0, "quantity": 2.0, "exit_time": START + 3_600_000,
        "exit_price": 110.0, "pnl": 20.0, "stop": np.nan, "target": np.nan, "last_stop": np.nan,
        "lowest": 95.0, "highest": 112.0, "candles": 1, "exit_reason": SIGNAL, **fields,
    }  # fmt: skip
    for name, value in given.items():
        row[name] = value
    return row


def table(*rows: NDArray[np.void]) -> NDArray[np.void]:
    """Returns the trades as one table."""
    return np.concatenate([np.zeros(0, dtype=TRADE), *rows])


def sample_result(
    candles: Sequence[Candles] = (),
    every: int = 90,
    halted_ms: int | None = None,
    synthetic: bool = False,
    strategy: str = "ema_cross",
    entry_tags: tuple[str, ...] = ("cross",),
) -> BacktestResult:
    """Returns a result whose books balance: each symbol is bought every `every` rows when flat."""
    candles = tuple(candles) or (walk("BTCUSDT", 2_000, gaps=(700, 1_400)),)
    steps = np.unique(np.concatenate([c.open_time for c in candles]))
    trades = table(*[_trade_rows(c, i, every) for i, c in enumerate(candles)])
    trades = np.sort(trades, order=["entry_time", "symbol"])
    equity, exposure = _mark(candles, steps, trades)
    refusals = np.zeros((len(candles), len(REFUSALS)), dtype=np.int64)
    refusals[0, [AGAINST_TREND, CORRELATED]] = 412, 3
    symbols = tuple(c.symbol for c in candles)
    setup = Setup(BALANCE, FEE, SLIPPAGE, tuple(Instrument(symbol) for symbol in symbols))
    final = BALANCE + float(trades["pnl"].sum())
    return BacktestResult(
        inputs=_inputs(strategy, candles),
        setup=setup,
        simulation=Simulation(symbols, steps, equity, exposure, trades, refusals, final, halted_ms),
        candles=candles,
        frames=tuple(_frame(c) for c in candles),
        entry_tags=entry_tags,
        exit_tags=("cross back",),
        checks={"lookahead": {"sampled": 24, "mismatches": 0}},
        result_id="5f0c" * 16,
        timing={"load_s": 0.01, "simulate_s": 0.0021, "total_s": 0.31},
        synthetic=synthetic,
    )


def _trade_rows(candles: Candles, symbol: int, every: int) -> NDArray[np.void]:
    rows, free = [], 20
    for start in range(20, len(candles) - 2, every) if every else []:
        if start >= free:
            rows.append(_one_trade(candles, symbol, start))
            exit_time = rows[-1]["exit_time"][0]
            free = int(np.searchsorted(candles.open_time, exit_time)) + 1
    return table(*rows)


def _one_trade(candles: Candles, symbol: int, row: int) -> NDArray[np.void]:
    decided = candles.close[row - 1]
    entry = candles.open[row] * (1 + SLIPPAGE)
    stop, target, quantity = decided * 0.96, decided * 1.06, round(1_000.0 / decided, 5)
    last = min(row + 150, len(candles) - 1)
    hit = (candles.low[row:last] <= stop) | (candles.high[row:last] >= target)
    end = row + int(np.argmax(hit)) if hit.any() else last
    if not hit.any():
        reason = SIGNAL if end < len(candles) - 1 else END_OF_DATA
        price = candles.open[end] * (1 - SLIPPAGE)
    elif candles.low[end] <= stop:
        reason, price = STOP, stop * (1 - SLIPPAGE)
    else:
        reason, price = TARGET, target
    fees = FEE * quantity * (entry + price)
    slips = entry - candles.open[row] + (0 if reason == TARGET else price / (1 - SLIPPAGE) - price)
    return trade(
        symbol=symbol, entry_time=candles.open_time[row], entry_price=entry, quantity=quantity,
        exit_time=candles.open_time[end], exit_price=price, fees=fees, slippage=quantity * slips,
        pnl=quantity * (price - entry) - fees, stop=stop, target=target, last_stop=stop,
        lowest=min(entry, price, *candles.low[row:end]),
        highest=max(entry, price, *candles.high[row:end]),
        candles=end - row, exit_reason=reason, entry_tag=1, exit_tag=int(reason == SIGNAL),
        ambiguous=int(reason == STOP and candles.high[end] >= target),
    )  # fmt: skip


def _mark(
    candles: Sequence[Candles], steps: IntColumn, trades: NDArray[np.void]
) -> tuple[FloatColumn, FloatColumn]:
    equity, exposure = np.full(len(steps), BALANCE), np.zeros(len(steps))
    for row in trades:
        symbol = candles[row["symbol"]]
        first, last = np.searchsorted(steps, [row["entry_time"], row["exit_time"]])
        held = np.searchsorted(symbol.open_time, steps[first:last], side="right") - 1
        value = row["quantity"] * symbol.close[held]
        cost = row["quantity"] * row["entry_price"] * (1 + FEE)
        equity[first:last] += value - cost
        exposure[first:last] += value
        equity[last:] += row["pnl"]
    return equity, exposure


def _frame(candles: Candles) -> Frame:
    slow = np.convolve(candles.close, np.full(50, 1 / 50))[: len(candles)]
    slow[:49] = np.nan
    oscillator = np.sin(np.arange(len(candles)) / 20)
    return Frame.of(candles).with_columns(slow=slow, oscillator=oscillator)


def _inputs(strategy: str, candles: Sequence[Candles]) -> dict[str, object]:
    return {
        "strategy": strategy,
        "params": {"fast": 20, "slow": 100, "stop_atr": 2.0},
        "symbols": [c.symbol for c in candles],
        "timeframe": "1h",
        "start": "2021-01-01T00:00:00Z",
        "end": "2021-03-25T08:00:00Z",
        "balance": BALANCE,
        "fee": FEE,
        "slippage": SLIPPAGE,
        "risk": {"max_position_fraction": 0.1, "trend_gate": "ema:200:10", "require_stop": True},
        "data": {
            c.symbol: {"rows": len(c), "sha256": c.sha256, "gaps": len(c.gaps)} for c in candles
        },
    }
