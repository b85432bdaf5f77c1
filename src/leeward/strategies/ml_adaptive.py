"""A price model, asked for more where markets are hard to read."""

from __future__ import annotations

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.frame import Frame
from leeward.indicators.adaptive import efficiency_ratio
from leeward.strategies.adaptive import calmness
from leeward.strategies.base import param
from leeward.strategies.ml_basic import MlBasic


class MlAdaptive(MlBasic):
    """Long while the price model expects a rise, by terms that suit the market's regime.

    As `ml_basic`, but a market is trending where the last `window` closes went at least `straight`
    of their way in one direction (Kaufman's efficiency ratio), and loud where the ATR, as a share
    of the price, is above `loudest` times its average of 100 rows. Both come from closed candles.

    Without a trend a forecast must be `caution` surer; in a loud market as well, and the position
    is smaller and its stop wider by as much as volatility is above its average, so that noise alone
    does not end it and a stop costs about the same. The column `regime` is 0 in a calm trend, 1 in
    a loud one, 2 in a calm market without a trend, 3 in a loud one.
    """

    window = param(24, low=5, high=100)
    straight = param(0.25, low=0.05, high=0.9)
    loudest = param(1.3, low=1.0, high=5.0)
    caution = param(0.01, low=0.0, high=0.2)

    def calculate_indicators(self, candles: Frame) -> Frame:
        frame = super().calculate_indicators(candles)
        strength = efficiency_ratio(frame.close, self.window)
        calm = calmness(frame.atr / frame.close)
        aimless, loud = strength < self.straight, calm * self.loudest < 1.0
        known = np.isfinite(strength) & np.isfinite(calm)
        regime = np.where(known, 2.0 * aimless + loud, np.nan)
        return frame.with_columns(strength=strength, calm=calm, regime=regime)

    def check_entry_conditions(self, frame: Frame) -> dict[str, BoolColumn]:
        doubts = (frame.regime >= 2).astype(np.float64) + np.isin(frame.regime, (1.0, 3.0))
        return self.entries(frame, self.chance + self.caution * doubts)

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return super().calculate_position_size(frame) * frame.calm

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return frame.close - self.stop_atr * frame.atr / np.maximum(frame.calm, 0.25)
