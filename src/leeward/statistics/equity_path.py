"""How an account's equity went, step by step: drawdown and exposure, in one pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

from leeward.compiled import compiled_alone
from leeward.domain.columns import FloatColumn


@dataclass(frozen=True, slots=True)
class EquityPath:
    """`max_drawdown` and `exposure` are fractions, `mean_equity` in quote units, over all steps;
    each is None where the steps cannot support it."""

    max_drawdown: float | None
    exposure: float | None
    mean_equity: float | None


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
