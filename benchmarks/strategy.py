"""The work every engine does: averages crossing, a stop of 2 ATR, a target 4 % above the close."""

from __future__ import annotations

from leeward import Frame, param
from leeward.domain.columns import FloatColumn
from leeward.strategies.ema_cross import EmaCross


class EmaCrossTarget(EmaCross):
    """Long while the fast average is above the slow one, with a stop and a target."""

    timeframe = "1m"
    target_fraction = param(0.04, low=0.001, high=0.5)

    def calculate_target(self, frame: Frame) -> FloatColumn:
        return frame.close * (1.0 + self.target_fraction)
