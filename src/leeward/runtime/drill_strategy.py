"""A strategy that trades all the time, so that a drill has something to break. It earns nothing."""

from __future__ import annotations

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.frame import Frame
from leeward.strategies.base import Strategy


class Restless(Strategy):
    """Buys whenever it is flat, with a close stop that it raises, and sells a few candles later."""

    timeframe = "1m"
    ratchet_stop = True
    max_candles = 6

    def calculate_indicators(self, candles: Frame) -> Frame:
        return candles

    def check_entry_conditions(self, frame: Frame) -> BoolColumn:
        return np.isfinite(frame["close"])

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        # One close in four: the last digits are as good as a coin, and the same after a restart.
        return np.equal(np.round(frame["close"] * 100) % 4, 0)

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return np.full(len(frame), 0.05)

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return frame["close"] * 0.99
