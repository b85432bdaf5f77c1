from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib
from tests.walks import walk

from leeward.domain.columns import FloatColumn
from leeward.indicators import adx, atr, true_range

CANDLES = walk(500)
COLUMNS = (CANDLES.high, CANDLES.low, CANDLES.close)


def assert_as_talib(columns: tuple[FloatColumn, FloatColumn, FloatColumn], period: int) -> None:
    np.testing.assert_allclose(true_range(*columns), talib.TRANGE(*columns), rtol=1e-9)
    np.testing.assert_allclose(atr(*columns, period), talib.ATR(*columns, period), rtol=1e-9)
    ours = adx(*columns, period)
    first = 2 * period - 1
    for found, function in zip(ours, (talib.ADX, talib.PLUS_DI, talib.MINUS_DI), strict=True):
        theirs = function(*columns, period)
        np.testing.assert_allclose(found[first:], theirs[first:], rtol=1e-9)
        assert np.isnan(found[:first]).all()


@pytest.mark.parametrize("period", [2, 3, 14, 50])
def test_ranges_and_directions_are_those_of_talib(period: int) -> None:
    assert_as_talib(COLUMNS, period)


def test_ranges_and_directions_of_real_candles_are_those_of_talib(market_data: Path) -> None:
    table = pl.read_parquet(market_data / "BTCUSDT-1h.parquet")
    high, low, close = (table[name].to_numpy() for name in ("high", "low", "close"))
    assert_as_talib((high, low, close), 14)


def test_a_true_range_reaches_to_the_close_before() -> None:
    high = np.array([10.0, 9.0, 12.0, 8.0])
    low = np.array([8.0, 7.0, 11.0, 6.0])
    close = np.array([9.0, 8.0, 11.5, 7.0])
    # Within the close before; up from 8 to 12; down from 11.5 to 6.
    assert true_range(high, low, close).tolist()[1:] == [2.0, 4.0, 5.5]
    assert atr(high, low, close, 2).tolist()[2:] == [3.0, 4.25]


def test_directions_of_five_candles() -> None:
    high = np.array([10.0, 12.0, 13.0, 12.5, 12.0])
    low = np.array([9.0, 11.0, 11.5, 10.0, 9.5])
    close = np.array([9.5, 11.5, 12.0, 10.5, 10.0])
    # Moves: up 2, up 1, down 1.5, down 0.5. True ranges: 2.5, 1.5, 2.5, 2.5.
    # Wilder's averages of 2: up 1, 1, 0.5, 0.25; down 0, 0, 0.75, 0.625; range 1.25, 1.375,
    # 1.9375, 2.21875. One-sidedness from row 2: 100, then 20, then 42.857.
    found = adx(high, low, close, 2)
    assert found.plus_di.tolist()[3:] == pytest.approx([50 / 1.9375, 25 / 2.21875])
    assert found.minus_di.tolist()[3:] == pytest.approx([75 / 1.9375, 62.5 / 2.21875])
    assert found.adx.tolist()[3:] == pytest.approx([60.0, (60 + 100 * 0.375 / 0.875) / 2])


def test_a_market_that_never_moved_has_no_direction() -> None:
    flat = np.full(40, 5.0)
    assert [column[-1] for column in adx(flat, flat, flat, 14)] == [0.0, 0.0, 0.0]
    assert [float(f(flat, flat, flat, 14)[-1]) for f in (talib.ADX, talib.PLUS_DI)] == [0.0, 0.0]
