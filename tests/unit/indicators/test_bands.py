from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.walks import walk

from leeward.domain.columns import FloatColumn
from leeward.indicators import (
    atr,
    bollinger,
    crossed_above,
    donchian,
    ema,
    keltner,
    shift,
    sma,
    supertrend,
)

CANDLES = walk(500)
HIGH, LOW, CLOSE = CANDLES.high, CANDLES.low, CANDLES.close


@pytest.mark.parametrize(("period", "deviations"), [(5, 1.0), (20, 2.0), (100, 2.5)])
def test_bollinger_bands_are_those_of_talib(period: int, deviations: float) -> None:
    theirs = talib.BBANDS(CLOSE, period, deviations, deviations)
    for ours, expected in zip(bollinger(CLOSE, period, deviations), theirs, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_bands_of_real_candles_are_those_of_talib(market_data: Path) -> None:
    table = pl.read_parquet(market_data / "BTCUSDT-1h.parquet")
    high, low, close = (table[name].to_numpy() for name in ("high", "low", "close"))
    for ours, theirs in zip(bollinger(close), talib.BBANDS(close, 20, 2.0, 2.0), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    np.testing.assert_array_equal(donchian(high, low, 20).upper, talib.MAX(high, 20))
    np.testing.assert_array_equal(donchian(high, low, 20).lower, talib.MIN(low, 20))


def test_the_middle_of_bollinger_bands_is_the_simple_average_to_the_last_bit() -> None:
    np.testing.assert_array_equal(bollinger(CLOSE, 20).middle, sma(CLOSE, 20))


def test_donchian_bands_count_the_newest_candle() -> None:
    found = donchian(HIGH, LOW, 20)
    assert (found.upper[19:] >= HIGH[19:]).all()
    assert found.upper[100] == HIGH[81:101].max()
    assert found.lower[100] == LOW[81:101].min()
    assert found.middle[100] == (found.upper[100] + found.lower[100]) / 2


def test_a_breakout_compares_with_the_band_of_the_row_before() -> None:
    price = np.array([2.0, 3.0, 3.0, 4.0, 3.0])
    upper = donchian(price, price, 2).upper
    assert crossed_above(price, upper).tolist() == [False] * 5
    assert crossed_above(price, shift(upper, 1)).tolist() == [False, False, False, True, False]


def test_keltner_bands_lie_around_the_ema_by_the_atr() -> None:
    upper, middle, lower = keltner(HIGH, LOW, CLOSE, 20, 10, 1.5)
    reach = 1.5 * atr(HIGH, LOW, CLOSE, 10)
    np.testing.assert_array_equal(middle, ema(CLOSE, 20))
    np.testing.assert_array_equal(upper[19:], (middle + reach)[19:])
    np.testing.assert_array_equal(lower[19:], (middle - reach)[19:])


def test_keltner_bands_start_together_where_the_atr_starts_later() -> None:
    bands = keltner(HIGH, LOW, CLOSE, 5, 30)
    assert [int(np.isnan(column).sum()) for column in bands] == [30, 30, 30]


def textbook_supertrend(
    columns: tuple[FloatColumn, FloatColumn, FloatColumn], period: int, multiple: float
) -> tuple[list[float], list[float]]:
    """Both bands kept as lists, the line compared with the band it was on."""
    high, low, close = columns
    reach = multiple * atr(*columns, period)
    uppers, lowers, line, direction = [np.nan], [np.nan], [np.nan], [np.nan]
    for t in range(1, len(close)):
        upper, lower = (high[t] + low[t]) / 2 + reach[t], (high[t] + low[t]) / 2 - reach[t]
        if not (np.isnan(uppers[-1]) or upper < uppers[-1] or close[t - 1] > uppers[-1]):
            upper = uppers[-1]
        if not (np.isnan(lowers[-1]) or lower > lowers[-1] or close[t - 1] < lowers[-1]):
            lower = lowers[-1]
        if np.isnan(line[-1]) or line[-1] == uppers[-1]:
            rises = not np.isnan(line[-1]) and close[t] > upper
        else:
            rises = not close[t] < lower
        uppers.append(upper)
        lowers.append(lower)
        line.append(lower if rises else upper)
        direction.append(np.nan if np.isnan(upper) else 1.0 if rises else -1.0)
    return line, direction


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    period=st.integers(1, 20),
    multiple=st.sampled_from([0.3, 1.0, 3.0]),
)
def test_supertrend_is_that_of_the_textbook(seed: int, period: int, multiple: float) -> None:
    candles = walk(150, seed=seed)
    columns = (candles.high, candles.low, candles.close)
    line, direction = textbook_supertrend(columns, period, multiple)
    found = supertrend(*columns, period, multiple)
    np.testing.assert_array_equal(found.line, line)
    np.testing.assert_array_equal(found.direction, direction)


def test_supertrend_of_six_candles() -> None:
    close = np.array([10.0, 10.0, 10.5, 14.0, 13.0, 9.0])
    # High and low one beyond the close. True ranges: 2, 2, 4.5, 2, 5; ATR of 1 is the last one.
    # Row 1 falls at 10 + 2. Row 2: 10.5 + 2 is further away, the band stays at 12. Row 3 closes
    # above: 14 - 4.5. Row 4: the lower band rises to 13 - 2. Row 5 closes below: 9 + 5.
    line, direction = supertrend(close + 1, close - 1, close, 1, 1.0)
    assert line.tolist()[1:] == [12.0, 12.0, 9.5, 11.0, 14.0]
    assert direction.tolist()[1:] == [-1.0, -1.0, 1.0, 1.0, -1.0]


def test_supertrend_turns_on_closes_beyond_its_line_not_on_it() -> None:
    # The line falls at 12: a close of 12 stays below. It then rises at 11, and 11 stays above.
    close = np.array([10.0, 10.0, 12.0, 14.0, 13.0, 11.0])
    line, direction = supertrend(close + 1, close - 1, close, 1, 1.0)
    assert line.tolist()[1:] == [12.0, 12.0, 11.0, 11.0, 11.0]
    assert direction.tolist()[1:] == [-1.0, -1.0, 1.0, 1.0, 1.0]
