from __future__ import annotations

import math
import statistics
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.walks import walk

from leeward.indicators import realised_volatility, rolling_std

CLOSE = walk(500).close
PRICES = st.floats(1e-8, 1e8)


@pytest.mark.parametrize("period", [5, 20, 100])
def test_standard_deviation_is_that_of_talib(period: int) -> None:
    np.testing.assert_allclose(rolling_std(CLOSE, period), talib.STDDEV(CLOSE, period), rtol=1e-9)


def test_standard_deviation_of_real_prices_is_that_of_talib(market_data: Path) -> None:
    close = pl.read_parquet(market_data / "BTCUSDT-1h.parquet")["close"].to_numpy()[-5000:]
    # TA-Lib subtracts two large sums; on prices far from zero it is the less exact of the two.
    np.testing.assert_allclose(rolling_std(close, 20), talib.STDDEV(close, 20), rtol=1e-7)


@settings(deadline=None)
@given(st.lists(PRICES, min_size=1, max_size=40), st.sampled_from([1.0, 1e-6, 1e6]))
def test_standard_deviation_is_exact_whatever_prices_came_before(
    prices: list[float], factor: float
) -> None:
    values = np.array([price * factor for price in prices] + prices)
    expected = statistics.pstdev(prices)
    assert rolling_std(values, len(prices))[-1] == pytest.approx(
        expected, rel=1e-9, abs=1e-13 * max(prices)
    )


@settings(deadline=None)
@given(
    price=PRICES,
    before=st.lists(PRICES, min_size=1, max_size=10),
    period=st.integers(1, 40),
)
def test_equal_prices_deviate_by_exactly_zero(
    price: float, before: list[float], period: int
) -> None:
    values = np.array(before + [price] * (period + 5))
    assert set(rolling_std(values, period)[-6:]) == {0.0}


def test_small_moves_of_a_large_price_are_not_lost() -> None:
    values = 1e9 + np.tile([0.0, 0.001], 50)
    np.testing.assert_allclose(rolling_std(values, 10)[9:], 0.0005, rtol=1e-3)


def test_realised_volatility_is_the_root_of_the_mean_squared_return_of_a_year() -> None:
    returns = np.diff(np.log(CLOSE))
    found = realised_volatility(CLOSE, 24, 8766)
    for t in (24, 100, 499):
        mean_square = math.fsum(returns[t - 24 : t] ** 2) / 24
        assert found[t] == pytest.approx(math.sqrt(8766 * mean_square), rel=1e-9)


def test_realised_volatility_of_known_daily_moves() -> None:
    # 2 % up and down every day is 2 % x sqrt(365) a year.
    close = 100 * np.exp(np.tile([0.0, 0.02], 20))
    found = realised_volatility(close, 10, 365)
    np.testing.assert_allclose(found[10:], 0.02 * math.sqrt(365), rtol=1e-12)


def test_volatility_across_a_price_of_zero_is_unknown() -> None:
    close = np.array([1.0, 2.0, 0.0, 2.0, 1.0, -1.0, 1.0])
    found = realised_volatility(close, 1, 1)
    assert np.isnan(found).tolist() == [True, False, True, True, False, True, True]
