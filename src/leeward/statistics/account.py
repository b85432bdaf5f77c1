"""What an account earned and endured: growth, drawdown, exposure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from leeward.compiled import compiled_alone
from leeward.domain.columns import FloatColumn
from leeward.statistics.sharpe import DAYS_A_YEAR


@dataclass(frozen=True, slots=True)
class EquityPath:
    """`max_drawdown` and `exposure` are fractions, `mean_equity` in quote units, over all steps;
    each is None where the steps cannot support it."""

    max_drawdown: float | None
    exposure: float | None
    mean_equity: float | None


def moved_part(equity: Decimal, flow: Decimal) -> Decimal:
    """Returns what an equity is times after `flow` came in (went out, negative) without a trade.

    Its peak, and whatever else it is compared with, move along by the same part: then a deposit is
    no profit and a withdrawal no loss. 1 where there was nothing to move.

    >>> moved_part(Decimal(100), Decimal(-25)), moved_part(Decimal(0), Decimal(50))
    (Decimal('0.75'), Decimal('1'))
    """
    return max(Decimal(0), equity + flow) / equity if equity > 0 else Decimal(1)


def walk_path(equity: FloatColumn, exposure: FloatColumn, balance: float) -> EquityPath:
    """Returns the largest drawdown, the mean share of equity in positions, and mean equity.

    One row a step, marked at its close, quote units. Drawdown is measured from the highest equity
    so far, which starts at the balance. Everything is None without steps, or where an equity is
    not finite and above zero.
    """
    if not len(equity):
        return EquityPath(None, None, None)
    drawdown, share, total = _walk(equity, exposure, balance)
    if not math.isfinite(total):
        return EquityPath(None, None, None)
    mean_share = share / len(equity)
    return EquityPath(
        drawdown, mean_share if math.isfinite(mean_share) else None, total / len(equity)
    )


@compiled_alone
def _walk(equity: FloatColumn, exposure: FloatColumn, balance: float) -> tuple[float, float, float]:
    peak, floor, lowest = balance, balance, 1.0
    share = total = 0.0
    for i in range(len(equity)):
        value = equity[i]
        if not value > 0.0:
            return 1.0, math.nan, math.nan
        total += value
        if exposure[i] != 0.0:
            share += exposure[i] / value
        if value > peak:
            peak = value
            floor = peak * lowest
        elif value < floor:
            lowest = value / peak
            floor = value
    return 1.0 - lowest, share, total


def drawdowns(equity: FloatColumn, balance: float) -> FloatColumn:
    """Returns each step's distance below the highest equity so far, as a fraction of it.

    The highest equity starts at the balance; 0 is a new high, 0.2 a fifth below.

    >>> drawdowns(np.array([90.0, 120.0, 60.0]), 100.0).round(6).tolist()
    [0.1, 0.0, 0.5]
    """
    peak = np.maximum(np.maximum.accumulate(equity), balance)
    return 1.0 - equity / peak


def annual_growth(return_fraction: float, duration_ms: int) -> float | None:
    """Returns the yearly rate that compounds to `return_fraction` (CAGR); a year has 365 days.

    None for less than two days, or where everything was lost.

    >>> annual_growth(0.21, 2 * 365 * 86_400_000)
    0.09999999999999999
    """
    days = duration_ms / 86_400_000
    if days < 2 or not -1.0 < return_fraction < math.inf:
        return None
    exponent = math.log1p(return_fraction) * DAYS_A_YEAR / days
    return math.expm1(exponent) if exponent < 700 else None


def calmar_ratio(cagr: float | None, max_drawdown: float | None) -> float | None:
    """Returns annual growth over the largest drawdown; None where either is unknown or zero."""
    if cagr is None or not max_drawdown:
        return None
    return cagr / max_drawdown
