"""The numbers of a finished backtest, from what the simulation left behind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from leeward.domain.candles import Candles
from leeward.domain.columns import FloatColumn
from leeward.domain.trades import EXIT_REASONS
from leeward.risk.refusals import REFUSALS
from leeward.simulation.setup import Setup, Simulation
from leeward.statistics.account import annual_growth, calmar_ratio
from leeward.statistics.comparison import (
    hold_equity,
    hold_return,
    pnl_at_costs,
    pnl_target_first,
)
from leeward.statistics.daily import daily_marks
from leeward.statistics.equity_path import walk_path
from leeward.statistics.sharpe import probability_of_skill, sharpe_ratio, sortino_ratio
from leeward.statistics.trading import group_by_month, group_trades, summarise_trades, turnover

Figures = dict[str, float | int | None]


def measure(setup: Setup, simulation: Simulation, candles: Sequence[Candles]) -> Figures:
    """Returns the metrics of a backtest by name; None where the data cannot support one.

    Fractions, quote units and counts as the names say; turnover is bought plus sold notional over
    mean equity, for the whole run.
    """
    path = walk_path(simulation.equity, simulation.exposure, setup.balance)
    trades, summary = simulation.trades, summarise_trades(simulation.trades)
    gained = simulation.final_cash / setup.balance - 1.0
    cagr = _annual(gained, simulation, candles)
    changes = _daily_changes(simulation.equity, simulation, candles, setup.balance)
    return {
        "final_equity": _finite(simulation.final_cash),
        "return_fraction": _finite(gained),
        "cagr": cagr,
        "sharpe": sharpe_ratio(changes),
        "sortino": sortino_ratio(changes),
        "calmar": calmar_ratio(cagr, path.max_drawdown),
        "max_drawdown_fraction": path.max_drawdown,
        "trades": summary.trades,
        "win_rate": summary.win_rate,
        "profit_factor": summary.profit_factor,
        "expectancy": summary.expectancy,
        "exposure_fraction": path.exposure,
        "turnover": turnover(trades, path.mean_equity),
        "fees_paid": _finite(float(trades["fees"].sum())),
        "slippage_paid": _finite(float(trades["slippage"].sum())),
        "buy_and_hold_fraction": hold_return(candles, simulation.open_time),
        "psr": probability_of_skill(changes),
        "dsr": None,
        "trials": None,
    }


def compare(setup: Setup, simulation: Simulation, candles: Sequence[Candles]) -> dict[str, Figures]:
    """Returns what the same account would have made otherwise.

    Holding every symbol in equal parts without costs; the same entries, exits and quantities at no
    costs and at twice the costs; and, where stop and target lay inside one candle, the worst order
    of prices (the stop first, as simulated) and the best (the target first).
    """
    trades = simulation.trades
    free = pnl_at_costs(trades, setup.fee, setup.slippage, 0.0)
    double = pnl_at_costs(trades, setup.fee, setup.slippage, 2.0)
    best = pnl_target_first(trades, setup.fee)
    return {
        "buy_and_hold": _hold(setup, simulation, candles),
        "costs_0x": _outcome(free, setup.balance),
        "costs_2x": _outcome(double, setup.balance),
        "intrabar": {
            "ambiguous_trades": int(trades["ambiguous"].sum()),
            "worst_return_fraction": _outcome(trades["pnl"], setup.balance)["return_fraction"],
            "best_return_fraction": _outcome(best, setup.balance)["return_fraction"],
        },
    }


def break_down(
    simulation: Simulation, entry_tags: tuple[str, ...]
) -> dict[str, list[dict[str, str | int | float]]]:
    """Returns the trades grouped by month of exit, exit reason, entry tag and symbol."""
    trades = simulation.trades
    groups = {
        "month": group_by_month(trades),
        "exit_reason": group_trades(trades, trades["exit_reason"], EXIT_REASONS),
        "entry_tag": group_trades(trades, trades["entry_tag"], ("", *entry_tags)),
        "symbol": group_trades(trades, trades["symbol"], simulation.symbols),
    }
    return {name: [asdict(group) for group in found] for name, found in groups.items()}


def count_refusals(simulation: Simulation) -> dict[str, int]:
    """Returns how often each reason refused an entry, over all symbols, zeros included."""
    counts = simulation.refusals.sum(axis=0)
    return {name: int(count) for name, count in zip(REFUSALS, counts, strict=True)}


def _hold(setup: Setup, simulation: Simulation, candles: Sequence[Candles]) -> Figures:
    equity = hold_equity(candles, simulation.open_time, setup.balance)
    gained = hold_return(candles, simulation.open_time)
    if equity is None or gained is None:
        names = ("final_equity", "return_fraction", "cagr", "sharpe", "max_drawdown_fraction")
        return dict.fromkeys(names)
    changes = _daily_changes(equity, simulation, candles, setup.balance)
    return {
        "final_equity": setup.balance * (1.0 + gained),
        "return_fraction": gained,
        "cagr": _annual(gained, simulation, candles),
        "sharpe": sharpe_ratio(changes),
        "max_drawdown_fraction": walk_path(equity, equity, setup.balance).max_drawdown,
    }


def _annual(gained: float, simulation: Simulation, candles: Sequence[Candles]) -> float | None:
    time = simulation.open_time
    if not len(time):
        return None
    return annual_growth(gained, int(time[-1] - time[0]) + candles[0].timeframe.length_ms)


def _daily_changes(
    equity: FloatColumn, simulation: Simulation, candles: Sequence[Candles], balance: float
) -> FloatColumn:
    length_ms = candles[0].timeframe.length_ms if candles else 0
    return daily_marks(simulation.open_time, equity, length_ms, balance).changes


def _outcome(pnl: FloatColumn | None, balance: float) -> Figures:
    total = None if pnl is None else _finite(float(np.sum(pnl)))
    if total is None:
        return {"final_equity": None, "return_fraction": None}
    return {"final_equity": balance + total, "return_fraction": total / balance}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
