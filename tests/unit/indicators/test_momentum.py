from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib
from tests.walks import walk

from leeward.indicators import roc, rsi, stochastic

CANDLES = walk(500)
CLOSE = CANDLES.close


@pytest.mark.parametrize("period", [2, 3, 14, 50])
def test_rsi_is_that_of_talib(period: int) -> None:
    np.testing.assert_allclose(rsi(CLOSE, period), talib.RSI(CLOSE, period), rtol=1e-9)


@pytest.mark.parametrize("period", [1, 10, 100])
def test_roc_is_that_of_talib(period: int) -> None:
    np.testing.assert_allclose(roc(CLOSE, period), talib.ROC(CLOSE, period), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("lengths", [(14, 3, 3), (5, 1, 3), (9, 4, 2)])
def test_stochastic_is_that_of_talib(lengths: tuple[int, int, int]) -> None:
    columns = (CANDLES.high, CANDLES.low, CLOSE)
    period, k, d = lengths
    theirs = talib.STOCH(*columns, period, k, talib.MA_Type.SMA, d, talib.MA_Type.SMA)
    for ours, expected in zip(stochastic(*columns, *lengths), theirs, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_momentum_of_real_candles_is_that_of_talib(market_data: Path) -> None:
    table = pl.read_parquet(market_data / "ETHUSDT-1h.parquet")
    high, low, close = (table[name].to_numpy() for name in ("high", "low", "close"))
    np.testing.assert_allclose(rsi(close, 14), talib.RSI(close, 14), rtol=1e-9)
    theirs = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    np.testing.assert_allclose(stochastic(high, low, close).k, theirs[0], rtol=1e-9, atol=1e-9)


def test_rsi_of_five_closes() -> None:
    # Gains 2 and 0, losses 0 and 1: averages 1 and 0.5. Then a gain of 3: 2 and 0.25; then none.
    assert rsi(np.array([5.0, 7.0, 6.0, 9.0, 9.0]), 2).tolist()[2:] == pytest.approx(
        [100 * 1 / 1.5, 100 * 2 / 2.25, 100 * 1 / 1.125], rel=1e-15
    )


def test_rsi_of_one_way_markets() -> None:
    rising = np.arange(1.0, 30.0)
    assert set(rsi(rising, 5)[5:]) == {100.0}
    assert set(rsi(rising[::-1], 5)[5:]) == {0.0}


def test_rsi_where_nothing_has_moved_is_zero_as_in_talib() -> None:
    flat = np.full(30, 7.0)
    assert rsi(flat, 5).tolist()[5:] == talib.RSI(flat, 5).tolist()[5:] == [0.0] * 25


def test_a_change_from_zero_is_unknown() -> None:
    assert roc(np.array([0.0, 5.0, 10.0]), 1).tolist() == pytest.approx(
        [np.nan, np.nan, 100.0], nan_ok=True
    )


def test_stochastic_of_a_market_without_range_is_zero() -> None:
    flat = np.full(10, 5.0)
    assert stochastic(flat, flat, flat, 3, 2, 2).d.tolist()[4:] == [0.0] * 6
