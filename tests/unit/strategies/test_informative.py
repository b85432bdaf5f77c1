from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.walks import walk
from tests.zoo import WithOthers

from leeward.data.resample import resample
from leeward.domain.candles import Candles
from leeward.domain.timeframe import Timeframe
from leeward.strategies.informative import SELF, build_frame, frame_columns


def without(candles: Candles, rows: list[int]) -> Candles:
    """Returns the candles without some of them."""
    keep = np.setdiff1d(np.arange(len(candles)), rows)
    columns = ("open_time", "open", "high", "low", "close", "volume")
    return Candles(candles.symbol, candles.timeframe, *(getattr(candles, n)[keep] for n in columns))


def test_a_four_hour_column_changes_in_the_row_whose_close_is_the_four_hour_close() -> None:
    hours = walk(12)
    fours = resample(hours, Timeframe.parse("4h"))

    frame = build_frame(hours, {(SELF, "4h"): fours})

    a, b, c = fours.close
    unknown = [np.nan] * 3
    np.testing.assert_array_equal(frame[f"{SELF}_4h_close"], [*unknown, a, a, a, a, b, b, b, b, c])
    assert frame[f"{SELF}_4h_close"][3] == hours.close[3]
    assert frame.close is hours.close


def test_every_price_and_the_volume_is_joined() -> None:
    hours = walk(8)
    fours = resample(hours, Timeframe.parse("4h"))

    frame = build_frame(hours, {("ETHUSDT", "4h"): fours})

    for name in ("open", "high", "low", "close", "volume"):
        assert frame[f"ETHUSDT_4h_{name}"][[3, 7]].tolist() == getattr(fours, name).tolist()


def test_another_symbol_is_read_in_the_same_row_and_a_gap_keeps_the_last_candle() -> None:
    hours = walk(6)
    other = without(walk(6, symbol="ETHUSDT", seed=2), [2, 3])

    column = build_frame(hours, {("ETHUSDT", "1h"): other})["ETHUSDT_1h_close"]

    a, b, e, f = other.close
    assert column.tolist() == [a, b, b, b, e, f]


def test_a_gap_in_the_traded_symbol_takes_the_newest_candle_of_the_other() -> None:
    hours = without(walk(6), [2, 3])
    other = walk(6, symbol="ETHUSDT", seed=2)

    column = build_frame(hours, {("ETHUSDT", "1h"): other})["ETHUSDT_1h_close"]

    assert column.tolist() == other.close[[0, 1, 4, 5]].tolist()


def test_of_a_shorter_timeframe_the_last_candle_before_the_close_counts() -> None:
    quarters = walk(16, timeframe="15m")
    hours = resample(quarters, Timeframe.parse("1h"))

    column = build_frame(hours, {(SELF, "15m"): quarters})[f"{SELF}_15m_close"]

    assert column.tolist() == quarters.close[[3, 7, 11, 15]].tolist()


def test_a_symbol_listed_later_is_unknown_before_its_first_close() -> None:
    hours = walk(6)
    listed = walk(6, symbol="NEWUSDT").rows(3, 6)

    column = build_frame(hours, {("NEWUSDT", "1h"): listed})["NEWUSDT_1h_open"]

    np.testing.assert_array_equal(column, [np.nan, np.nan, np.nan, *listed.open])


@pytest.mark.parametrize("timeframe", ["1h", "4h"])
def test_no_candles_at_all_are_unknown_everywhere(timeframe: str) -> None:
    none = walk(3, timeframe=timeframe, symbol="NEWUSDT").rows(0, 0)

    frame = build_frame(walk(6), {("NEWUSDT", timeframe): none})

    assert np.isnan(frame[f"NEWUSDT_{timeframe}_close"]).all()


@given(
    length=st.sampled_from(["15m", "30m", "1h", "2h", "4h", "1d"]),
    other_length=st.sampled_from(["5m", "15m", "1h", "4h", "12h", "1d", "1w"]),
    late=st.integers(0, 300),
    gaps=st.lists(st.integers(0, 59), max_size=20),
)
def test_a_row_holds_the_last_candle_that_had_closed_and_never_a_later_one(
    length: str, other_length: str, late: int, gaps: list[int]
) -> None:
    candles = without(walk(60, timeframe=length), gaps)
    finest = Timeframe.parse(other_length)
    start = finest.floor(int(walk(1).open_time[0])) + late * finest.length_ms // 10
    other = walk(60, timeframe=other_length)
    other = Candles(
        "ETHUSDT",
        finest,
        other.open_time + finest.floor(start) - other.open_time[0],
        *(getattr(other, n) for n in ("open", "high", "low", "close", "volume")),
    )

    column = build_frame(candles, {("ETHUSDT", other_length): other})[
        f"ETHUSDT_{other_length}_close"
    ]

    for opened, value in zip(candles.open_time, column, strict=True):
        decided = opened + candles.timeframe.length_ms
        closed = [t for t in range(len(other)) if other.open_time[t] + finest.length_ms <= decided]
        expected = other.close[closed[-1]] if closed else np.nan
        np.testing.assert_equal(value, expected)


def test_the_columns_of_a_strategy_are_known_without_candles() -> None:
    names = frame_columns(WithOthers())

    assert {"close", "volume", "trades", "ETHUSDT_4h_high", f"{SELF}_1d_volume"} <= set(names)
