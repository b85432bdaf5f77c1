"""Trend following at the speed the market allows."""

from __future__ import annotations

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.frame import Frame
from leeward.indicators.adaptive import adaptive_ema, efficiency_ratio
from leeward.indicators.averages import ema
from leeward.indicators.crossings import crossed_above, shift
from leeward.indicators.ranges import atr
from leeward.strategies.base import Strategy, param

#: Rows over which the usual volatility is averaged.
_USUAL = 100


class Adaptive(Strategy):
    """Long while the close holds above an average that speeds up in calm, straight trends.

    The speed of the average is trend strength times calm. Strength is Kaufman's efficiency ratio:
    the distance covered by the last `window` closes over the length of their way. Calm is 1 where
    the ATR, as a share of the price, is at or below its average of 100 rows, and falls as
    volatility rises above it: a large move in a market that is loud anyway proves little. So a
    clean trend is followed closely, and in noise the average hardly moves.

    Buys when the close breaks out by `band` ATR above a rising average (`breakout`), or when the
    average turns upwards below a close that has broken out already (`turn`). Sells when the close
    falls `band` ATR below the average (`trend_lost`), or below one that falls (`turned_down`).
    Asks for 10 % of equity, less in loud markets. The first stop lies `stop_atr` ATR below the
    close; from then on it follows at `trail_atr` ATR, further away, so that it locks in a trend
    without ending it at the first pullback.

    The defaults are round lengths (the averages of `ema_cross`, a day of hours) with a band wide
    enough that trades last days; nobody looked at what they earn, and they were not fitted.
    """

    timeframe = "1h"
    fast = param(20, low=5, high=49)
    slow = param(100, low=50, high=300)
    window = param(24, low=5, high=100)
    slope = param(10, low=1, high=30)
    band = param(1.0, low=0.0, high=3.0)
    stop_atr = param(2.5, low=0.5, high=6.0)
    trail_atr = param(4.0, low=1.0, high=10.0)

    def calculate_indicators(self, candles: Frame) -> Frame:
        close = candles.close
        atr_ = atr(candles.high, candles.low, close, 14)
        calm = calmness(atr_ / close)
        strength = efficiency_ratio(close, self.window)
        line = adaptive_ema(close, strength * calm, self.fast, self.slow)
        return candles.with_columns(
            atr=atr_,
            calm=calm,
            strength=strength,
            line=line,
            line_before=shift(line, self.slope),
            upper=line + self.band * atr_,
            lower=line - self.band * atr_,
        )

    def check_entry_conditions(self, frame: Frame) -> dict[str, BoolColumn]:
        rising = frame.line > frame.line_before
        return {
            "breakout": crossed_above(frame.close, frame.upper) & rising,
            "turn": crossed_above(frame.line, frame.line_before) & (frame.close > frame.upper),
        }

    def check_exit_conditions(self, frame: Frame) -> dict[str, BoolColumn]:
        return {
            "trend_lost": frame.close < frame.lower,
            "turned_down": (frame.close < frame.line) & (frame.line < frame.line_before),
        }

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return 0.10 * frame.calm

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return frame.close - self.stop_atr * frame.atr

    def calculate_trail(self, frame: Frame) -> FloatColumn:
        return self.trail_atr * frame.atr

    def calculate_confidence(self, frame: Frame) -> FloatColumn:
        return frame.strength


def calmness(volatility: FloatColumn) -> FloatColumn:
    """Returns 1 where volatility is at or below its average of 100 rows, less above, down to 0."""
    usual = ema(volatility, _USUAL)
    # Below any price step, so that a market that does not move at all is calm, not 0 / 0.
    nothing = 1e-12
    calm: FloatColumn = (usual + nothing) / (np.maximum(volatility, usual) + nothing)
    return calm
