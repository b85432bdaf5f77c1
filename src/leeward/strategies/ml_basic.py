"""What a price model expects, behind it a rule."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.frame import Frame
from leeward.indicators.averages import ema
from leeward.indicators.crossings import crossed_above, crossed_below, shift
from leeward.indicators.features import WINDOW
from leeward.indicators.ranges import atr
from leeward.strategies.base import Strategy, param

#: The fraction of equity asked for with full confidence, and by the rule.
FULL_SIZE = 0.10
#: What models tell, under the name of the column that holds the answer of the one in charge.
_TOLD = ("prediction", "prediction_p_up", "prediction_p_win", "prediction_confidence")


class MlBasic(Strategy):
    """Long while the price model expects a rise and the trend agrees, else by the rule.

    The column `ladder` says who decides: 1 where the price model predicts, 0 where it does not (no
    whole window of candles, a model too old, drifted, or missing its bounds): then the rule of
    `ema_cross` does. Who decided an entry stands in its tag.

    With a forecast, buys where the chance of a rise is at least `chance` and the expected move
    above `edge`, while the close is above EMA(slow) (`price`); sells where the chance falls below
    one half (`forecast`). A model of trades, which gives the chance that a trade of the rule wins,
    confirms the rule's entries (`confirmed`). Asks for 10 % of equity, in proportion to confidence
    below `full_confidence`: a model that proved nothing has none, and buys nothing.

    The stop lies `stop_atr` ATR(14) below the close. The defaults were not fitted.
    """

    timeframe = "1h"
    needs: ClassVar[tuple[str, ...]] = ("prediction",)
    #: Prefixes of the models' columns, the one asked first at the front, and their tags.
    models: ClassVar[tuple[tuple[str, str], ...]] = (("", "price"),)
    fast = param(20, low=5, high=60)
    slow = param(100, low=61, high=300)
    chance = param(0.52, low=0.5, high=0.9)
    edge = param(0.0, low=0.0, high=0.02)
    full_confidence = param(0.2, low=0.02, high=1.0)
    stop_atr = param(2.5, low=0.5, high=6.0)

    def calculate_indicators(self, candles: Frame) -> Frame:
        close = candles.close
        slow = ema(close, self.slow)
        return candles.with_columns(
            fast=ema(close, self.fast),
            slow=slow,
            atr=atr(candles.high, candles.low, close, 14),
            **in_charge(candles, [prefix for prefix, _ in self.models]),
        )

    def check_entry_conditions(self, frame: Frame) -> dict[str, BoolColumn]:
        return self.entries(frame, np.full(len(frame), self.chance))

    def entries(self, frame: Frame, chance: FloatColumn) -> dict[str, BoolColumn]:
        """Returns the entries with `chance`, a row, as the least that a forecast must give."""
        crossing = crossed_above(frame.fast, frame.slow)
        rises = (frame.told_p_up >= chance) & (frame.told > self.edge)
        wanted = rises & (frame.told_confidence > 0) & (frame.close > frame.slow)
        confirmed = crossing & (frame.told_p_win >= chance) & (frame.told_confidence > 0)
        top = len(self.models)
        entries = {
            name: wanted & (frame.ladder == top - place)
            for place, (_, name) in enumerate(self.models)
        }
        return {**entries, "confirmed": confirmed, "rule": crossing & (frame.ladder == 0)}

    def check_exit_conditions(self, frame: Frame) -> dict[str, BoolColumn]:
        by_rule = (frame.ladder == 0) | np.isfinite(frame.told_p_win)
        return {
            "forecast": frame.told_p_up < 0.5,
            "rule": crossed_below(frame.fast, frame.slow) & by_rule,
        }

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        share = np.minimum(1.0, frame.told_confidence / self.full_confidence)
        return FULL_SIZE * np.where(frame.ladder > 0, share, 1.0)

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return frame.close - self.stop_atr * frame.atr

    def calculate_confidence(self, frame: Frame) -> FloatColumn:
        return np.where(frame.ladder > 0, frame.told_confidence, 0.0)


def in_charge(candles: Frame, prefixes: list[str]) -> dict[str, FloatColumn]:
    """Returns the column `ladder` and, as `told`, what the model in charge tells.

    The first of n models that predicts is in charge; ladder is n for the first, 1 for the last, and
    0, with NaN told, where none does. NaN before there can be a whole window.
    """
    ladder = np.zeros(len(candles))
    told = {name: np.full(len(candles), np.nan) for name in _TOLD}
    for step, prefix in enumerate(reversed(prefixes), start=1):
        answers = {name: candles[f"{prefix}{name}"] for name in _TOLD}
        predicts = np.isfinite(answers["prediction"]) | np.isfinite(answers["prediction_p_win"])
        ladder = np.where(predicts, float(step), ladder)
        told = {name: np.where(predicts, answers[name], told[name]) for name in _TOLD}
    # Before the first whole window nobody decides: it is not yet known who would.
    begun = np.isfinite(shift(candles.close, WINDOW - 1))
    columns = {name.replace("prediction", "told"): column for name, column in told.items()}
    return {"ladder": np.where(begun, ladder, np.nan), **columns}
