"""What a simulated account starts with and obeys, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leeward.domain.columns import FloatColumn, IntColumn
from leeward.domain.errors import BadUsage
from leeward.domain.instrument import Instrument
from leeward.risk.limits import RiskLimits


@dataclass(frozen=True, slots=True)
class Setup:
    """`balance` in quote units; `fee` and `slippage` as fractions of price per side; one
    instrument a symbol, in the order of the symbols; `max_candles` 0 for no time exit; steps
    begin at `start_ms` (UTC), or at the first candle."""

    balance: float
    fee: float
    slippage: float
    instruments: tuple[Instrument, ...]
    limits: RiskLimits = field(default_factory=RiskLimits)
    max_candles: int = 0
    ratchet_stop: bool = False
    start_ms: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.balance < float("inf"):
            raise BadUsage(f"balance: {self.balance:g} must be a finite amount above 0")
        for name, value in (("fee", self.fee), ("slippage", self.slippage)):
            if not 0 <= value < 1:
                raise BadUsage(
                    f"{name}: {value:g} must be 0 or more and below 1 (a fraction: 0.001 is 0.1 %)"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """What the account did. Equity and exposure (quote units) are marked at each step's close;
    `trades` has dtype `leeward.domain.trades.TRADE`, in order of entry time, then symbol;
    `refusals` counts by (symbol, position in `leeward.risk.refusals.REFUSALS`); `halted_ms` is
    the open time of the candle at whose close the drawdown limit halted trading."""

    symbols: tuple[str, ...]
    open_time: IntColumn
    equity: FloatColumn
    exposure: FloatColumn
    trades: NDArray[np.void]
    refusals: NDArray[np.int64]
    final_cash: float
    halted_ms: int | None
