"""Rounding to the exchange's steps, and how much the limits leave of what was asked for."""

from __future__ import annotations

import math

from leeward.compiled import compiled
from leeward.domain.columns import FloatColumn


@compiled
def floor_to_step(value: float, step: float) -> float:
    """Returns the largest multiple of `step` that is not above `value`; step 0 rounds nothing.

    Where 1 / step is a whole number the multiple is a quotient of whole numbers, which is the
    nearest float to the decimal the exchange knows. Rounding twice changes nothing.
    """
    if step == 0.0:
        return value
    per_unit = round(1.0 / step)
    if per_unit > 0 and abs(per_unit * step - 1.0) < 1e-9:
        count = math.floor(value * per_unit)
        if (count + 1) / per_unit <= value:
            count += 1
        elif count / per_unit > value:
            count -= 1
        return count / per_unit
    count = math.floor(value / step)
    if (count + 1) * step <= value:
        count += 1
    elif count * step > value:
        count -= 1
    return count * step


@compiled
def ceil_to_step(value: float, step: float) -> float:
    """Returns the smallest multiple of `step` that is not below `value`; step 0 rounds nothing."""
    return -floor_to_step(-value, step)


@compiled
def ladder_factor(ladder: FloatColumn, equity: float, peak: float) -> float:
    """Returns the size factor of the deepest rung of `ladder`, rows of (drawdown, factor), that
    equity has reached."""
    factor = 1.0
    for rung in range(len(ladder)):
        if equity <= (1.0 - ladder[rung, 0]) * peak:
            factor = ladder[rung, 1]
    return factor
