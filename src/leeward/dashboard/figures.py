"""How an account has performed since its first candle, from what is in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from sqlalchemy import Connection

from leeward.database import browsing, reading
from leeward.database.browsing import EventQuery, Moved
from leeward.domain.columns import FloatColumn
from leeward.domain.timeframe import DAY_MS
from leeward.engine.record_codec import record_of
from leeward.engine.records import EquityMarked, FeesValued, PositionClosed
from leeward.runtime.trading.measuring import trade_values
from leeward.statistics.account import annual_growth, calmar_ratio, moved_part
from leeward.statistics.daily import daily_marks, monthly_returns
from leeward.statistics.sharpe import sharpe_ratio, sortino_ratio


@dataclass(frozen=True)
class Figures:
    """Fractions, quote units and counts as the names say; None where there is too little to tell.

    What was paid in and out is neither gain nor loss, as for the loss limits: it moves what was
    there before in proportion. Drawdown is the largest at any candle, below the account's peak;
    everything else is measured at the ends of days and at the last candle. `buy_and_hold_fraction`
    is of all symbols in equal parts, over the same candles and without costs."""

    return_fraction: float | None
    buy_and_hold_fraction: float | None
    cagr: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown_fraction: float | None
    trades: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    fees: float
    unprotected_s: float
    monthly: dict[str, float]


@dataclass(frozen=True)
class Performance(Figures):
    """The figures and what they are of; `trade_returns` are fractions of what each trade cost, by
    exit."""

    first_ms: int | None
    last_ms: int | None
    first_equity: Decimal | None
    last_equity: Decimal | None
    pnl: Decimal
    trade_returns: tuple[float, ...]


def performance(connection: Connection, account: str) -> Performance:
    """Returns the figures of an account, of all its sessions."""
    marks = browsing.daily_marks_of(connection, account)
    closed = reading.trades(connection, account)
    held = browsing.first_and_last_close(connection, account)
    growth = [last / first - 1.0 for first, last in held.values() if first > 0]
    pnl = [each.trade.pnl.amount for each in closed]
    won = sum((each for each in pnl if each > 0), Decimal(0))
    lost = -sum((each for each in pnl if each < 0), Decimal(0))
    total = sum(pnl, Decimal(0))
    figures = trade_values(closed, {}, _worth_of_fees(connection, account))
    days = _Days.of(marks, browsing.moved(connection, account, _quote(connection, account)))
    drawdown = browsing.largest_drawdown(connection, account)
    return Performance(
        first_ms=marks[0].open_time_ms if marks else None,
        last_ms=marks[-1].open_time_ms if marks else None,
        first_equity=marks[0].equity if marks else None,
        last_equity=marks[-1].equity if marks else None,
        return_fraction=days.growth,
        buy_and_hold_fraction=sum(growth) / len(growth) if growth else None,
        cagr=days.cagr,
        sharpe=days.sharpe,
        sortino=days.sortino,
        calmar=calmar_ratio(days.cagr, drawdown),
        max_drawdown_fraction=drawdown,
        trades=len(closed),
        win_rate=sum(each > 0 for each in pnl) / len(pnl) if pnl else None,
        profit_factor=float(won / lost) if lost else None,
        expectancy=float(total / len(pnl)) if pnl else None,
        pnl=total,
        fees=figures["fees"],
        unprotected_s=figures["unprotected_s"],
        monthly=days.monthly,
        trade_returns=tuple(_return_of(each) for each in closed),
    )


def _quote(connection: Connection, account: str) -> str:
    newest = reading.sessions(connection, account, 1)
    return str(newest[0].started.facts.get("quote", "USDT")) if newest else ""


def _worth_of_fees(connection: Connection, account: str) -> dict[str, Decimal]:
    """Returns what one of each other coin that fees were paid in was worth, on the whole."""
    told = browsing.events_page(connection, account, EventQuery((FeesValued.__name__,)))
    found: dict[str, Decimal] = {}
    for each in map(record_of, (event.record for event in told)):
        if isinstance(each, FeesValued) and each.amount:  # the newest comes first, and is of all
            found.setdefault(each.asset, each.value.amount / each.amount)
    return found


def _return_of(closed: PositionClosed) -> float:
    trade = closed.trade
    return float(trade.pnl.amount / trade.cost.amount) if trade.cost.amount else 0.0


@dataclass(frozen=True, slots=True)
class _Days:
    growth: float | None = None
    cagr: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    monthly: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def of(marks: Sequence[EquityMarked], moved: Sequence[Moved]) -> _Days:
        equity = _without(moved, marks)
        if not len(equity) or not (np.isfinite(equity) & (equity > 0)).all():
            return _Days()
        times = np.array([mark.open_time_ms for mark in marks], dtype=np.int64)
        days = daily_marks(times, equity, 1, float(equity[0]))
        growth = float(equity[-1] / equity[0] - 1.0)
        return _Days(
            growth,
            annual_growth(growth, int(times[-1] - times[0])) if len(times) > 1 else None,
            sharpe_ratio(days.changes),
            sortino_ratio(days.changes),
            monthly_returns(days) if times[-1] - times[0] >= DAY_MS else {},
        )


def _without(moved: Sequence[Moved], marks: Sequence[EquityMarked]) -> FloatColumn:
    """Returns equity as if nothing had been paid in or out since the first mark; NaN from where
    everything was."""
    equity = np.array([float(mark.equity) for mark in marks])
    times = np.array([mark.open_time_ms for mark in marks], dtype=np.int64)
    for each in moved:
        part = float(moved_part(each.equity, each.amount))
        equity[times > each.open_time_ms] /= part or np.nan
    return equity
