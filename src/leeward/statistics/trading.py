"""What the closed trades add up to. Trades have dtype `leeward.domain.trades.TRADE`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import FloatColumn, IntColumn

Trades = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class TradeSummary:
    """Quote units, fractions and rows; None where there is no trade, or none of the kind.

    `expectancy` is the mean profit of a trade in quote units, `mean_return` its mean fraction of
    the entry cost. `win_rate` counts trades above zero after costs. `profit_factor` is what the
    winners won over what the losers lost.
    """

    trades: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    mean_return: float | None
    mean_win: float | None
    mean_loss: float | None
    best: float | None
    worst: float | None
    mean_candles: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """The trades that share a name: how many, how many of them won, and what they earned."""

    name: str
    trades: int
    win_rate: float
    pnl: float
    mean_return: float


def summarise_trades(trades: Trades) -> TradeSummary:
    """Returns the counts and averages of the trades."""
    pnl = trades["pnl"]
    if not len(trades) or not np.isfinite(pnl).all():
        return TradeSummary(len(trades), *[None] * 9)
    won, lost = pnl[pnl > 0], pnl[pnl < 0]
    return TradeSummary(
        trades=len(trades),
        win_rate=len(won) / len(trades),
        profit_factor=_factor(float(won.sum()), -float(lost.sum())),
        expectancy=float(pnl.mean()),
        mean_return=float(trade_returns(trades).mean()),
        mean_win=float(won.mean()) if len(won) else None,
        mean_loss=float(lost.mean()) if len(lost) else None,
        best=float(pnl.max()),
        worst=float(pnl.min()),
        mean_candles=float(trades["candles"].mean()),
    )


def _factor(won: float, lost: float) -> float | None:
    factor = won / lost if lost > 0 else math.inf
    return factor if math.isfinite(factor) else None


def trade_returns(trades: Trades) -> FloatColumn:
    """Returns each trade's profit after costs as a fraction of its entry cost."""
    return trades["pnl"] / (trades["entry_price"] * trades["quantity"])


def adverse_excursions(trades: Trades) -> FloatColumn:
    """Returns how far the price fell below the entry: (entry - lowest) / entry, >= 0."""
    return (trades["entry_price"] - trades["lowest"]) / trades["entry_price"]


def favourable_excursions(trades: Trades) -> FloatColumn:
    """Returns how far the price rose above the entry: (highest - entry) / entry, >= 0."""
    return (trades["highest"] - trades["entry_price"]) / trades["entry_price"]


def turnover(trades: Trades, mean_equity: float | None) -> float | None:
    """Returns bought plus sold notional over mean equity, for the whole run (not a year)."""
    if not mean_equity:
        return None
    notional = trades["quantity"] * (trades["entry_price"] + trades["exit_price"])
    return float(notional.sum()) / mean_equity


def group_trades(trades: Trades, code: IntColumn, names: tuple[str, ...]) -> tuple[Group, ...]:
    """Returns one group for every name that has trades, in the order of the names.

    `code[i]` is the position in `names` of trade i.
    """
    count = np.bincount(code, minlength=len(names))
    won = np.bincount(code, trades["pnl"] > 0, len(names))
    pnl = np.bincount(code, trades["pnl"], len(names))
    returns = np.bincount(code, trade_returns(trades), len(names))
    return tuple(
        Group(names[i], int(n), float(won[i]) / int(n), float(pnl[i]), float(returns[i]) / int(n))
        for i, n in enumerate(count)
        if n
    )


def group_by_month(trades: Trades) -> tuple[Group, ...]:
    """Returns the groups of trades that ended in the same UTC month, named YYYY-MM, in order."""
    months = trades["exit_time"].astype("datetime64[ms]").astype("datetime64[M]")
    names, code = np.unique(months, return_inverse=True)
    return group_trades(trades, code.astype(np.int64), tuple(str(month) for month in names))
