"""A trend that several independent measures confirm."""

from __future__ import annotations

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.frame import Frame
from leeward.indicators.averages import ema, macd, sma
from leeward.indicators.crossings import crossed_above
from leeward.indicators.momentum import rsi
from leeward.indicators.ranges import atr
from leeward.strategies.base import Strategy, param

#: The measures that may confirm a trend, as columns of 0 and 1.
CONFIRMATIONS = ("strength", "momentum", "calm", "interest")


class Enhanced(Strategy):
    """Long when a trend of averages is confirmed by RSI, MACD, ATR and volume.

    The trend is up while EMA(fast) is above EMA(slow) and the close above both. Four measures may
    confirm it: `strength`, RSI(14) between `rsi_low` and `rsi_high`, above the middle but not
    exhausted; `momentum`, MACD(12, 26, 9) above its signal; `calm`, an ATR(14), as a share of the
    price, of at most `loudest` times its average of 100 rows; `interest`, a volume of at least
    `volume_factor` times its average of 20 rows. Buys in the row in which the trend first has
    `confirmations` of them. The tag says which one was missing, or `all`, so that a report shows
    what each is worth. Asks for 10 % of equity with all of them, in proportion with fewer.

    Sells when the averages cross down (`trend_over`), or when MACD is below its signal and RSI
    below `rsi_exit` (`momentum_lost`). The stop lies `stop_atr` ATR below the close and is raised
    as that level rises.

    The defaults are the usual lengths, with an RSI for leaving that is low enough for trades to
    last days; nobody looked at what they earn, and they were not fitted.
    """

    timeframe = "1h"
    ratchet_stop = True
    fast = param(20, low=5, high=60)
    slow = param(100, low=61, high=300)
    confirmations = param(3, low=1, high=4)
    rsi_low = param(50.0, low=30.0, high=60.0)
    rsi_high = param(75.0, low=61.0, high=95.0)
    rsi_exit = param(40.0, low=20.0, high=60.0)
    loudest = param(2.0, low=1.0, high=5.0)
    volume_factor = param(1.0, low=0.2, high=3.0)
    stop_atr = param(3.0, low=0.5, high=6.0)

    def calculate_indicators(self, candles: Frame) -> Frame:
        close = candles.close
        fast, slow = ema(close, self.fast), ema(close, self.slow)
        histogram, index = macd(close, 12, 26, 9).histogram, rsi(close, 14)
        atr_ = atr(candles.high, candles.low, close, 14)
        volatility = atr_ / close
        usual_volatility = ema(volatility, 100)
        usual_volume = sma(candles.volume, 20)
        confirmed = {
            "strength": _known((index > self.rsi_low) & (index < self.rsi_high), index),
            "momentum": _known(histogram > 0, histogram),
            "calm": _known(volatility <= self.loudest * usual_volatility, usual_volatility),
            "interest": _known(candles.volume >= self.volume_factor * usual_volume, usual_volume),
        }
        trend = (fast > slow) & (close > fast)
        return candles.with_columns(
            fast=fast,
            slow=slow,
            histogram=histogram,
            rsi=index,
            atr=atr_,
            score=np.where(trend, np.sum(list(confirmed.values()), axis=0), 0.0),
            **confirmed,
        )

    def check_entry_conditions(self, frame: Frame) -> dict[str, BoolColumn]:
        reached = crossed_above(frame.score, self.confirmations - 0.5)
        missing = {f"no_{name}": reached & (frame[name] == 0) for name in CONFIRMATIONS}
        return {"all": reached & (frame.score == len(CONFIRMATIONS)), **missing}

    def check_exit_conditions(self, frame: Frame) -> dict[str, BoolColumn]:
        return {
            "trend_over": frame.fast < frame.slow,
            "momentum_lost": (frame.histogram < 0) & (frame.rsi < self.rsi_exit),
        }

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return 0.10 * frame.score / len(CONFIRMATIONS)

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return frame.close - self.stop_atr * frame.atr

    def calculate_confidence(self, frame: Frame) -> FloatColumn:
        return frame.score / len(CONFIRMATIONS)


def _known(condition: BoolColumn, column: FloatColumn) -> FloatColumn:
    """Returns 1 where the condition holds, 0 where it does not, NaN where the column is NaN."""
    return np.where(np.isnan(column), np.nan, condition)
