"""Candles that a session keeps for replays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leeward.domain.candle import Candle
from leeward.domain.errors import Failed
from leeward.domain.timeframe import Timeframe
from leeward.runtime.trading.history import KeptCandles

HOUR = Timeframe.parse("1h")
ONE = Candle("BTCUSDT", HOUR, 0, 100.0, 101.5, 99.0, 100.1, 7.25, 725.5, 12, 3.5)
TWO = replace(ONE, open_time_ms=HOUR.length_ms, close=0.1 + 100, quote_volume=np.nan)
FOUR = replace(ONE, symbol="ETHUSDT", timeframe=Timeframe.parse("4h"))


def test_candles_come_back_as_they_were_each_series_in_order(tmp_path: Path) -> None:
    kept = KeptCandles(tmp_path / "candles.jsonl")
    assert kept.read() == {}
    kept.append([TWO, FOUR])
    kept.append([ONE, TWO])
    found = kept.read()
    hours = found["BTCUSDT", "1h"]
    assert hours.open_time.tolist() == [0, HOUR.length_ms]
    assert hours.close.tolist() == [ONE.close, TWO.close]
    assert hours.trades is not None
    assert hours.trades.tolist() == [12, 12]
    assert hours.quote_volume is not None
    assert np.isnan(hours.quote_volume[1])
    assert len(found["ETHUSDT", "4h"]) == 1


def test_a_line_that_a_crash_cut_short_is_no_candle(tmp_path: Path) -> None:
    kept = KeptCandles(tmp_path / "candles.jsonl")
    kept.append([ONE, TWO])
    whole = kept.path.read_text()
    kept.path.write_text(whole[:-9])
    assert len(kept.read()["BTCUSDT", "1h"]) == 1
    kept.path.write_text(whole.replace("{", "", 1))
    with pytest.raises(Failed, match="line 1 cannot be read"):
        kept.read()
