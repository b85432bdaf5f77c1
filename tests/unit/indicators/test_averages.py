from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.walks import walk

from leeward.domain.errors import BadUsage
from leeward.indicators import ema, macd, sma, vwap, wma

CLOSE = walk(500).close
PRICES = st.floats(1e-8, 1e8)


@pytest.mark.parametrize("period", [2, 3, 14, 50, 200])
def test_averages_are_those_of_talib(period: int) -> None:
    np.testing.assert_allclose(sma(CLOSE, period), talib.SMA(CLOSE, period), rtol=1e-9)
    np.testing.assert_allclose(ema(CLOSE, period), talib.EMA(CLOSE, period), rtol=1e-9)
    np.testing.assert_allclose(wma(CLOSE, period), talib.WMA(CLOSE, period), rtol=1e-9)


@pytest.mark.parametrize("lengths", [(12, 26, 9), (2, 3, 2), (5, 34, 5)])
def test_macd_is_that_of_talib(lengths: tuple[int, int, int]) -> None:
    for ours, theirs in zip(macd(CLOSE, *lengths), talib.MACD(CLOSE, *lengths), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_averages_of_real_prices_are_those_of_talib(market_data: Path) -> None:
    close = pl.read_parquet(market_data / "BTCUSDT-1h.parquet")["close"].to_numpy()
    np.testing.assert_allclose(sma(close, 20), talib.SMA(close, 20), rtol=1e-9)
    np.testing.assert_allclose(ema(close, 20), talib.EMA(close, 20), rtol=1e-9)
    np.testing.assert_allclose(wma(close, 20), talib.WMA(close, 20), rtol=1e-9)
    np.testing.assert_allclose(macd(close).line, talib.MACD(close)[0], rtol=1e-9, atol=1e-9)


def test_averages_of_four_candles() -> None:
    values = np.array([2.0, 4.0, 6.0, 14.0])
    # Mean of 3; then weights 1 2 3 over 6; then 6 weighs 2 / (3 + 1) and the average before 1 / 2.
    assert sma(values, 3).tolist()[2:] == [4.0, 8.0]
    assert wma(values, 3).tolist()[2:] == pytest.approx([28 / 6, 58 / 6], rel=1e-15)
    assert ema(values, 3).tolist()[2:] == [4.0, 9.0]


@settings(deadline=None)
@given(price=PRICES, period=st.integers(1, 60))
def test_a_flat_market_lies_exactly_on_all_of_its_averages(price: float, period: int) -> None:
    flat = np.full(80, price)
    for average in (sma, ema, wma):
        assert set(average(flat, period)[period - 1 :]) == {price}
    for column in macd(flat, period, period + 5, 9):
        assert not np.nan_to_num(column).any()


@settings(deadline=None)
@given(
    st.lists(PRICES, min_size=20, max_size=60),
    st.integers(1, 20),
    st.sampled_from([1.0, 1e-6, 1e6]),
)
def test_a_mean_knows_nothing_of_the_prices_before_its_window(
    prices: list[float], period: int, factor: float
) -> None:
    values = np.array([price * factor for price in prices] + prices)
    last = prices[-period:]
    weights = range(1, period + 1)
    weighted = math.fsum(w * p for w, p in zip(weights, last, strict=True)) / sum(weights)
    assert sma(values, period)[-1] == pytest.approx(math.fsum(last) / period, rel=1e-14)
    assert wma(values, period)[-1] == pytest.approx(weighted, rel=1e-14)


def test_vwap_weighs_typical_prices_by_volume() -> None:
    candles = walk(300)
    typical = (candles.high + candles.low + candles.close) / 3
    for period in (1, 5, 24):
        found = vwap(candles.high, candles.low, candles.close, candles.volume, period)
        for t in (period - 1, 100, 299):
            rows = slice(t - period + 1, t + 1)
            mean = np.average(typical[rows], weights=candles.volume[rows])
            assert found[t] == pytest.approx(mean, rel=1e-13)


def test_vwap_of_a_window_without_volume_is_unknown() -> None:
    price = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    found = vwap(price, price, price, np.array([1e9, 0.0, 0.0, 3.0, 1.0]), 2)
    assert found.tolist() == pytest.approx([np.nan, 1.0, np.nan, 4.0, 4.25], nan_ok=True)


def test_macd_needs_a_fast_average_that_is_faster() -> None:
    with pytest.raises(BadUsage, match="macd: fast is 26, slow is 26; fast must be the smaller"):
        macd(CLOSE, fast=26)
