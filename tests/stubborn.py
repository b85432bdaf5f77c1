"""Strategies for tests of what happens around a session."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.frame import Frame
from leeward.strategies.base import Strategy


class Stubborn(Strategy):
    """Buys whenever it holds nothing, and sells where the price stands above 150."""

    timeframe = "1h"

    def calculate_indicators(self, candles: Frame) -> Frame:
        return candles

    def check_entry_conditions(self, frame: Frame) -> BoolColumn:
        return frame.close < 150

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        return frame.close > 150

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return np.full(len(frame), 0.05)

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return 0.9 * frame.close


class Broken(Stubborn):
    """Divides by zero while the price stands at 120."""

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        if frame.close[-1] == 120:
            raise ZeroDivisionError("nothing to divide by")
        return super().calculate_stop(frame)


class Hanging(Stubborn):
    """Thinks while the price stands at 120, until it is noticed."""

    noticed: Callable[[], bool]

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        while frame.close[-1] == 120 and not self.noticed():
            time.sleep(0.05)
        return super().calculate_stop(frame)


class WithOthers(Stubborn):
    """Trades on what another symbol's four hours and the takers say."""

    informative = (("ETHUSDT", "4h"), ("SELF", "4h"))

    def calculate_indicators(self, candles: Frame) -> Frame:
        return candles.with_columns(
            takers=candles.taker_buy_volume / candles.volume,
            rising=candles.ETHUSDT_4h_close - candles.ETHUSDT_4h_open,
            own=candles.close - candles.SELF_4h_open,
        )

    def check_entry_conditions(self, frame: Frame) -> BoolColumn:
        return (frame.rising > 0) | (frame.takers > 0.52)

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        return (frame.rising < 0) & (frame.own < 0)
