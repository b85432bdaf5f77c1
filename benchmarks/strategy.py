"""The work every engine does: averages crossing, a stop of 2 ATR, a target 4 % above the close."""

from __future__ import annotations

import numpy as np

from leeward import Frame, Strategy, param
from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.indicators.averages import ema
from leeward.indicators.crossings import crossed_above, crossed_below
from leeward.indicators.ranges import atr


class EmaCrossTarget(Strategy):
    """Long while the fast average is above the slow one, with a stop and a target."""

    timeframe = "1m"
    fast = param(20, low=5, high=60)
    slow = param(100, low=50, high=300)
    stop_atr = param(2.0, low=0.5, high=6.0)
    target_fraction = param(0.04, low=0.001, high=0.5)

    def calculate_indicators(self, candles: Frame) -> Frame:
        return candles.with_columns(
            fast=ema(candles.close, self.fast),
            slow=ema(candles.close, self.slow),
            atr=atr(candles.high, candles.low, candles.close, 14),
        )

    def check_entry_conditions(self, frame: Frame) -> BoolColumn:
        return crossed_above(frame.fast, frame.slow)

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        return crossed_below(frame.fast, frame.slow)

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return np.full(len(frame), 0.10)

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return frame.close - self.stop_atr * frame.atr

    def calculate_target(self, frame: Frame) -> FloatColumn:
        return frame.close * (1.0 + self.target_fraction)
