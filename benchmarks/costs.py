"""What every engine assumes of the account; imported by children that import nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BALANCE = 10_000.0
FEE = 0.001
SLIPPAGE = 0.0005
SIZE = 0.10
FAST, SLOW, ATR, STOP_ATR, TARGET = 20, 100, 14, 2.0, 0.04

#: Every limit as shipped, but for the drawdown at which the account halts: on these candles it
#: would halt within a year, and a halted loop has nothing to do.
CONTAINED = {"max_drawdown_fraction": 1.0}
#: Limits the peers have no word for, set so that they never bind: every engine then takes the
#: same entries. The gate still runs and asks all of its questions.
SAME_TRADES = {
    "max_drawdown_fraction": 1.0,
    "trend_gate": "off",
    "cooldown_candles": 0,
    "drawdown_ladder": (),
    "daily_loss_fraction": 1.0,
}
LIMITS: Mapping[str, Mapping[str, Any]] = {"contained": CONTAINED, "same_trades": SAME_TRADES}
