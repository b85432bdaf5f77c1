"""A strategy for tests of sessions: in and out all the time."""

from __future__ import annotations

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.frame import Frame
from leeward.strategies.base import Strategy


class Restless(Strategy):
    """Buys whatever does not fall at once, keeps it for a few candles, under a close stop."""

    timeframe = "1m"
    max_candles = 3

    def calculate_indicators(self, candles: Frame) -> Frame:
        return candles.with_columns(body=candles.close - candles.open)

    def check_entry_conditions(self, frame: Frame) -> BoolColumn:
        return frame.body > -1e-3 * frame.close

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        return frame.body < -2e-3 * frame.close

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return np.full(len(frame), 0.05)

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return 0.97 * frame.close


class Patient(Restless):
    """Waits for ever."""

    def check_entry_conditions(self, frame: Frame) -> BoolColumn:
        return np.zeros(len(frame), dtype=bool)
