"""What an account earned and endured: growth and drawdown."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from leeward.domain.columns import FloatColumn
from leeward.statistics.sharpe import DAYS_A_YEAR


def moved_part(equity: Decimal, flow: Decimal) -> Decimal:
    """Returns what an equity is times after `flow` came in (went out, negative) without a trade.

    Its peak, and whatever else it is compared with, move along by the same part: then a deposit is
    no profit and a withdrawal no loss. 1 where there was nothing to move.

    >>> moved_part(Decimal(100), Decimal(-25)), moved_part(Decimal(0), Decimal(50))
    (Decimal('0.75'), Decimal('1'))
    """
    return max(Decimal(0), equity + flow) / equity if equity > 0 else Decimal(1)


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
