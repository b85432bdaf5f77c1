"""Strategies that cheat, each in its own way, and honest ones that look suspicious."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.frame import Frame
from leeward.indicators.averages import ema
from leeward.indicators.crossings import crossed_above, crossed_below
from leeward.indicators.ranges import atr
from leeward.strategies.base import Condition, Strategy
from leeward.strategies.informative import SELF


def later(column: FloatColumn, rows: int = 1) -> FloatColumn:
    """Returns the value `rows` rows ahead: what no trader has."""
    return np.append(column[rows:], np.full(min(rows, len(column)), np.nan))


class Honest(Strategy):
    """Long while the close is above its average; every cheat below differs in one place."""

    caught_in: ClassVar[str] = ""

    def calculate_indicators(self, candles: Frame) -> Frame:
        frame = candles.with_columns(average=ema(candles.close, 20))
        return frame.with_columns(peek=self.peek(frame))

    def peek(self, frame: Frame) -> FloatColumn:
        return frame.close - frame.average

    def check_entry_conditions(self, frame: Frame) -> Condition:
        return crossed_above(frame.close, frame.average)

    def check_exit_conditions(self, frame: Frame) -> Condition:
        return crossed_below(frame.close, frame.average)

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return np.full(len(frame), 0.10)


class InColumn(Honest):
    caught_in = "peek"


class ShiftedBack(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        return later(frame.close)


class ShiftedFarBack(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        return later(frame.close, 700)


class Rolled(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        return np.roll(frame.close, -1)


class WholeMean(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        distance: FloatColumn = frame.close - frame.close.mean()
        return distance


class WholeMaximum(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        share: FloatColumn = frame.close / frame.high.max()
        return share


class HighestClose(InColumn):
    """Its highest close may lie before every cut; then only another future shows the cheat."""

    def peek(self, frame: Frame) -> FloatColumn:
        share: FloatColumn = frame.close / frame.close.max(initial=0.0)
        return share


class WholeRank(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        return np.argsort(np.argsort(frame.close)).astype(np.float64) / len(frame)


class ArgMax(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        return np.where(np.arange(len(frame)) < np.argmax(frame.high), 1.0, 0.0)


class Centred(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        return np.convolve(frame.close, np.ones(11) / 11, mode="same")


class FilledBackwards(InColumn):
    anchor = "2021-01-01"

    def peek(self, frame: Frame) -> FloatColumn:
        known = np.where(frame.close > frame.open, frame.close, np.nan)
        rows = np.where(np.isnan(known), len(frame) - 1, np.arange(len(frame)))
        return frame.close[np.minimum.accumulate(rows[::-1])[::-1]]


class RepaintingPivots(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(frame.high, 5, constant_values=-np.inf), 11
        )
        return np.where(windows.max(axis=1) == frame.high, 1.0, 0.0)


class LastClose(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        return frame.close / frame.close[-1] if len(frame) else frame.close


class WholeLength(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        return np.arange(len(frame)) / len(frame)


class FittedLine(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        rows = np.arange(len(frame)) / 1000
        return frame.close - np.polyval(np.polyfit(rows, frame.close, 1), rows)


class Spectrum(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        waves = np.fft.rfft(frame.close)
        waves[len(waves) // 4 :] = 0
        return np.fft.irfft(waves, len(frame))


class SmoothedBothWays(InColumn):
    def peek(self, frame: Frame) -> FloatColumn:
        return ema(ema(frame.close, 5)[::-1], 5)[::-1]


class HighestToCome(InColumn):
    anchor = "2021-01-01"

    def peek(self, frame: Frame) -> FloatColumn:
        return np.maximum.accumulate(frame.close[::-1])[::-1].copy()


class NextInformative(InColumn):
    informative = (("ETHUSDT", "4h"),)

    def peek(self, frame: Frame) -> FloatColumn:
        return later(frame["ETHUSDT_4h_close"], 4)


class PeeksInEntry(Honest):
    caught_in = "check_entry_conditions"

    def check_entry_conditions(self, frame: Frame) -> Condition:
        above = crossed_above(frame.close, frame.average)
        return {
            "plain": above & (frame.volume < 0),
            "good": above & (later(frame.close) > frame.close),
        }


class Veto(Honest):
    """Drops entries that lose within a day; where it cannot see so far, it drops none."""

    caught_in = "check_entry_conditions"
    anchor: ClassVar[str | None] = None

    def check_entry_conditions(self, frame: Frame) -> Condition:
        tomorrow = np.concatenate([frame.close[24:], frame.close[-1:].repeat(24)])[: len(frame)]
        # Such crossings are rare: one within a day of the unseen end, where it shows, is rarer.
        rare = crossed_above(frame.average, ema(frame.close, 100))
        return rare & (tomorrow >= frame.close)


class AnchoredVeto(Veto):
    anchor = "2021-01-01"

    def peek(self, frame: Frame) -> FloatColumn:
        return np.maximum.accumulate(frame.close)


class PeeksInExit(Honest):
    caught_in = "check_exit_conditions"

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        return later(frame.low) < 0.98 * frame.close


class PeeksInSize(Honest):
    caught_in = "calculate_position_size"

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return np.where(later(frame.close, 3) > frame.close, 0.10, 0.02)


class PeeksInStop(Honest):
    caught_in = "calculate_stop"

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return np.fmin(frame.low, later(frame.low)) * 0.999


class PeeksInTarget(Honest):
    caught_in = "calculate_target"

    def calculate_target(self, frame: Frame) -> FloatColumn:
        return later(frame.high)


class PeeksInTrail(Honest):
    caught_in = "calculate_trail"

    def calculate_trail(self, frame: Frame) -> FloatColumn:
        return np.full(len(frame), np.std(frame.close))


class PeeksInConfidence(Honest):
    caught_in = "calculate_confidence"

    def calculate_confidence(self, frame: Frame) -> FloatColumn:
        return np.where(later(frame.close) > frame.close, 1.0, 0.0)


CHEATS = (
    ShiftedBack, ShiftedFarBack, Rolled, WholeMean, WholeMaximum, HighestClose, WholeRank, ArgMax,
    Centred, FilledBackwards, RepaintingPivots, LastClose, WholeLength, FittedLine, Spectrum,
    SmoothedBothWays, HighestToCome, NextInformative, PeeksInEntry, Veto, AnchoredVeto,
    PeeksInExit, PeeksInSize, PeeksInStop, PeeksInTarget, PeeksInTrail, PeeksInConfidence,
)  # fmt: skip


class Tagged(Honest):
    """Tags, NaN, levels from the clock and columns handed back as they came."""

    def check_entry_conditions(self, frame: Frame) -> Condition:
        monday = (frame.open_time // 86_400_000 + 3) % 7 == 0
        above = crossed_above(frame.close, frame.average)
        return {"monday": above & monday, "other": above}

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return np.where(frame.close > frame.open, frame.low, np.nan)

    def calculate_target(self, frame: Frame) -> FloatColumn:
        return frame.high

    def calculate_confidence(self, frame: Frame) -> FloatColumn:
        return np.clip(atr(frame.high, frame.low, frame.close, 14) / frame.close, 0, 1)


class ByHand(Honest):
    """Reaches back with NumPy alone, and says how far."""

    reaches: ClassVar[int] = 50
    warm_up = 60

    def peek(self, frame: Frame) -> FloatColumn:
        window = self.reaches
        out = np.full(len(frame), np.nan)
        if len(frame) >= window:
            windows = np.lib.stride_tricks.sliding_window_view(frame.close, window)
            out[window - 1 :] = windows.mean(axis=1) - windows.min(axis=1)
        return out


class WithOthers(Honest):
    """Reads another symbol and a coarser timeframe of its own."""

    informative = (("ETHUSDT", "4h"), (SELF, "1d"))

    def peek(self, frame: Frame) -> FloatColumn:
        return ema(frame["ETHUSDT_4h_close"] / frame[f"{SELF}_1d_close"], 10)


class Since(Honest):
    """Remembers everything since a date."""

    anchor = "2021-01-20"

    def peek(self, frame: Frame) -> FloatColumn:
        return frame.close / np.maximum.accumulate(frame.high)


class Silent(Honest):
    def check_entry_conditions(self, frame: Frame) -> BoolColumn:
        return np.zeros(len(frame), dtype=bool)

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        return np.ones(len(frame), dtype=bool)


class Differences(Honest):
    """Values around zero and ratios of them, where rounding shows most."""

    def peek(self, frame: Frame) -> FloatColumn:
        fast, slow = ema(frame.close, 5), ema(frame.close, 9)
        return (fast - slow) / (slow - ema(frame.close, 30))


HONEST = (Honest, Tagged, ByHand, WithOthers, Since, Silent, Differences)


class CountsCalls(Honest):
    """Keeps a counter between calls."""

    caught_in = "calculate_position_size"
    calls: ClassVar[list[int]] = []

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        self.calls.append(1)
        return np.full(len(frame), 0.10 / len(self.calls))


class HandsOverInSecret(Honest):
    """Leaves its average on the class for the other methods."""

    caught_in = "calculate_stop"
    secret: ClassVar[dict[str, FloatColumn]] = {}

    def calculate_indicators(self, candles: Frame) -> Frame:
        frame = super().calculate_indicators(candles)
        self.secret["average"] = frame.average
        return frame

    def calculate_stop(self, frame: Frame) -> FloatColumn:
        return np.resize(self.secret["average"], len(frame)) * 0.95


class DrawsChance(Honest):
    caught_in = "peek"

    def peek(self, frame: Frame) -> FloatColumn:
        return np.random.default_rng().random(len(frame))


UNSTEADY_ONES = (CountsCalls, HandsOverInSecret, DrawsChance)


class WritesToCandles(Honest):
    def calculate_indicators(self, candles: Frame) -> Frame:
        candles.close[0] = 1.0
        return super().calculate_indicators(candles)


class WritesToItsOwnColumn(Honest):
    def check_entry_conditions(self, frame: Frame) -> BoolColumn:
        frame.peek[:] = 0.0
        return frame.peek > 1


class ReachesBackInSilence(ByHand):
    """Uses 500 rows by hand and does not say so."""

    caught_in = "peek"
    reaches = 500
    warm_up = 0


class RemembersEverything(Honest):
    """An average by hand that never forgets where it started."""

    caught_in = "peek"

    def peek(self, frame: Frame) -> FloatColumn:
        plain = np.array(frame.close.tolist())
        means: FloatColumn = np.cumsum(plain) / np.arange(1.0, len(plain) + 1)
        return means


class CountsRows(Honest):
    caught_in = "peek"

    def peek(self, frame: Frame) -> FloatColumn:
        rows = np.arange(len(frame), dtype=np.float64)
        return np.where(frame.close > frame.open, rows % 24, np.nan)


SHORT_ONES = (ReachesBackInSilence, RemembersEverything, CountsRows)


class NotBelow(Honest):
    """Sells where the close is not above the average, which is also where that is unknown."""

    caught_in = "check_exit_conditions"

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        return ~(frame.close > frame.average)


class FilledWithCloses(Honest):
    caught_in = "peek"

    def peek(self, frame: Frame) -> FloatColumn:
        return np.where(np.isnan(frame.average), frame.close, frame.average)


EARLY_ONES = (NotBelow, FilledWithCloses)
