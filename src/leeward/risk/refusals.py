"""Why an entry was refused. The gate gives the first reason that holds, in this order."""

from __future__ import annotations

from typing import Final

REFUSALS: Final = (
    "not_ready",
    "halted",
    "daily_loss",
    "cooldown",
    "max_open_positions",
    "against_trend",
    "no_stop",
    "max_exposure",
    "correlated",
    "below_minimum",
    "no_candle",
    "stop_crossed",
    "target_crossed",
    "insufficient_cash",
)
(
    NOT_READY,
    HALTED,
    DAILY_LOSS,
    COOLDOWN,
    MAX_OPEN_POSITIONS,
    AGAINST_TREND,
    NO_STOP,
    MAX_EXPOSURE,
    CORRELATED,
    BELOW_MINIMUM,
    NO_CANDLE,
    STOP_CROSSED,
    TARGET_CROSSED,
    INSUFFICIENT_CASH,
) = range(14)
