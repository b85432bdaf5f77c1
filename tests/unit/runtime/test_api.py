from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leeward.data.generated import generate_market
from leeward.data.resample import resample
from leeward.data.store import CandleStore
from leeward.domain.candles import Candles
from leeward.domain.columns import BoolColumn, FloatColumn
from leeward.domain.errors import BadCandles, BadUsage
from leeward.domain.frame import Frame
from leeward.domain.timeframe import Timeframe
from leeward.runtime.api import backtest
from leeward.runtime.settings import Settings, load_settings
from leeward.strategies.base import Strategy
from leeward.strategies.ema_cross import EmaCross

HOUR, MINUTES = Timeframe.parse("1h"), Timeframe.parse("15m")
QUARTERS = generate_market(["AUSDT", "BUSDT"], MINUTES, 1_609_459_200_000, 4_800, seed=9)
MARKET = {name: resample(candles, HOUR) for name, candles in QUARTERS.items()}


class DailyClose(Strategy):
    """Reads the traded symbol's own daily close."""

    informative = (("SELF", "1d"),)

    def calculate_indicators(self, candles: Frame) -> Frame:
        return candles

    def check_entry_conditions(self, frame: Frame) -> BoolColumn:
        return frame.close > frame.SELF_1d_close

    def check_exit_conditions(self, frame: Frame) -> BoolColumn:
        return frame.close < frame.SELF_1d_close

    def calculate_position_size(self, frame: Frame) -> FloatColumn:
        return np.full(len(frame), 0.1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(None, [f"data.dir={tmp_path}"])


def test_candles_changed_by_their_owner_get_another_result_id(settings: Settings) -> None:
    stored = CandleStore(settings.data.dir)
    stored.merge(MARKET["AUSDT"])
    loaded = stored.load("AUSDT", HOUR)
    before = backtest("ema_cross", loaded, settings=settings).result_id
    moved = replace(loaded, volume=loaded.volume + 1)
    assert backtest("ema_cross", moved, settings=settings).result_id != before
    loaded.volume[10] += 1
    assert backtest("ema_cross", loaded, settings=settings).result_id != before


def test_candles_broken_by_their_owner_are_refused(settings: Settings) -> None:
    broken = replace(MARKET["AUSDT"], close=MARKET["AUSDT"].close.copy())
    broken.close[100] = np.nan
    with pytest.raises(BadCandles, match="candle 100"):
        backtest("ema_cross", broken, settings=settings)


def test_class_attributes_that_change_the_account_change_the_result_id(
    settings: Settings,
) -> None:
    class Patient(EmaCross):
        max_candles = 24

    class Impatient(EmaCross):
        max_candles = 12

    first, second = (
        backtest(kind, MARKET["AUSDT"], settings=settings).result_id
        for kind in (Patient, Impatient)
    )
    assert first != second


def test_finer_candles_are_matched_by_symbol(settings: Settings) -> None:
    both = list(MARKET.values())
    fine = list(QUARTERS.values())
    straight = backtest("ema_cross", both, detail=fine, settings=settings)
    crossed = backtest("ema_cross", both, detail=fine[::-1], settings=settings)
    assert straight.result_id == crossed.result_id
    assert straight.simulation.trades.tobytes() == crossed.simulation.trades.tobytes()


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ([QUARTERS["AUSDT"]], "once for each of AUSDT, BUSDT"),
        ([MARKET["AUSDT"], MARKET["BUSDT"]], "do not divide"),
        ([QUARTERS["AUSDT"], resample(QUARTERS["BUSDT"], Timeframe.parse("30m"))], "one timeframe"),
    ],
)
def test_finer_candles_that_do_not_fit_are_refused(
    settings: Settings, detail: list[Candles], words: str
) -> None:
    with pytest.raises(BadUsage, match=words):
        backtest("ema_cross", list(MARKET.values()), detail=detail, settings=settings)


def test_given_candles_are_never_mixed_with_stored_ones_of_the_symbol(settings: Settings) -> None:
    alone = backtest(DailyClose, MARKET["AUSDT"], settings=settings)
    other = resample(MARKET["BUSDT"], Timeframe.parse("1d"))
    CandleStore(settings.data.dir).merge(replace(other, symbol="AUSDT", known_hashes={}))
    assert backtest(DailyClose, MARKET["AUSDT"], settings=settings).result_id == alone.result_id


def test_one_symbol_may_be_named_as_text_in_any_case(settings: Settings) -> None:
    CandleStore(settings.data.dir).merge(MARKET["AUSDT"])
    found = backtest("ema_cross", symbols="ausdt", timeframe="1h", settings=settings)
    assert found.inputs["symbols"] == ["AUSDT"]
