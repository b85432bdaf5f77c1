from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.data.resample import resample
from leeward.domain.candles import Candles
from leeward.domain.errors import BadUsage
from leeward.domain.timeframe import Timeframe

MINUTE, HOUR, DAY, WEEK = (Timeframe.parse(name) for name in ("1m", "1h", "1d", "1w"))


def ramp(times: list[int], timeframe: Timeframe) -> Candles:
    """Candle i opens at 100 + i, closes one higher, reaches half a unit beyond, volume i."""
    row = np.arange(len(times), dtype=np.float64)
    return Candles(
        "BTCUSDT",
        timeframe,
        np.array(times, dtype=np.int64),
        open=100 + row,
        high=101.5 + row,
        low=99.5 + row,
        close=101 + row,
        volume=row,
        trades=row * 2,
    )


def test_an_hour_of_minutes_becomes_one_candle() -> None:
    hour = resample(ramp([60_000 * i for i in range(60)], MINUTE), HOUR)
    assert hour.timeframe == HOUR
    assert hour.open_time.tolist() == [0]
    assert (hour.open[0], hour.high[0], hour.low[0], hour.close[0]) == (100.0, 160.5, 99.5, 160.0)
    assert hour.volume.tolist() == [1770.0]
    assert hour.trades is not None
    assert hour.trades.tolist() == [3540.0]
    assert hour.quote_volume is None


def test_an_hour_with_a_missing_minute_is_left_out() -> None:
    minutes = [60_000 * i for i in range(30, 240) if i != 130]
    hours = resample(ramp(minutes, MINUTE), HOUR)
    assert hours.open_time.tolist() == [3_600_000, 3 * 3_600_000]


def test_weeks_open_on_mondays() -> None:
    days = [86_400_000 * day for day in range(19_000, 19_021)]
    weeks = resample(ramp(days, DAY), WEEK)
    assert WEEK.on_grid(weeks.open_time)
    assert np.diff(weeks.open_time).tolist() == [WEEK.length_ms]


def test_an_unknown_finer_value_makes_the_total_unknown() -> None:
    candles = ramp([60_000 * i for i in range(120)], MINUTE)
    assert candles.trades is not None
    candles.trades[70] = np.nan
    hours = resample(candles, HOUR)
    assert hours.trades is not None
    assert hours.trades[0] == 3540.0
    assert np.isnan(hours.trades[1])


@pytest.mark.parametrize("rows", [0, 59])
def test_too_few_candles_give_none(rows: int) -> None:
    assert len(resample(ramp([60_000 * i for i in range(rows)], MINUTE), HOUR)) == 0


@pytest.mark.parametrize("coarser", ["1m", "3m"])
def test_a_length_that_is_not_a_multiple_is_refused(coarser: str) -> None:
    with pytest.raises(BadUsage, match="whole multiple of 5m"):
        resample(ramp([300_000], Timeframe.parse("5m")), Timeframe.parse(coarser))


@given(present=st.sets(st.integers(0, 400)))
def test_two_steps_and_one_agree_where_the_first_left_nothing_out(present: set[int]) -> None:
    candles = ramp([60_000 * i for i in sorted(present)], MINUTE)
    once = resample(candles, HOUR)
    twice = resample(resample(candles, Timeframe.parse("15m")), HOUR)
    for name in ("open_time", "open", "high", "low", "close", "volume"):
        assert getattr(once, name).tolist() == getattr(twice, name).tolist()
